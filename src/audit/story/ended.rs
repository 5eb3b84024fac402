//! How a command ended, and what that is by itself.

use crate::evidence::event::{CommandEnded, Cut, Role};

/// How a command ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    /// It was the action; otherwise a `post` command.
    pub(super) action: bool,
    code: Option<i32>,
    signal: Option<i32>,
    /// The runner ended it, or it never ran.
    pub(super) cut: bool,
    /// Which of those; from version 2 on.
    pub(super) why: Option<Cut>,
    /// Not all of it ended.
    pub(super) survived: bool,
    /// The exit code that is expected of it.
    expected: i32,
}

impl Ended {
    pub(super) fn of(ended: &CommandEnded, expected: i32) -> Self {
        let never_ran = ended.exit_code.is_none() && ended.signal.is_none();
        Self {
            action: ended.role == Role::Action,
            code: ended.exit_code,
            signal: ended.signal,
            cut: ended.ended_by.is_some() || never_ran,
            why: ended.cut,
            survived: ended.survivors > 0,
            expected,
        }
    }

    /// Tells whether it came to an end by which it is judged.
    pub(super) fn is_judged(self) -> bool {
        !self.cut || self.why == Some(Cut::Resource)
    }

    /// Says how it ended, as a verdict has it; nothing if a limit ended it, which has words of its own.
    pub(super) fn how(self) -> Option<String> {
        match (self.code, self.signal) {
            (_, Some(signal)) => Some(format!("killed by {}", signal_name(signal))),
            (Some(code), None) => Some(format!("exit {code}")),
            (None, None) => None,
        }
    }

    pub(super) fn is_well(self) -> bool {
        !self.cut && !self.survived && !self.is_unlike()
    }

    /// Tells whether it ended by another exit code than expected, or by a signal.
    pub(super) fn is_unlike(self) -> bool {
        self.signal.is_some() || self.code != Some(self.expected)
    }

    pub(super) fn in_words(self) -> String {
        match (self.code, self.signal) {
            (_, Some(signal)) => format!("killed by {}", signal_name(signal)),
            (Some(code), None) if self.expected == 0 => format!("exit {code}"),
            (Some(code), None) => format!("exit {code}, expected {}", self.expected),
            (None, None) => "never ran".to_owned(),
        }
    }
}

fn signal_name(number: i32) -> String {
    let signal = nix::sys::signal::Signal::try_from(number);
    signal.map_or_else(|_| format!("signal {number}"), |signal| signal.as_str().to_owned())
}
