//! Documents that people and programs write: each becomes a plan that says the same, or a message.

use std::path::Path;
use std::time::Duration;

use autopilot::plan::draft::{Document, Task, Work, Worker, of_work};
use autopilot::plan::{self, Action, Plan, Prompt};
use proptest::prelude::*;

use super::ISSUE;

fn worker() -> Worker<'static> {
    Worker { agent: plan::AgentId::ALL[0], model: None, is_priced: false, proving: None, around: None }
}

fn loaded(text: &str) -> Plan {
    let loaded = plan::parse(text.as_bytes(), Path::new("p"), Path::new("."), Some(ISSUE));
    loaded.unwrap_or_else(|faults| panic!("{faults}\n{text}")).plan
}

fn of(action: &Action) -> &str {
    match action {
        Action::Agent(asked) => match &asked.prompt {
            Prompt::Text(text) => text,
            Prompt::File(_) => panic!("a file"),
        },
        _ => panic!("no codex step"),
    }
}

/// Reads a document twice: as it is, and as the plan that is made of it. Returns whether it became one.
fn same(text: &str) -> bool {
    let document = Document::read(text);
    let graph = match document.graph() {
        Ok(graph) => graph,
        Err(wrong) => {
            assert!(wrong.0.iter().all(|line| line.starts_with("line ") || line.starts_with("no task")));
            return false;
        }
    };
    let title = document.title.clone().unwrap_or_default();
    let plan = loaded(&graph.write(ISSUE, &title, worker()).unwrap());
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(title.trim().is_empty() || plan.title.ends_with(&words(&title)), "{title:?} {:?}", plan.title);
    assert_eq!(plan.steps.len(), graph.tasks.len());
    let step_of = |id: &str| &plan.steps[graph.tasks.iter().position(|task| task.id == id).unwrap()];
    for task in &graph.tasks {
        let step = step_of(&task.id);
        assert_eq!(of(&step.action).trim(), format!("{}\n\n{}", task.title, task.description).trim());
        assert_eq!(step.timeout, bound(task), "{:?}", task.estimate);
        let needs: Vec<&str> = task.needs.iter().map(|need| step_of(need).id.as_str()).collect();
        assert!(needs.iter().all(|need| step.needs.iter().any(|other| other == need)));
        if task.id.bytes().all(|b| b.is_ascii_lowercase()) && !task.id.is_empty() && task.id.len() <= 64 {
            assert_eq!(step.id, task.id);
        }
    }
    true
}

fn bound(task: &Task) -> Duration {
    let (shortest, longest) = (Duration::from_secs(600), Duration::from_secs(366 * 86_400));
    let twice = task.estimate.unwrap_or_default().saturating_mul(2).clamp(shortest, longest);
    Duration::from_secs(twice.as_secs().div_ceil(60) * 60)
}

fn task(id: &str, estimate: &str, description: &str) -> String {
    format!(
        "### 1. A\n\n- **ID**: `{id}`\n- **Estimated Duration**: {estimate}\n\n**Description**: {description}\n"
    )
}

#[test]
fn what_yaml_reads_as_something_else_stays_text() {
    for word in [
        "1",
        "0x1f",
        "0o7",
        "0b1",
        "true",
        "False",
        "null",
        "~",
        "yes",
        "1e5",
        "1e400",
        "-1e999",
        ".inf",
        ".5",
        "1.",
        "007",
        "1_000",
        "12:30:45",
        "2026-01-01",
        "<<",
        "---",
        "...",
        "- a",
        "? a",
        ": a",
        "a: b",
        "a #b",
        "#",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "'",
        "\"",
        "\\",
        "{a",
        "[a",
        ",",
        "=",
        "a:",
        " ",
        "",
    ] {
        assert!(same(&task(word, "5 min", "x")), "{word}");
        assert!(same(&format!("**Title**: {word}\n\n{}", task("a", "5 min", word))), "{word}");
        assert!(same(&format!("### {word}\n- **ID**: a\n")) || word.trim().is_empty(), "{word}");
        loaded(&of_work(ISSUE, word, Work::Issue, worker()).unwrap());
    }
    assert!(same(&format!("**Title**: {}\n\n{}", "9".repeat(400), task("a", "5 min", "x"))));
}

#[test]
fn what_a_plan_may_not_hold_is_spelled_and_said() {
    let text = task("a", "5 min", "x \u{202e} y \u{85} \u{9b} z\u{2028}\u{0}\rend");
    assert!(same(&text));
    let document = Document::read(&format!("\n{text}"));
    assert_eq!(document.tasks[0].description, "x <U+202E> y   <U+009B> z <U+0000>\nend");
    assert_eq!(document.notes.len(), 3);
    assert!(document.notes[0].starts_with("line 7: a plan holds no U+202E"), "{}", document.notes[0]);
    let plan = loaded(&of_work(ISSUE, "a\u{202e}b\u{7}\u{2028}c", Work::Issue, worker()).unwrap());
    assert_eq!(plan.title, "a<U+202E>b<U+0007> c");
}

#[test]
fn estimates_of_every_size_are_bounded_and_what_is_none_is_said() {
    for (estimate, expected) in [
        ("99999999999999999 h", Some(Duration::MAX)),
        ("9999999999999 h", Some(Duration::from_secs(9_999_999_999_999 * 3600))),
        ("2 weeks", Some(Duration::from_secs(14 * 86_400))),
        ("0 min", Some(Duration::ZERO)),
        ("0.0001 ms", Some(Duration::from_nanos(100))),
        ("some", None),
        ("-5 min", None),
        ("1.2.3 h", None),
    ] {
        let text = task("a", estimate, "x");
        assert!(same(&text), "{estimate}");
        let document = Document::read(&text);
        assert_eq!(document.tasks[0].estimate, expected, "{estimate}");
        let said = document.notes.iter().any(|note| note.starts_with("line 4: ") && note.contains(estimate));
        assert_eq!(said, expected.is_none(), "{:?}", document.notes);
    }
}

