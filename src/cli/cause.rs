//! Why an invocation ends as it does, and with which exit code: one table, here and in `docs/exit-codes.md`.

/// How an invocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// The run failed.
    Failed,
    /// Wrong usage, or an invalid plan.
    Usage,
    /// The policy cannot be enforced here.
    Refused,
    /// The audit found something.
    AuditFail,
    /// Another run of this issue holds the lock.
    Locked,
    /// A fault of autopilot itself.
    Internal,
    /// Ended by this signal.
    Signal(i32),
    /// The exit code of the command that was run (`autopilot sandbox`).
    Passed(u8),
}

impl Exit {
    /// Returns the number that the caller sees.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::AuditFail => 4,
            Self::Locked => 5,
            Self::Internal => 70,
            Self::Signal(number) => u8::try_from(128 + number).unwrap_or(70),
            Self::Passed(code) => code,
        }
    }
}

/// Why an invocation ends with something other than [`Exit::Done`], whichever command it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The command line cannot be carried out as it stands, or a file that it names.
    Usage,
    /// Where it was called there is no repository that plans can be run in.
    Repository,
    /// The issue has no plan.
    NoPlan,
    /// A plan, or a ceiling, is invalid, or asks for what its own folder lacks.
    Plan,
    /// GitHub does not give the issue.
    Issue,
    /// There is no such run, or none at all.
    NoRun,
    /// The run has no end yet.
    NotEnded,
    /// A run cannot be resumed, or has nothing of what was asked for.
    NotSo,
    /// The journal of a run cannot be read, or was changed.
    Journal,
    /// This host lacks what a plan needs: an agent, its key or login, a secret, a tool.
    Missing,
    /// This host cannot enforce the policy.
    Policy,
    /// It is above a ceiling of this host.
    Ceiling,
    /// A run cannot be replayed here.
    Unreplayable,
    /// A command or a run failed, or not all could be published.
    Failed,
    /// The evidence cannot be believed.
    Evidence,
    /// Another run of the issue is under way.
    Locked,
    /// The system refused something: disk, rights.
    System,
    /// A fault of autopilot itself.
    Internal,
    /// A signal came before there was anything to end.
    Interrupted(i32),
}

impl Cause {
    /// Every cause.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 19] = [
        Self::Usage,
        Self::Repository,
        Self::NoPlan,
        Self::Plan,
        Self::Issue,
        Self::NoRun,
        Self::NotEnded,
        Self::NotSo,
        Self::Journal,
        Self::Missing,
        Self::Policy,
        Self::Ceiling,
        Self::Unreplayable,
        Self::Failed,
        Self::Evidence,
        Self::Locked,
        Self::System,
        Self::Internal,
        Self::Interrupted(2),
    ];

    /// Returns its word, as `--json` has it, and the exit code: the table.
    fn row(self) -> (&'static str, Exit) {
        match self {
            Self::Usage => ("usage", Exit::Usage),
            Self::Repository => ("repository", Exit::Usage),
            Self::NoPlan => ("no-plan", Exit::Usage),
            Self::Plan => ("plan", Exit::Usage),
            Self::Issue => ("issue", Exit::Usage),
            Self::NoRun => ("no-run", Exit::Usage),
            Self::NotEnded => ("not-ended", Exit::Usage),
            Self::NotSo => ("not-so", Exit::Usage),
            Self::Journal => ("journal", Exit::Usage),
            Self::Missing => ("missing", Exit::Refused),
            Self::Policy => ("policy", Exit::Refused),
            Self::Ceiling => ("ceiling", Exit::Refused),
            Self::Unreplayable => ("unreplayable", Exit::Refused),
            Self::Failed => ("failed", Exit::Failed),
            Self::Evidence => ("evidence", Exit::AuditFail),
            Self::Locked => ("locked", Exit::Locked),
            Self::System => ("system", Exit::Internal),
            Self::Internal => ("internal", Exit::Internal),
            Self::Interrupted(signal) => ("interrupted", Exit::Signal(signal)),
        }
    }

    /// Returns the word for it.
    pub(crate) fn word(self) -> &'static str {
        self.row().0
    }

    /// Returns the exit code.
    pub(crate) fn exit(self) -> Exit {
        self.row().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_table_is_this_one() {
        let page = include_str!("../../docs/exit-codes.md");
        let rows: Vec<(&str, &str)> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
            .map(|(word, rest)| (word, rest.split(" | ").next().unwrap_or_default()))
            .collect();
        let code = |cause: Cause| match cause {
            Cause::Interrupted(_) => "128+N".to_owned(),
            cause => cause.exit().code().to_string(),
        };
        let own: Vec<(&str, String)> = Cause::ALL.iter().map(|cause| (cause.word(), code(*cause))).collect();
        let own: Vec<(&str, &str)> = own.iter().map(|(word, code)| (*word, code.as_str())).collect();
        assert_eq!(rows, own);
    }
}
