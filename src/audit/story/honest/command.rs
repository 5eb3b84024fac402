//! Commands of an honest run: how they end, and what that means for their attempt.

use serde_json::{Value, json};

use super::{Outcome, reason};

/// How a command ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    Exit(i32),
    Killed,
    Timeout,
    Launch,
    Survived,
    /// It printed too much, or went over another limit.
    Output,
    Resource,
    /// The runner was told to end.
    Signal,
}

impl Act {
    pub(super) fn chosen(choice: u8, expected: i32) -> Self {
        match choice % 16 {
            11 | 12 => Self::Exit(expected + 1),
            13 if choice > 192 => Self::Output,
            13 => Self::Killed,
            14 if choice > 128 => Self::Timeout,
            14 => Self::Launch,
            15 if choice > 128 => Self::Resource,
            15 => Self::Survived,
            _ => Self::Exit(expected),
        }
    }

    /// Writes the event that tells of it.
    pub(super) fn ended(self, role: &str) -> Value {
        let (code, signal, by) = match self {
            Self::Exit(code) => (Some(code), None, None),
            Self::Killed => (None, Some(9), None),
            Self::Timeout | Self::Signal | Self::Output => (None, Some(15), Some("x")),
            Self::Launch => (None, None, Some("no such program")),
            Self::Resource => (None, None, Some("x")),
            Self::Survived => (Some(0), None, None),
        };
        let survivors = u32::from(matches!(self, Self::Survived));
        let mut ended = json!({"role": role, "exit_code": code, "signal": signal, "ended_by": by, "ms": 1, "output": 0,
            "killed": 0, "survivors": survivors, "enforced": null});
        if !matches!(self, Self::Launch) {
            ended["enforced"] = json!({"namespaces": ["net", "pid", "ipc", "mount"], "landlock": 7, "seccomp": true, "uid": 1,
                "gid": 1, "capabilities": 0, "no_new_privs": true, "waived": []});
        }
        if let Some(cut) = self.cut() {
            ended["cut"] = json!(cut);
        }
        ended
    }

    fn cut(self) -> Option<&'static str> {
        match self {
            Self::Exit(_) | Self::Killed | Self::Survived => None,
            Self::Timeout => Some("step_timeout"),
            Self::Launch => Some("launch"),
            Self::Output => Some("output"),
            Self::Resource => Some("resource"),
            Self::Signal => Some("signal"),
        }
    }

    /// Says what a verdict on it is, if it comes to one: whether it held, and what was seen.
    pub(super) fn verdict(self, expected: i32) -> Option<(bool, String)> {
        match self {
            Self::Exit(code) => Some((code == expected, format!("exit {code}"))),
            Self::Killed => Some((false, "killed by SIGKILL".to_owned())),
            Self::Survived => Some((false, "exit 0".to_owned())),
            Self::Resource => Some((false, "x".to_owned())),
            Self::Timeout | Self::Launch | Self::Output | Self::Signal => None,
        }
    }

    /// Says why its attempt fails, if so.
    pub(super) fn reason(self, role: &str, typed: &str, expected: i32) -> Outcome {
        let prefix = if role == "post" { format!("post `{typed}`: ") } else { String::new() };
        let own = if role == "post" { "post" } else { "exit" };
        Some(match self {
            Self::Exit(code) if code == expected => return None,
            Self::Exit(code) if expected == 0 => reason(own, &format!("{prefix}exit {code}")),
            Self::Exit(code) => reason(own, &format!("{prefix}exit {code}, expected {expected}")),
            Self::Killed => reason(own, &format!("{prefix}killed by SIGKILL")),
            Self::Timeout => reason("timeout", "x"),
            Self::Launch => reason("launch", "x"),
            Self::Survived | Self::Output | Self::Resource => reason("limit", "x"),
            Self::Signal => reason("signal", "x"),
        })
    }
}
