//! Several hundred things that can be done to the evidence of a good run; every one is found. What only a head that
//! is known from elsewhere can show, the head shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use autopilot::audit::{Audit, Heads, Scope};
use autopilot::evidence::mask::Secrets;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::forge::{Forge, good, sha256};

/// A copy of the evidence alone.
struct Copy {
    dir: TempDir,
    forge: Forge,
    other: Forge,
    heads: Heads,
}

impl Copy {
    fn new() -> Self {
        let good = good();
        let dir = tempfile::tempdir().unwrap();
        let logs = good.repo.top().join(".ai/logs");
        for folder in ["codex", "autopilot"] {
            let to = dir.path().join(".ai/logs").join(folder);
            fs::create_dir_all(&to).unwrap();
            for entry in fs::read_dir(logs.join(folder)).unwrap() {
                let from = entry.unwrap().path();
                fs::copy(&from, to.join(from.file_name().unwrap())).unwrap();
            }
        }
        let (forge, other) = (Forge::new(dir.path(), &good.failed), Forge::new(dir.path(), &good.done));
        let head = |forge: &Forge| {
            let lines = forge.lines();
            format!("{} {}:{}\n", forge.run, lines.len() - 1, sha256(lines.last().unwrap()))
        };
        let heads = Heads::parse(&format!("{}{}", head(&forge), head(&other))).unwrap();
        Self { dir, forge, other, heads }
    }

    /// Tells whether an audit of the evidence alone finds something.
    fn found(&self) -> bool {
        self.fails(None)
    }

    /// Tells whether one that knows the head does.
    fn found_by_head(&self) -> bool {
        self.fails(Some(&self.heads))
    }

    fn fails(&self, heads: Option<&Heads>) -> bool {
        let secrets = Secrets::default();
        let audit = Audit { top: self.dir.path(), host: None, secrets: &secrets, heads };
        let runs = vec![self.forge.run.parse().unwrap()];
        !audit.run(&Scope::Runs(runs)).unwrap().passes()
    }
}

/// Mutates a copy; demands that it is found from the evidence alone.
#[track_caller]
fn must_be_found(what: &str, mutate: impl FnOnce(&Copy)) {
    let copy = Copy::new();
    mutate(&copy);
    assert!(copy.found(), "{what} was not found");
}

fn lines() -> usize {
    Copy::new().forge.lines().len()
}

#[test]
fn every_line_is_missed_moved_doubled_or_changed_and_found() {
    for at in 0..lines() {
        let change = |what: &str, change: &dyn Fn(&mut Vec<Vec<u8>>)| {
            must_be_found(&format!("line {at} {what}"), |copy| {
                let mut lines = copy.forge.lines();
                change(&mut lines);
                copy.forge.write_lines(&lines);
            });
        };
        change("removed", &|lines| drop(lines.remove(at)));
        change("doubled", &|lines| lines.insert(at, lines[at].clone()));
        change("cut after", &|lines| lines.truncate(at));
        change("of another run", &|lines| lines[at] = Copy::new().other.lines()[at.min(5)].clone());
        change("with another bit in it", &|lines| {
            let middle = lines[at].len() / 2;
            lines[at][middle] ^= 1;
        });
        change("with a blank behind", &|lines| lines[at].push(b' '));
        change("with a key twice", &|lines| {
            let text = String::from_utf8(lines[at].clone()).unwrap();
            lines[at] = text.replacen("{\"v\":2", "{\"v\":2,\"v\":2", 1).into_bytes();
        });
        if at > 0 {
            change("before the one before it", &|lines| lines.swap(at - 1, at));
        }
    }
}

#[test]
fn every_file_is_missed_changed_or_replaced_and_found() {
    type Change = fn(&Path, &Path);
    let changes: [(&str, Change); 12] = [
        ("removed", |file, _| fs::remove_file(file).unwrap()),
        ("emptied", |file, _| fs::write(file, "").unwrap()),
        ("longer", |file, _| rewrite(file, |bytes| bytes.push(b'\n'))),
        ("shorter", |file, _| rewrite(file, |bytes| bytes.truncate(bytes.len() - 1))),
        ("changed at its start", |file, _| rewrite(file, |bytes| bytes[0] ^= 1)),
        ("changed in its middle", |file, _| {
            rewrite(file, |bytes| *bytes.iter_mut().nth_back(9).unwrap() ^= 4);
        }),
        ("changed at its end", |file, _| rewrite(file, |bytes| *bytes.last_mut().unwrap() ^= 1)),
        ("of another run", |file, other| {
            fs::copy(other, file).unwrap();
        }),
        ("a link", |file, _| {
            let aside = file.with_extension("aside");
            fs::rename(file, &aside).unwrap();
            symlink(aside, file).unwrap();
        }),
        ("a folder", |file, _| {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
        }),
        ("a named pipe", |file, _| {
            fs::remove_file(file).unwrap();
            nix::unistd::mkfifo(file, nix::sys::stat::Mode::S_IRWXU).unwrap();
        }),
        ("a device", |file, _| {
            fs::remove_file(file).unwrap();
            symlink("/dev/zero", file).unwrap();
        }),
    ];
    let files: [fn(&Forge) -> PathBuf; 7] = [
        Forge::log,
        Forge::journal,
        Forge::summary,
        Forge::failed,
        Forge::salvage,
        Forge::checkpoints,
        Forge::provenance,
    ];
    for file in files {
        for (what, change) in changes {
            must_be_found(what, |copy| {
                let other =
                    Some(file(&copy.other)).filter(|other| other.exists()).unwrap_or(copy.other.log());
                change(&file(&copy.forge), &other);
            });
        }
    }
}

