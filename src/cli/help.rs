//! The help of every command as a file: a change of words is seen in review.

use std::fmt::Write as _;

use clap::CommandFactory as _;

use super::Cli;

/// Where the words are kept.
const KEPT: &str = "tests/fixtures/help.txt";

/// Returns the help of every command, one after the other.
fn help() -> String {
    let mut line = Cli::command().term_width(100);
    line.build();
    let mut text = line.render_long_help().to_string();
    for command in line.get_subcommands_mut().filter(|command| command.get_name() != "help") {
        let (name, own) = (command.get_name().to_owned(), command.render_long_help());
        // Writing to a string cannot fail.
        let _ = write!(text, "\n=== {name} ===\n{own}");
    }
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn every_word_of_help_is_on_file() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(KEPT);
    let own = help();
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    if own != kept {
        let written = std::env::temp_dir().join("autopilot-help.txt");
        std::fs::write(&written, &own).unwrap();
        let differs = own.lines().zip(kept.lines()).find(|(own, kept)| own != kept);
        panic!(
            "the help is not that of {KEPT}: {differs:?}. If it is right: cp {} {KEPT}",
            written.display()
        );
    }
}

#[test]
fn help_says_no_placeholder_that_nobody_fills() {
    for word in ["TODO", "FIXME", "example.com"] {
        assert!(!help().contains(word), "{word}");
    }
}
