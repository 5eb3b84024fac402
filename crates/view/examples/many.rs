//! Prints the page of a run that did as much as a page has to bear: 500 steps, and the two MiB of a log that it holds.

use std::io::{self, Write as _};

use autopilot_view::{Attempt, Changed, Fact, Mark, Piece, Run, Span, Step};

fn step(number: u64) -> Step {
    let tries = 1 + number % 3;
    let attempt = |of: u64| Attempt {
        number: u32::try_from(of).unwrap_or(1),
        mark: if of < tries { Mark::Bad } else { Mark::Good },
        state: "passed, 0.8s".into(),
        span: Span { from: number * 3000 + of * 900, took: 800 },
        facts: (0..6).map(|n| Fact::text(Mark::Good, format!("fact {n}"), "held, and was seen")).collect(),
        patch: format!("diff --git a/f b/f\n@@ -1,2 +1,2 @@\n same\n-step {number}\n+attempt {of}\n").into(),
        has_log: of == 1,
        ..Attempt::default()
    };
    Step {
        id: format!("step-{number}").into(),
        mark: Mark::Good,
        state: vec!["passed".into(), format!("{tries} tries").into()],
        when: "from its beginning to its end".into(),
        asked: vec![Fact::text(Mark::Plain, "network", "none")],
        attempts: (1..=tries).map(attempt).collect(),
    }
}

fn piece(number: u64) -> Piece {
    let line =
        |n: u64| format!("\x1b[3{}mtest case_{n}\x1b[0m of step {number} ... \x1b[32mok\x1b[0m\n", n % 8);
    let bytes: String = (0..80).map(line).collect();
    Piece::Output { of: Some((format!("step-{number}").into(), 1)), bytes: bytes.into() }
}

fn main() -> io::Result<()> {
    let file = |n: u64| Changed {
        path: format!("src/file_{n}.rs").into(),
        extent: "+1 −1".into(),
        ..Changed::default()
    };
    let run = Run {
        name: "20261003T101500Z-500".into(),
        mark: Mark::Good,
        heading: "#500 done in 25m".into(),
        title: "As much as a page has to bear".into(),
        review: vec![Fact::text(Mark::Good, "verified", "3000 expectations held")],
        security: vec![Fact::text(Mark::Good, "asked = enforced", "999 of 999 commands")],
        files: (0..800).map(file).collect(),
        steps: (0..500).map(step).collect(),
        ticks: ["0s", "6m15s", "12m30s", "18m45s", "25m"].map(Into::into).to_vec(),
        log: (0..250).map(piece).chain([Piece::LeftOut(62 << 20)]).chain((250..500).map(piece)).collect(),
        ..Run::default()
    };
    io::stdout().lock().write_all(autopilot_view::run(&run).as_bytes())
}