/// No line behind the last one vouches for it: what it says of the others does, and of the rest a head alone.
#[test]
fn the_last_line_is_changed_in_each_of_its_fields_and_found() {
    let good = Copy::new().forge.values();
    let last = good.last().unwrap();
    let mut edits: Vec<(String, Value)> = Vec::new();
    for place in places(last) {
        let mut line = last.clone();
        change(line.pointer_mut(&place).unwrap());
        edits.push((format!("{place} changed"), line));
        let (mut line, (of, key)) = (last.clone(), place.rsplit_once('/').unwrap());
        line.pointer_mut(of).unwrap().as_object_mut().unwrap().remove(key).unwrap();
        edits.push((format!("{place} left out"), line));
    }
    // What is well-formed, and another all the same.
    let mut with = |what: &str, place: &str, value: Value| {
        let mut line = last.clone();
        *line.pointer_mut(place).unwrap() = value;
        edits.push((what.to_owned(), line));
    };
    with("at another time", "/ts", json!("2031-01-01T00:00:00.000Z"));
    with("behind another line", "/prev", json!("0".repeat(64)));
    with("at another place", "/seq", json!(3));
    with("of an older version", "/v", json!(1));
    with("behind a line with another last letter", "/prev", json!(other_end(&last["prev"])));
    with("of another digest", "/event/sha256", json!("0".repeat(64)));
    with("of a digest with another last letter", "/event/sha256", json!(other_end(&last["event"]["sha256"])));
    with(
        "of another kind",
        "/event",
        json!({"type": "publish.started", "effect": "push", "key": "x", "to": "x"}),
    );
    with("the line before it once more", "/event", good[good.len() - 2]["event"].clone());
    assert!(edits.len() > 15, "{edits:#?}");
    let mut by_head = Vec::new();
    for (what, line) in edits {
        assert_ne!(line, *last, "{what}");
        let copy = Copy::new();
        let mut lines = copy.forge.lines();
        *lines.last_mut().unwrap() = line.to_string().into_bytes();
        copy.forge.write_lines(&lines);
        assert!(copy.found_by_head(), "the last line {what} was not found, not even by the head");
        if !copy.found() {
            by_head.push(what);
        }
    }
    assert_eq!(by_head, ["at another time"], "what the evidence alone does not show");
}

/// Returns a digest that is the same but for its last letter.
fn other_end(digest: &Value) -> String {
    let (begin, end) = digest.as_str().unwrap().split_at(63);
    format!("{begin}{}", if end == "0" { "1" } else { "0" })
}

#[test]
fn a_digest_with_another_last_letter_is_another() {
    let files = Copy::new().forge.values().iter().find(|line| line["event"]["type"] == "sealed").unwrap()["event"]["files"].clone();
    let files = files.as_array().unwrap().len();
    assert!(files > 3, "{files}");
    for at in 0..files {
        must_be_found(&format!("the digest of sealed file {at}"), |copy| {
            copy.forge.edit_seal(|files| files[at]["sha256"] = json!(other_end(&files[at]["sha256"])));
        });
        must_be_found(&format!("the size of sealed file {at}"), |copy| {
            copy.forge.edit_seal(|files| files[at]["size"] = json!(files[at]["size"].as_u64().unwrap() + 1));
        });
        // The journal behind the files.
        for at in [at, files] {
            must_be_found(&format!("the digest of subject {at}"), |copy| {
                copy.forge.edit_provenance(|statement| {
                    let digest = &mut statement["subject"][at]["digest"]["sha256"];
                    *digest = json!(other_end(digest));
                });
            });
        }
    }
    let mut copy = Copy::new();
    let lines = copy.forge.lines();
    let head =
        |hash: &str| Heads::parse(&format!("{} {}:{hash}\n", copy.forge.run, lines.len() - 1)).unwrap();
    let own = sha256(lines.last().unwrap());
    let (own, other) = (head(&own), head(&other_end(&json!(own))));
    copy.heads = own;
    assert!(!copy.found_by_head());
    copy.heads = other;
    assert!(copy.found_by_head(), "a head with another last letter was not found");
}