#[test]
fn a_document_that_makes_too_large_a_plan_is_refused() {
    let document =
        Document::read(&format!("{}\n{}", task("a", "1 h", "x"), task("b", "1 h", &"x ".repeat(600_000))));
    let wrong = document.graph().unwrap().write(ISSUE, "t", worker()).unwrap_err().to_string();
    assert!(wrong.starts_with("line 8: the plan would be 1.1MiB") && wrong.contains("that of b"), "{wrong}");
}

#[test]
fn code_in_a_line_opens_no_block() {
    let text = format!("{}```code``` is here\n\n{}", task("a", "1 h", "x\n"), task("b", "1 h", "y"));
    assert_eq!(Document::read(&text).tasks.len(), 2);
    assert!(same(&text));
}

fn line() -> impl Strategy<Value = String> {
    let id = "[a-z]{1,3}|[A-Z0-9._ -]{1,6}|\\PC{0,4}|[0-9]{1,70}|[0-9]e[0-9]{3}";
    prop_oneof![
        Just("- **ID**: `a`".to_owned()),
        id.prop_map(|id| format!("- **ID**: `{id}`")),
        id.prop_map(|id| format!("### 1. {id}\n- **ID**: {id}")),
        "#{1,7} {0,2}[0-9]{0,3}[.)]? ?\\PC{0,12}",
        "(- )?\\*\\*(Title|Description)\\*\\*: ?.{0,20}",
        "- \\*\\*(Estimated Duration|Estimate)\\*\\*: -?[0-9.]{0,25} ?(ms|s|min|hours|d|weeks|months|分|)",
        "- \\*\\*Dependencies\\*\\*: ([a-z]|None|, ){0,4}",
        "[ \t]{0,6}(`{1,5}|~{1,5})[a-z`]{0,4}",
        "[ \t]{0,9}[-*+>|:?!&%@#\"'{}\\[\\],\\\\]{0,4} ?\\PC{0,12}[ \t]{0,3}",
        any::<String>(),
        "[\u{0}-\u{1f}\u{7f}-\u{a0}\u{200b}-\u{202e}\u{2066}-\u{2069}\u{feff}\u{fffe}\u{1f600}a:# \n\r]{0,12}",
        "[a-z: #]".prop_map(|text| text.repeat(3000)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_documents_become_the_same_plan_or_a_message(
        lines in prop::collection::vec(line(), 0..25),
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        same(&lines.join(end));
    }

    #[test]
    fn random_descriptions_and_titles_stay_what_they_are(
        title in "\\PC{0,20}|.{0,20}",
        words in prop::collection::vec("[ \t]{0,4}\\PC{0,10}[ \t]{0,3}|.{0,12}", 0..8),
    ) {
        let text = words.join("\n");
        let document = format!("**Title**: {title}\n\n{}", task("a", "1 h", &text));
        prop_assert!(same(&document));
        loaded(&of_work(ISSUE, &title, Work::Issue, worker()).unwrap());
    }
}

/// What is left to do of a document in each of the forms that people keep tasks in becomes the same two steps.
#[test]
fn tasks_of_any_form_become_steps() {
    let forms = [
        "# T\n\n### Task 1: Old\n**Status:** done\n\n### Task 2: Review it\nDepends on: Task 1\n\n### Task 3: Mend it\nDepends on: 2\n",
        "# T\n\n- [x] T001 Old\n- [ ] T002 Review it\n- [ ] T003 Mend it\n",
        "# T\n\n| # | Task | After | Status |\n|-|-|-|-|\n| 1 | Old | | ✅ |\n| 2 | Review it | 1 | |\n| 3 | Mend it | 2 | |\n",
        r#"{"tasks": [{"id": 1, "title": "Old", "status": "done"}, {"id": 2, "title": "Review it", "dependencies": [1]},
            {"id": 3, "title": "Mend it", "dependencies": [2]}]}"#,
    ];
    for text in forms {
        let document = Document::read(text);
        assert!(
            document.notes.iter().any(|note| note == "1 task is done, and left out"),
            "{:?}",
            document.notes
        );
        assert!(same(text));
        let plan = loaded(&document.graph().unwrap().write(ISSUE, "T", worker()).unwrap());
        let [review, mend] = plan.steps.as_slice() else { panic!("{text}") };
        assert_eq!((of(&review.action).trim(), of(&mend.action).trim()), ("Review it", "Mend it"));
        assert_eq!((&review.needs, &mend.needs), (&Vec::new(), &vec![review.id.clone()]));
        // A review may find that nothing is to be changed.
        let least = |step: &plan::Step| step.expectation.changes.as_ref().and_then(|changes| changes.min);
        assert_eq!((least(review), least(mend)), (Some(0), Some(1)), "{text}");
    }
}

#[test]
fn a_document_whose_tasks_are_all_done_makes_no_plan() {
    let wrong = Document::read("- [x] T1 One\n- [x] T2 Two\n").graph().unwrap_err();
    assert_eq!(wrong.to_string(), "no task is left: all 2 of the document are done");
}
