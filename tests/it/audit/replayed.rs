//! Lies in a record that was written again, so that its chain and its seal fit: which of them a replay finds, and which the audit.

use std::fs;

use serde_json::{Value, json};

use super::forge::Forge;
use crate::common::Repo;

/// A lie: what it is, what tells it, and who finds it.
struct Lie {
    what: &'static str,
    tell: fn(&Forge),
    by_replay: bool,
    by_audit: bool,
}

fn of(kind: &'static str, step: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["step"] == step && (kind.is_empty() || event["kind"] == kind)
}

/// Writes something else wherever the record has a text.
fn said_otherwise(forge: &Forge, from: &str, to: &str) {
    forge.edit(|lines| {
        for line in lines {
            *line = serde_json::from_str(&line.to_string().replace(from, to)).unwrap();
        }
    });
}

const LIES: &[Lie] = &[
    Lie {
        what: "an exit code",
        tell: |forge| forge.edit_event("command.ended", of("", "b"), |event| event["exit_code"] = json!(1)),
        by_replay: true,
        by_audit: true,
    },
    Lie {
        what: "a verdict that did not hold",
        tell: |forge| {
            forge
                .edit_event("expectation.judged", of("exit_code", "b"), |event| event["held"] = json!(false));
        },
        by_replay: true,
        by_audit: true,
    },
    Lie {
        what: "a tree",
        tell: |forge| {
            forge.edit_event("checkpoint.made", of("", "b"), |event| event["tree"] = json!("1".repeat(40)));
        },
        by_replay: true,
        by_audit: true,
    },
    Lie {
        what: "lines that were changed",
        tell: |forge| {
            forge.edit_event("checkpoint.made", of("", "b"), |event| event["changes"][0]["added"] = json!(7));
        },
        by_replay: true,
        by_audit: false,
    },
    Lie {
        what: "a path that was changed",
        tell: |forge| {
            forge
                .edit_event("checkpoint.made", of("", "b"), |event| event["changes"][0]["path"] = json!("c"));
        },
        by_replay: true,
        by_audit: true,
    },
    Lie {
        what: "what was enforced",
        tell: |forge| {
            forge.edit_event("command.ended", of("", "b"), |event| {
                event["enforced"]["seccomp"] = json!(false);
            });
        },
        by_replay: false,
        by_audit: true,
    },
    Lie {
        what: "another command, in plan and events",
        tell: |forge| said_otherwise(forge, "cat a > b", "cat a > d"),
        by_replay: true,
        by_audit: false,
    },
    Lie {
        what: "an expectation that was met, and is not the plan's",
        tell: |forge| {
            forge.edit(|lines| {
                lines[0]["event"]["plan"]["steps"][1]["expectation"]["changes"] =
                    json!({"min": 9, "max": null, "within": [], "not_within": [], "keep": []});
            });
        },
        by_replay: true,
        by_audit: true,
    },
    Lie {
        what: "a step that passed, and does not",
        tell: |forge| said_otherwise(forge, "cat a > b", "cat a > b; exit 3"),
        by_replay: true,
        by_audit: false,
    },
    Lie {
        what: "a commit",
        tell: |forge| {
            forge.edit_event("checkpoint.made", of("", "b"), |event| event["commit"] = json!("1".repeat(40)));
        },
        by_replay: true,
        by_audit: true,
    },
    Lie {
        what: "what a commit is on top of",
        tell: |forge| {
            forge.edit_event("checkpoint.made", of("", "b"), |event| event["parent"] = json!("1".repeat(40)));
        },
        by_replay: false,
        by_audit: true,
    },
    Lie {
        what: "a step that is left out",
        tell: |forge| forge.edit(|lines| lines.retain(|line| line["event"]["step"] != "b")),
        by_replay: false,
        by_audit: true,
    },
    Lie {
        what: "the base",
        tell: |forge| forge.edit(|lines| lines[0]["event"]["commit"] = json!("1".repeat(40))),
        by_replay: true,
        by_audit: true,
    },
    Lie {
        what: "another bundle",
        tell: |forge| {
            fs::write(forge.checkpoints(), "# v2 git bundle\n").unwrap();
            forge.reseal();
        },
        by_replay: true,
        by_audit: true,
    },
    Lie {
        what: "a wider policy, in the plan",
        tell: |forge| forge.edit(|lines| lines[0]["event"]["plan"]["steps"][1]["network"] = json!("full")),
        by_replay: false,
        by_audit: true,
    },
    Lie {
        what: "which plan file it was",
        tell: |forge| forge.edit(|lines| lines[0]["event"]["plan_sha256"] = json!("1".repeat(64))),
        by_replay: false,
        by_audit: true,
    },
    Lie {
        what: "how the run ended",
        tell: |forge| {
            forge.edit(|lines| {
                let ended = lines.iter_mut().find(|line| line["event"]["type"] == "run.ended").unwrap();
                ended["event"]["result"] = json!("failed");
            });
        },
        by_replay: false,
        by_audit: true,
    },
    Lie {
        what: "what the summary says",
        tell: |forge| {
            let text = fs::read_to_string(forge.summary()).unwrap();
            assert!(text.contains("| b | ✅ | 1 |"), "{text}");
            fs::write(forge.summary(), text.replace("| b | ✅ | 1 |", "| b | ❌ | 1 |")).unwrap();
            forge.reseal();
        },
        by_replay: false,
        by_audit: true,
    },
    Lie {
        what: "how often the summary says that a step was tried",
        tell: |forge| {
            let text = fs::read_to_string(forge.summary()).unwrap();
            fs::write(forge.summary(), text.replace("| b | ✅ | 1 |", "| b | ✅ | 2 |")).unwrap();
            forge.reseal();
        },
        by_replay: false,
        by_audit: true,
    },
    Lie {
        what: "that it is the pull request of an earlier run which it revises",
        tell: |forge| {
            forge.edit(|lines| {
                let start = lines[0]["event"].clone();
                let commit = start["commit"].clone();
                lines[0]["event"]["revises"] = json!({"run": start["run"], "number": 1, "url": "https://github.com/o/r/pull/1",
                    "remote": "origin", "branch": "refs/heads/autopilot/x", "pushed": commit, "tip": "1".repeat(40),
                    "seen": "2026-01-01T00:00:00Z", "asked": []});
            });
        },
        by_replay: false,
        by_audit: true,
    },
    Lie {
        what: "who started it",
        tell: |forge| {
            forge.edit(|lines| lines[0]["event"]["started_by"]["user"] = json!("somebody"));
        },
        by_replay: false,
        by_audit: false,
    },
];

#[test]
fn each_lie_is_found_by_whom_the_page_says() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo a > a'}\n  - {id: b, command: 'cat a > b'}\n");
    repo.run().exits(0);
    let run = repo.events()[0]["run"].as_str().unwrap().to_owned();
    for lie in LIES {
        let copy = repo.copy();
        (lie.tell)(&Forge::new(&copy.top(), &run));
        let replayed = copy.autopilot(["replay", &run]);
        assert_eq!(replayed.code != 0, lie.by_replay, "{}, replayed: {replayed:?}", lie.what);
        let audited = copy.autopilot(["audit", &run]);
        assert_eq!(audited.code != 0, lie.by_audit, "{}, audited: {audited:?}", lie.what);
    }
}
