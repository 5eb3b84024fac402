//! Each expectation of a plan, met and violated in every way that `docs/plan.md` names, once and after a try that failed.
//!
//! A table is one run: a step a row, of which the journal's verdict is looked at, and what came of the attempt.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::common::Repo;

/// Brings the files of the base back, from which each row begins.
const BACK: &str = "rm -rf in keep .github d x X y xy out README.md; mkdir in keep .github
for folder in in keep .github; do echo base > $folder/base; done; echo 'a scratch repository' > README.md";

/// What is expected, and commands that meet and that violate it.
struct Table {
    /// How the journal calls it, and which of its kind.
    kind: &'static str,
    index: u64,
    step: Value,
    met: &'static [&'static str],
    violated: &'static [&'static str],
}

fn table(
    kind: &'static str,
    expectation: Value,
    met: &'static [&'static str],
    violated: &'static [&'static str],
) -> Table {
    Table { kind, index: 0, step: json!({"expectation": expectation}), met, violated }
}

impl Table {
    fn index(self, index: u64) -> Self {
        Self { index, ..self }
    }
}

/// A row: what is run, and after which attempt what is expected holds; nothing if it never does.
struct Row<'a> {
    table: &'a Table,
    command: String,
    retries: u64,
    held: Option<u64>,
}

fn rows(table: &Table) -> Vec<Row<'_>> {
    let row = |command: &str, retries, held| Row { table, command: command.to_owned(), retries, held };
    let mut rows: Vec<Row<'_>> = table.met.iter().map(|met| row(met, 0, Some(1))).collect();
    rows.extend(table.violated.iter().map(|violated| row(violated, 0, None)));
    let (met, violated) = (table.met[0], table.violated[0]);
    // The first attempt does not decide: the second does, and no third is made of one that met it.
    rows.push(row(met, 1, Some(1)));
    rows.push(row(violated, 1, None));
    let second = format!("if [ -e ~/MARKER ]; then\n{met}\nelse touch ~/MARKER\n{violated}\nfi");
    rows.push(row(&second, 1, Some(2)));
    rows
}

fn holds(tables: &[Table]) {
    let repo = Repo::new();
    for file in ["in/base", "keep/base", ".github/base"] {
        repo.file(file, "base\n");
    }
    repo.commit("bases");
    let rows: Vec<Row<'_>> = tables.iter().flat_map(rows).collect();
    let mut steps = String::new();
    for (at, row) in rows.iter().enumerate() {
        let mut step = row.table.step.clone();
        step["id"] = json!(format!("r{at}"));
        step["command"] = json!(row.command.replace("MARKER", &format!("r{at}")));
        (step["retries"], step["on_failure"]) = (json!(row.retries), json!("ignore"));
        let _ = writeln!(steps, "  - {step}");
        if row.held.is_some() {
            let _ = writeln!(steps, "  - {}", json!({"id": format!("back{at}"), "command": BACK}));
        }
    }
    repo.plan_with("limits: {consecutive_failures: 1000}", &steps);
    repo.run().exits(0);
    let (verdicts, ends) = (repo.events_of("expectation.judged"), repo.events_of("attempt.ended"));
    for (at, row) in rows.iter().enumerate() {
        let of_row = |event: &&Value| event["step"] == json!(format!("r{at}"));
        let own: Vec<&Value> = verdicts
            .iter()
            .filter(of_row)
            .filter(|event| event["kind"] == row.table.kind && event["index"] == row.table.index)
            .collect();
        let told = format!("{} {}: {}\n{own:#?}", row.table.kind, row.table.step, row.command);
        let attempts = row.held.unwrap_or(row.retries + 1);
        assert_eq!(own.len() as u64, attempts, "{told}");
        for verdict in &own {
            assert_eq!(verdict["held"], json!(row.held == verdict["attempt"].as_u64()), "{told}");
        }
        let result = ends.iter().rfind(of_row).unwrap();
        // What no commit holds is another reason.
        let is_well = result["result"] == "passed" || result["reason"]["kind"] == "checkpoint";
        assert_eq!(is_well, row.held.is_some(), "{told}\n{result}");
    }
}