fn rewrite(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).unwrap();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
}

#[test]
fn folders_that_are_links_are_not_followed() {
    for folder in [".ai", ".ai/logs", ".ai/logs/autopilot", ".ai/logs/codex"] {
        must_be_found(folder, |copy| {
            let folder = copy.dir.path().join(folder);
            let aside = copy.dir.path().join("aside");
            fs::rename(&folder, &aside).unwrap();
            symlink(aside, folder).unwrap();
        });
    }
}

#[test]
fn a_secret_in_any_sink_is_found_however_well_it_was_sealed() {
    let secret = format!("{}_{}", "ghp", "a1B2".repeat(9));
    let files: [fn(&Forge) -> PathBuf; 3] = [Forge::log, Forge::summary, Forge::failed];
    for file in files {
        must_be_found("a secret", |copy| {
            rewrite(&file(&copy.forge), |bytes| bytes.extend(format!("{secret}\n").as_bytes()));
            copy.forge.reseal();
        });
    }
    must_be_found("a secret in the provenance", |copy| {
        copy.forge.edit_provenance(|statement| {
            statement["predicate"]["buildDefinition"]["internalParameters"] = json!({"x": secret});
        });
    });
    for at in 0..lines() {
        must_be_found("a secret in the journal", |copy| {
            copy.forge.edit(|lines| {
                if let Some(text) =
                    lines[at]["event"].as_object_mut().unwrap().values_mut().find(|v| v.is_string())
                {
                    *text = json!(secret);
                }
            });
        });
    }
}

#[test]
fn publishing_follows_the_head_and_says_what_it_published() {
    let publish = |copy: &Copy, kinds: &[&str], effect: &str, key: &str| {
        let mut lines = copy.forge.values();
        for kind in kinds {
            let mut line = lines.last().unwrap().clone();
            line["event"] = match *kind {
                "publish.started" => json!({"type": kind, "effect": effect, "key": key, "to": "x"}),
                _ => json!({"type": kind, "effect": effect, "key": key, "url": null, "id": 7}),
            };
            lines.push(line);
        }
        copy.forge.edit(|own| *own = lines);
    };
    let head = |copy: &Copy| {
        let lines = copy.forge.lines();
        format!("{}:{}", lines.len() - 1, sha256(lines.last().unwrap()))
    };
    let both = ["publish.started", "publish.done"];
    let copy = Copy::new();
    copy.forge.reseal();
    publish(&copy, &both, "comment", &head(&copy));
    assert!(!copy.found(), "a comment that tells the head is as it should be");
    must_be_found("a comment of another head", |copy| publish(copy, &both, "comment", "3:0"));
    must_be_found("a push of a run that failed", |copy| publish(copy, &both, "push", "3:0"));
    must_be_found("an end without a start", |copy| {
        copy.forge.reseal();
        publish(copy, &both[1..], "comment", &head(copy));
    });
}

/// Something done to one line of a journal.
type Edit = fn(&mut Vec<Value>, usize);

/// What somebody changes who writes everything again; and whether the evidence alone shows it.
#[test]
fn a_journal_that_was_written_again_is_found_by_its_head_if_by_nothing_else() {
    let mut by_head: BTreeMap<String, usize> = BTreeMap::new();
    let (mut all, mut alone) = (0, 0);
    let mut judge = |what: String, copy: &Copy| {
        let evidence = copy.found();
        all += 1;
        alone += usize::from(evidence);
        if !evidence {
            assert!(copy.found_by_head(), "{what} was not found, not even by the head");
            *by_head.entry(what).or_default() += 1;
        }
    };
    for at in 0..lines() - 2 {
        let edits: [(&str, Edit); 3] = [
            ("removed", |lines, at| drop(lines.remove(at))),
            ("doubled", |lines, at| lines.insert(at, lines[at].clone())),
            ("moved", |lines, at| lines.swap(at, at + 1)),
        ];
        for (what, edit) in edits {
            let copy = Copy::new();
            let kind = copy.forge.values()[at]["event"]["type"].as_str().unwrap().to_owned();
            copy.forge.edit(|lines| edit(lines, at));
            judge(format!("{kind} {what}"), &copy);
        }
        let line = Copy::new().forge.values().swap_remove(at);
        let kind = line["event"]["type"].as_str().unwrap().to_owned();
        for pointer in places(&line["event"]) {
            let name = named(&kind, &pointer);
            let copy = Copy::new();
            copy.forge.edit(|lines| change(lines[at]["event"].pointer_mut(&pointer).unwrap()));
            judge(name.clone(), &copy);
            let copy = Copy::new();
            let (of, key) = pointer.rsplit_once('/').unwrap();
            copy.forge.edit(|lines| {
                if let Value::Object(fields) = lines[at]["event"].pointer_mut(of).unwrap() {
                    fields.remove(key);
                }
            });
            if copy.forge.values()[at] != line {
                judge(format!("{name} left out"), &copy);
            }
        }
    }
    println!(
        "{all} rewritten journals, {alone} found by the evidence alone; by the head alone: {by_head:#?}"
    );
    assert!(all > 300, "{all}");
    let left_out = |what: &str| what.strip_suffix(" left out").unwrap_or(what).to_owned();
    let unfound: BTreeSet<String> = by_head.keys().map(|what| left_out(what)).collect();
    let known: BTreeSet<String> = BY_HEAD.iter().map(|what| (*what).to_owned()).collect();
    assert_eq!(unfound, known, "what the evidence alone does not show");
}

