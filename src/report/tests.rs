//! Each line of what people read of a run: takes the events of `tests/fixtures/reports`, gives summary, comment, body of a
//! pull request and failure report, and compares them with what lies beside. `UPDATE=1` writes that anew: read the diff.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use super::review::{Merges, Review, Today};
use super::{comment, failure, not_salvaged, pull_request, summary};
use crate::evidence::journal::Stamped;
use crate::evidence::mask::Secrets;
use crate::evidence::{Document, Event, Files, RunState, Text};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reports")
}

/// Reads a run, of which an event happens each second.
fn run(name: &str) -> RunState {
    let text = std::fs::read_to_string(fixtures().join(name).with_extension("jsonl")).unwrap();
    let start = DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap();
    let mut events = (0..).zip(text.lines()).map(|(second, line)| {
        let event: Event =
            serde_json::from_str(line).unwrap_or_else(|e| panic!("{name}:{}: {e}", second + 1));
        assert_eq!(event.misfit(2), None, "{line}");
        Stamped { time: start + TimeDelta::seconds(second), event }
    });
    let Some(Stamped { time, event: Event::RunStarted(started) }) = events.next() else { panic!("{name}") };
    let mut state = RunState::new(*started, time);
    events.for_each(|event| state.apply(&event));
    state
}

fn files(state: &RunState, top: &Path) -> Files {
    Files::of(top, state.start.run.as_str().parse().unwrap())
}

/// Composes all reports of a run, as its base is today.
fn reports(state: &RunState, today: Option<&Today>) -> String {
    let top = tempfile::tempdir().unwrap();
    let files = files(state, top.path());
    files.make_folders().unwrap();
    let lines: String = (10..60).map(|n| format!("line {n}\n")).collect();
    let (first, last) =
        ("one\ntwo \u{1b}[31mred\u{1b}[0m ##[error]\n", "make: *** [all] Error 2\nlast\tli\u{7}ne\n");
    std::fs::write(files.log(), [first, &lines, last].concat()).unwrap();
    let parts = [
        ("summary", Some(summary::write(state, &files, today))),
        ("comment", Some(comment(state, &files, today))),
        ("pull request", Some(pull_request(state, &files, today))),
        ("failure report", failure::write(state, &files).unwrap()),
        ("not salvaged", not_salvaged(state)),
    ];
    let of = |(name, text): (&str, Option<String>)| {
        format!("═══ {name} ═══\n{}\n", text.unwrap_or_else(|| "none\n".to_owned()))
    };
    parts.map(of).concat().replace(top.path().to_str().unwrap(), "/top")
}

#[track_caller]
fn is_as_it_lies_there(name: &str, told: &str) {
    let path = fixtures().join(name).with_extension("txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, told).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    for (at, (own, other)) in told.lines().zip(expected.lines()).enumerate() {
        assert_eq!(own, other, "{}:{}: if that is meant, UPDATE=1 writes it anew", path.display(), at + 1);
    }
    assert_eq!(told, expected, "{}", path.display());
}

#[test]
fn what_people_read_of_a_run_is_all_there() {
    for name in ["done", "failed", "open", "crashed", "revised"] {
        is_as_it_lies_there(name, &reports(&run(name), None));
    }
}

#[test]
fn what_the_base_is_by_now_is_said() {
    let state = run("done");
    let top = tempfile::tempdir().unwrap();
    let moved = "5".repeat(40);
    let line = |commit: &str, merges: Merges| {
        let today = Today { commit: commit.to_owned(), merges };
        let text = summary::write(&state, &files(&state, top.path()), Some(&today));
        text.lines().find(|line| line.starts_with("**Verified**")).unwrap().to_owned()
    };
    let base = state.start.commit.as_str();
    let on = format!("**Verified** on `main` at `{}`", &base[..7]);
    assert_eq!(line(base, Merges::Clean), format!("{on} (its tip now; merges):"));
    assert_eq!(line(&moved, Merges::Clean), format!("{on} (moved since; merges with `main` at `5555555`):"));
    let conflicts = Merges::Conflicts(vec!["a`".to_owned(), "b".to_owned()]);
    assert_eq!(
        line(&moved, conflicts),
        format!("{on} (moved since; **conflicts** with `main` at `5555555` in `` a` ``, `b`):")
    );
    let unknown = Merges::Unknown("git is gone".to_owned());
    assert_eq!(line(&moved, unknown), format!("{on} (whether it merges is not known: `git is gone`):"));
}