#[test]
fn an_exit_code_is_that_very_code() {
    holds(&[
        table(
            "exit_code",
            json!({}),
            &["true", "false || true"],
            &[
                "exit 1",
                "exit 2",
                "exit 3",
                "exit 127",
                "exit 255",
                "kill -KILL $$",
                "kill -TERM $$",
                "no-such-program",
            ],
        ),
        table(
            "exit_code",
            json!({"exit_code": 3}),
            &["exit 3"],
            &["true", "exit 1", "exit 2", "exit 4", "exit 131", "exit 3 | exit 1", "kill -QUIT $$"],
        ),
    ]);
}

#[test]
fn files_exist_and_are_absent_whatever_they_are() {
    const THERE: [&str; 6] =
        ["touch x", "echo x > x", "mkdir x", "ln -s nowhere x", "ln -s README.md x", "mkfifo x"];
    const NOT_THERE: [&str; 5] =
        ["true", "touch X", "touch xy; rm xy; touch x; rm x", "mkdir -p y; touch y/x", "touch out"];
    const BELOW: [&str; 2] = ["mkdir d; touch d/x", "mkdir -p d/x"];
    const NOT_BELOW: [&str; 3] = ["true", "mkdir d", "touch x"];
    holds(&[
        table("files_exist", json!({"files_exist": ["x"]}), &THERE, &NOT_THERE),
        table("files_absent", json!({"files_absent": ["x"]}), &NOT_THERE, &THERE),
        table("files_exist", json!({"files_exist": ["d/x"]}), &BELOW, &NOT_BELOW),
        table("files_absent", json!({"files_absent": ["d/x"]}), &NOT_BELOW, &BELOW),
        // A path that leads through a link is not the path.
        table("files_exist", json!({"files_exist": ["d/x"]}), &BELOW, &["ln -s . d; touch x", "touch d"]),
        table(
            "files_exist",
            json!({"files_exist": ["d/e/x"]}),
            &["mkdir -p d/e; touch d/e/x"],
            &["ln -s . d; mkdir e; touch e/x", "mkdir d e; ln -s ../e d/e; touch e/x"],
        ),
        table("files_absent", json!({"files_absent": ["README.md"]}), &["rm README.md"], &["true"]),
        // Each of several.
        table("files_exist", json!({"files_exist": ["x", "y"]}), &["touch x y"], &["touch x"]).index(1),
        table("files_absent", json!({"files_absent": ["x", "y"]}), &["touch x; rm x"], &["touch y"]).index(1),
    ]);
}

#[test]
fn a_file_contains_what_a_line_of_it_has() {
    const HAS: [&str; 8] = [
        "echo needle > x",
        "printf 'needle\\nb\\nc\\n' > x",
        "printf 'a\\nneedle\\nc\\n' > x",
        "printf 'a\\nb\\nneedle\\n' > x",
        "printf 'a\\nneedle' > x",
        "printf 'a\\r\\nneedle\\r\\n' > x",
        "printf 'a\\n\\033[31mneedle\\033[0m\\n' > x",
        "printf 'needle' > x",
    ];
    const HAS_NOT: [&str; 11] = [
        "true",
        "touch x",
        "echo other > x",
        "echo Needle > x",
        "echo needles > x",
        "echo a needle > x",
        "printf 'need\\nle\\n' > x",
        "mkdir x; echo needle > x/needle",
        "echo needle > y; ln -s y x",
        "mkfifo x",
        "echo needle > X",
    ];
    let wanted = json!({"file_contains": [{"path": "x", "pattern": "^needle$"}]});
    let second = json!({"file_contains": [{"path": "x", "pattern": "a"}, {"path": "y", "pattern": "b"}]});
    let below = json!({"file_contains": [{"path": "d/x", "pattern": "needle"}]});
    holds(&[
        table("file_contains", wanted, &HAS, &HAS_NOT),
        table("file_contains", below, &["mkdir d; echo needle > d/x"], &["ln -s . d; echo needle > x"]),
        table("file_contains", second, &["echo a > x; echo b > y"], &["echo a > x; echo a > y"]).index(1),
    ]);
}

