//! Words: takes a plan's command, gives the words of the program that it starts, where that is one plain program.

/// What makes a line of a shell more than one program with its arguments.
const SHELL: &str = "|&;<>()$`*?[]#~%!{}\\\n";

/// The words of a command, if it is one program with its arguments.
pub(super) fn of(argv: &[String], shell: bool) -> Option<Vec<String>> {
    if !shell {
        return Some(argv.to_vec());
    }
    plain(argv.last()?)
}

/// The words of a line that no shell would do anything with but split it.
pub(super) fn plain(line: &str) -> Option<Vec<String>> {
    let line = line.trim();
    if line.contains(|char| SHELL.contains(char)) {
        return None;
    }
    // `NAME=value` in front is a variable, and behind the program a word like any other.
    shlex::split(line).filter(|words| words.first().is_some_and(|first| !first.contains('=')))
}

/// A program's name without its folder.
pub(super) fn name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// Takes out arguments that do not go with a report.
pub(super) fn without(args: &[String], dropped: &[&str]) -> Vec<String> {
    args.iter().filter(|arg| !dropped.contains(&arg.as_str())).cloned().collect()
}