/// Silent rather than wrong: a run without a result has touched nothing, version 1 did not look at every path, and a path
/// that is masked hides what it is.
#[test]
fn what_was_not_touched_is_said_only_where_that_is_known() {
    let untouched = |state: &RunState| Review::of(state, &files(state, Path::new("/top")), None).untouched;
    assert_eq!(
        untouched(&run("done")),
        ["agents' configuration", "build and dependencies", "start-up files"]
    );
    let of = |change: &dyn Fn(&mut RunState)| {
        let mut state = run("done");
        change(&mut state);
        untouched(&state)
    };
    assert_eq!(of(&|state| state.branch = None), Vec::<&str>::new());
    assert_eq!(of(&|state| state.start.origin = None), Vec::<&str>::new());
    assert_eq!(untouched(&run("open")), Vec::<&str>::new());
}

#[test]
fn where_a_step_stands_is_said_with_its_attempt_where_there_may_be_several() {
    let state = run("done");
    assert_eq!(super::place(&state, "fetch", 1), "1/4 fetch");
    assert_eq!(super::place(&state, "implement", 2), "2/4 implement 2/3");
    assert_eq!(super::place(&state, "unknown", 1), "0/4 unknown");
}

#[test]
fn a_person_elsewhere_goes_on_by_what_is_on_the_remote() {
    let commands = |name: &str| {
        let state = run(name);
        failure::from_remote(&state, &files(&state, Path::new("/top")))
    };
    let run = "20261122T155600Z-7";
    let fetch = format!("git fetch origin refs/autopilot/evidence/{run}");
    let [checkout, logs] = [format!("autopilot checkout {run}"), format!("autopilot logs {run} --failed")];
    assert_eq!(commands("failed"), [fetch.clone(), checkout, logs.clone()]);
    assert_eq!(commands("crashed"), [fetch, "autopilot run 7 --resume".to_owned(), logs]);
}

/// By what a plan calls secret, and by the name; what has no value here is named.
#[test]
fn secrets_of_a_recorded_plan_are_masked_where_their_values_are_known() {
    let mut state = run("done");
    let mut plan = state.start.plan.value().clone();
    plan["steps"][0]["secrets"] = serde_json::json!(["OF_PLAN", "NOT_SET"]);
    plan["steps"][1]["env"] = serde_json::json!(["DB_PASSWORD", "PLAIN", "API_TOKEN=***"]);
    state.start.plan = Document::new(&Secrets::default(), plan);
    let secrets = Secrets::default();
    let environment = [
        ("OF_PLAN", "value-of-the-plan"),
        ("DB_PASSWORD", "value-of-the-base"),
        ("OTHER_TOKEN", "value-by-its-name"),
        ("PLAIN", "value-in-the-open"),
    ];
    let unknown = state.register_secrets(environment.into_iter(), &secrets);
    assert_eq!(unknown.into_iter().collect::<Vec<_>>(), ["API_TOKEN", "NOT_SET"]);
    let shown = environment.map(|(_, value)| Text::new(&secrets, value).to_string());
    assert_eq!(shown, ["***", "***", "***", "value-in-the-open"]);
}

#[test]
fn what_became_of_publishing_is_said_where_people_look_for_it() {
    let with = |kind: &str, effect: &str, more: serde_json::Value| {
        let mut state = run("done");
        let key = state.branch.as_ref().unwrap().commit.to_string();
        let mut event = serde_json::json!({"type": kind, "effect": effect, "key": key});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        state.apply(&Stamped { time: state.last, event: serde_json::from_value(event).unwrap() });
        let text = comment(&state, &files(&state, Path::new("/top")), None);
        text.lines().find(|line| line.starts_with("**Try**")).unwrap().to_owned()
    };
    let why = serde_json::json!({"kind": "rights", "why": "the remote said `no`", "hint": "ask"});
    let extent = "2 commits, 12 files, +984 −21, $0.45";
    let range = "main...autopilot/issue-7-20261122T155600Z";
    let link = format!("[`{range}`](https://github.com/o/r/compare/{range})");
    let pull = "https://github.com/o/r/pull/9";
    let no = |what: &str| format!("**no {what}:** `` the remote said `no` ``");
    assert_eq!(
        with("publish.failed", "push", why.clone()),
        format!("**Try** · `{range}` · {extent} · {} · {pull}", no("push"))
    );
    assert_eq!(
        with("publish.failed", "pull_request", why.clone()),
        format!("**Try** · {link} · {extent} · {}", no("pull request"))
    );
    assert_eq!(
        with("publish.failed", "comment", why),
        format!("**Try** · {link} · {extent} · {pull}"),
        "this is the comment"
    );
    let nowhere = serde_json::json!({"url": null});
    assert_eq!(with("publish.done", "pull_request", nowhere), format!("**Try** · {link} · {extent}"));
}