#[test]
fn output_matches_and_excludes_what_a_line_of_it_has() {
    const HAS: [&str; 10] = [
        "echo needle",
        "printf 'needle\\nb\\nc\\n'",
        "printf 'a\\nneedle\\nc\\n'",
        "printf 'a\\nb\\nneedle\\n'",
        "printf 'a\\nneedle'",
        "printf 'needle\\r\\n'",
        "printf '\\033[1m\\033[31mneedle\\033[0m\\n'",
        "printf '50%%\\rneedle\\n'",
        "echo needle >&2",
        "printf 'need'; sleep 0.1; printf 'le\\n'",
    ];
    const HAS_NOT: [&str; 8] = [
        "true",
        "echo",
        "echo other",
        "echo Needle",
        "echo needles",
        "echo a needle",
        "printf 'need\\nle\\n'",
        "echo needle > /dev/null",
    ];
    let both = |kind: &str| json!({kind: ["^needle$"]});
    let two = |kind: &str| json!({kind: ["a", "b"]});
    holds(&[
        table("output_matches", both("output_matches"), &HAS, &HAS_NOT),
        table("output_excludes", both("output_excludes"), &HAS_NOT, &HAS),
        table("output_matches", two("output_matches"), &["echo ab", "echo a; echo b"], &["echo a"]).index(1),
        table("output_excludes", two("output_excludes"), &["echo c"], &["echo b", "echo ab"]).index(1),
    ]);
}

#[test]
fn changes_are_counted_and_bound_on_both_sides_of_a_rename() {
    let changes = |bounds: Value| json!({"changes": bounds});
    holds(&[
        table(
            "changes",
            changes(json!({"min": 1})),
            &["touch x", "rm README.md", "chmod +x README.md", "mkdir d; touch d/x"],
            &["true", "touch README.md", "mkdir d", "mkdir target; touch target/x"],
        ),
        table(
            "changes",
            changes(json!({"max": 1})),
            &["true", "touch x", "echo x >> README.md"],
            &["touch x y", "mv README.md x", "rm README.md in/base", "touch x; rm README.md"],
        ),
        table(
            "changes",
            changes(json!({"within": ["in/**"]})),
            &[
                "true",
                "touch in/x",
                "mkdir in/d; touch in/d/x",
                "echo x > in/base",
                "rm in/base",
                "mv in/base in/x",
            ],
            &[
                "touch x",
                "echo x >> README.md",
                "rm README.md",
                "mv in/base out",
                "mv README.md in/x",
                "chmod +x README.md",
                "ln -sf in/base README.md",
                "rm -r in; touch in",
                "mkdir d; touch d/in",
            ],
        ),
        table(
            "changes",
            changes(json!({"not_within": [".github/**"]})),
            &["true", "touch x", "rm README.md", "mkdir d; touch d/.github"],
            &[
                "touch .github/x",
                "echo x > .github/base",
                "rm .github/base",
                "mv .github/base x",
                "mv README.md .github/x",
                "chmod +x .github/base",
                "ln -sf ../README.md .github/base",
            ],
        ),
        table(
            "changes",
            changes(json!({"keep": ["keep/**"]})),
            &["true", "echo x > keep/base", "touch keep/x", "rm README.md", "chmod +x keep/base"],
            &[
                "rm keep/base",
                "mv keep/base x",
                "mv keep/base keep/x",
                "rm -r keep",
                "rm keep/base; mkdir keep/base; touch keep/base/x",
            ],
        ),
    ]);
}

#[test]
fn post_commands_exit_with_zero_and_what_they_change_is_bound() {
    let step = |post: &[&str], expectation: Value| json!({"post": post, "expectation": expectation});
    let post = |index, step, met, violated| Table { kind: "post", index, step, met, violated };
    let own = step(&["sh ./x"], json!({}));
    let second = step(&["true", "sh ./x"], json!({}));
    let with_code = step(&["sh ./x"], json!({"exit_code": 3}));
    let within = step(&["sh in/x"], json!({"changes": {"within": ["in/**"]}}));
    let kept = step(&["sh in/x"], json!({"changes": {"keep": ["keep/**"]}}));
    let again = |step, met, violated| Table { kind: "changes", index: 1, step, met, violated };
    holds(&[
        post(
            0,
            own,
            &["echo true > x"],
            &["echo false > x", "echo exit 2 > x", "echo 'kill -KILL $$' > x", "true", "echo exit 255 > x"],
        ),
        post(1, second, &["echo true > x"], &["echo exit 3 > x"]),
        // Of a post command the code is 0, whatever the action's is.
        post(0, with_code, &["echo true > x; exit 3"], &["echo exit 3 > x; exit 3"]),
        again(within, &["echo touch in/y > in/x"], &["echo touch out > in/x", "echo rm README.md > in/x"]),
        again(
            kept,
            &["echo touch keep/y > in/x"],
            &["echo rm keep/base > in/x", "echo mv keep/base in > in/x"],
        ),
    ]);
}
