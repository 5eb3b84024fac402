//! Takes a command, gives the words of each command in it, as far as they can be told without a shell: what is quoted or made up when it runs is not
//! taken apart. Good for advice alone.

use super::command::Invocation;

/// Between two commands of a script, wherever it stands.
const BETWEEN: [char; 8] = ['\n', ';', '&', '|', '(', ')', '{', '}'];

/// Words that come before a program.
const BEFORE: [&str; 14] = [
    "!", "command", "do", "elif", "else", "env", "exec", "if", "nice", "then", "time", "until", "while",
    "xargs",
];

impl Invocation {
    /// Returns the commands that it is made of, each from its program on: `CI=1 npm ci && cd x` is `npm ci` and `cd x`.
    pub fn commands(&self) -> Vec<Vec<String>> {
        let words: Vec<Vec<String>> = match self {
            Self::Argv(words) => vec![words.clone()],
            Self::Script { text, .. } => {
                let text = text.replace("\\\n", " ");
                let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
                let lines = lines.map(|line| line.split_once(" #").map_or(line, |(before, _)| before));
                let commands = lines.flat_map(|line| line.split(BETWEEN));
                commands.map(|command| command.split_whitespace().map(str::to_owned).collect()).collect()
            }
        };
        words.into_iter().map(from_program).filter(|words| !words.is_empty()).collect()
    }
}

fn from_program(words: Vec<String>) -> Vec<String> {
    let is_set =
        |word: &str| word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && !name.starts_with('-'));
    words.into_iter().skip_while(|word| BEFORE.contains(&word.as_str()) || is_set(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Shell;

    #[test]
    fn a_script_is_taken_apart_where_no_shell_is_needed_for_it() {
        let of = |text: &str| {
            let script = Invocation::Script { text: text.into(), shell: Shell::Sh };
            script.commands().iter().map(|words| words.join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(
            of("set -e\ncd web && CI=1 npm ci # all\n# cargo\nif test -e x; then exec make; fi"),
            ["set -e", "cd web", "npm ci", "test -e x", "make", "fi"]
        );
        assert_eq!(of("pip install \\\n  x | tee log"), ["pip install x", "tee log"]);
        assert_eq!(Invocation::Argv(vec!["env".into(), "A=b".into(), "x y".into()]).commands(), [["x y"]]);
    }
}