/// What the evidence alone cannot show of a journal that was written again; all of it, and nothing else.
const BY_HEAD: [&str; 50] = [
    // Measurements: of time, within what the others leave; of bytes, files and processes.
    "attempt.ended ms",
    "attempt.ended wrote",
    "attempt.ended wrote.home",
    "attempt.ended wrote.ignored",
    "command.ended killed",
    "command.ended ms",
    "command.ended output",
    "command.ended span",
    "retry.waiting ms",
    "run.ended ms",
    "salvaged paths",
    "worktree.ready files",
    "worktree.ready ms",
    "worktree.removed ignored_bytes",
    "worktree.removed ignored_files",
    "worktree.removed proved",
    // What the repository shows: commits, what is in them, and the plan; and what a path says to an agent.
    // A search of the branch may have failed, be made again, and come before or behind the removal.
    "branch.searched doubled",
    "branch.searched found",
    "branch.searched more",
    "branch.searched removed",
    "branch.searched unsearched",
    "worktree.removed moved",
    "checkpoint.made changes",
    "checkpoint.made changes.added",
    "checkpoint.made changes.path",
    "checkpoint.made changes.removed",
    "checkpoint.made instructions",
    "checkpoint.made tree",
    "run.started base",
    "run.started dirty",
    "run.started plan_commit",
    "run.started plan_path",
    "run.started plan_sha256",
    "run.started repository",
    // Who ran it, with what, and what was to be published of it.
    "run.started autopilot",
    "run.started host.git",
    "run.started host.kernel",
    "run.started host.name",
    "run.started host.pid",
    "run.started publish",
    "run.started publish.effects",
    "run.started publish.hindered",
    "run.started sandbox",
    "run.started started_by.user",
    // What an earlier run had left.
    "cache.looked locks",
    // Words for people.
    "cache.looked why",
    "expectation.judged saw",
    "salvaged not_held",
    "step.ended because",
    // How a rollback ended changes nothing.
    "command.ended exit_code",
];

/// Where an event has something that can be changed to something else of its kind, fields of fields included. The plan and
/// what was enforced are changed as a whole: what of them follows has fixtures of its own.
fn places(event: &Value) -> Vec<String> {
    let (mut places, mut open) = (Vec::new(), vec![(String::new(), event)]);
    while let Some((place, value)) = open.pop() {
        let inner: Vec<(String, &Value)> = match value {
            Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
            Value::Array(items) => {
                items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
            }
            _ => Vec::new(),
        };
        if !place.is_empty() && place != "/type" {
            places.push(place.clone());
        }
        if !matches!(place.as_str(), "/plan" | "/enforced") {
            open.extend(inner.into_iter().map(|(key, value)| (format!("{place}/{key}"), value)));
        }
    }
    places
}

/// Names a place of an event, the same for every item of a list.
fn named(kind: &str, pointer: &str) -> String {
    let parts = pointer.split('/').skip(1).filter(|part| part.parse::<usize>().is_err());
    format!("{kind} {}", parts.collect::<Vec<_>>().join("."))
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Changes a value to another one of its kind.
fn change(value: &mut Value) {
    *value = match &*value {
        Value::Number(number) => json!(number.as_u64().unwrap_or(0) + 1),
        Value::Bool(is) => json!(!is),
        Value::Null => json!(1),
        Value::String(text) if text == "passed" => json!("failed"),
        Value::String(text) if text == "failed" => json!("passed"),
        Value::String(text) if text == "action" => json!("post"),
        Value::String(text) if text == "post" || text == "rollback" => json!("action"),
        // Another commit is another one; with a letter more it would be no commit.
        Value::String(text) if is_commit(text) => json!(text.chars().rev().collect::<String>()),
        Value::String(text) => json!(format!("{text}x")),
        Value::Array(items) => json!(items.iter().skip(1).collect::<Vec<_>>()),
        Value::Object(_) => Value::Null,
    };
}
