//! What `--json` prints, a type a command: what is printed is made of them, and so are the schemas of it
//! (`autopilot schema --of`). What another room writes for programs stands in them as that room has it.

mod check;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value};

pub(super) use check::{Asked, Check, Checked, Denied, InvalidPlan, Step, ValidPlan};

use crate::plan::Faults;

/// Fields whose names are not known beforehand, or another room's.
pub(super) type Object = Map<String, Value>;

/// A command whose answer has a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Of {
    /// Whatever command cannot be carried out
    Error,
    /// A line of `run`
    Run,
    /// A line of `status`
    Status,
    /// `check`
    Check,
    /// `audit`
    Audit,
    /// `replay`
    Replay,
    /// `doctor`
    Doctor,
}

impl Of {
    /// Returns the JSON Schema of the answer.
    pub(super) fn schema(self) -> Value {
        match self {
            Self::Error => schema::<Failed>("An error"),
            Self::Run => schema::<Run>("A line of `autopilot run --json`"),
            Self::Status => schema::<Status>("A line of `autopilot status --json`"),
            Self::Check => schema::<Check>("`autopilot check --json`"),
            Self::Audit => schema::<Audit>("`autopilot audit --json`"),
            Self::Replay => schema::<Replay>("`autopilot replay --json`"),
            Self::Doctor => schema::<Doctor>("`autopilot doctor --json`"),
        }
    }
}

/// Describes what is written: a field that is null stands there all the same.
fn schema<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft07().for_serialize();
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.to_value()
}

/// A command that cannot be carried out.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Failed {
    pub(super) v: u32,
    /// The exit code.
    pub(super) exit: u8,
    pub(super) error: Wrong,
}

/// Why it cannot.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Wrong {
    /// A word of the table in docs/exit-codes.md.
    pub(crate) cause: &'static str,
    /// What happened, and where.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hints: Vec<String>,
    /// Those of a plan that is invalid.
    pub(crate) faults: Option<Faults>,
}

/// An issue of `run`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Run {
    /// It had a run.
    Ended(Box<Ended>),
    /// It had none.
    Refused(Refused),
}

/// An issue that had no run.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Refused {
    pub(super) v: u32,
    /// The exit code.
    pub(super) exit: u8,
    pub(super) error: Wrong,
    pub(super) issue: u64,
    pub(super) run: (),
    pub(super) result: (),
}

/// A run that ended.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Ended {
    pub(super) v: u32,
    /// The exit code.
    pub(super) exit: u8,
    pub(super) error: (),
    /// Its name.
    pub(super) run: String,
    pub(super) issue: u64,
    /// done, failed, interrupted or crashed.
    pub(super) result: Option<&'static str>,
    /// Why it failed: `kind` and `text`.
    #[schemars(with = "Option<Object>")]
    pub(super) reason: Value,
    /// The step that decided it.
    pub(super) step: Option<String>,
    pub(super) seconds: Option<f64>,
    /// The reference that holds the result.
    pub(super) branch: Option<String>,
    pub(super) commit: Option<String>,
    /// Where the worktree was left.
    pub(super) worktree: Option<String>,
    pub(super) tokens: u64,
    /// Millionths of a US dollar.
    pub(super) cost: Option<u64>,
    /// What the environment said of the run.
    #[schemars(with = "Object")]
    pub(super) labels: Value,
    /// What the first screen shows.
    #[schemars(with = "Object")]
    pub(super) review: Value,
    /// The head of its journal, `SEQ:HASH`.
    pub(super) head: String,
    pub(super) journal: String,
    pub(super) summary: String,
    pub(super) log: String,
    pub(super) failed: Option<String>,
    pub(super) salvage: Option<String>,
}

/// A run of `status`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Status {
    pub(super) v: u32,
    pub(super) issue: u64,
    pub(super) run: String,
    /// How it stands.
    pub(super) result: &'static str,
    /// The run whose pull request it revises, if it does.
    pub(super) revises: Option<String>,
    /// Where it runs, if not here.
    pub(super) host: Option<String>,
    pub(super) seconds: Option<f64>,
    /// Millionths of a US dollar.
    pub(super) cost: Option<u64>,
    /// What to do next; empty if there is nothing.
    pub(super) next: String,
    /// Files in which the result conflicts with where its base is now.
    pub(super) conflicts: Option<Vec<String>>,
    /// What is still to be published.
    pub(super) to_publish: Vec<&'static str>,
    /// The step that is under way, or that decided how the run ended.
    pub(super) step: Option<String>,
    /// The attempt at it.
    pub(super) attempt: Option<usize>,
    /// How many steps passed.
    pub(super) passed: Option<usize>,
    pub(super) steps: Option<usize>,
}

/// What `audit` found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Audit {
    pub(super) v: u32,
    pub(super) verdict: Verdict,
    /// How many.
    pub(super) findings: usize,
    pub(super) runs: Vec<AuditedRun>,
    /// What is of no run.
    pub(super) checks: Vec<AuditCheck>,
    pub(super) notes: Vec<String>,
}

/// What `audit` found of a run.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AuditedRun {
    pub(super) run: String,
    pub(super) issue: u64,
    /// How its journal says that it ended.
    pub(super) result: Option<&'static str>,
    pub(super) head: Option<String>,
    pub(super) verdict: Verdict,
    pub(super) checks: Vec<AuditCheck>,
    pub(super) notes: Vec<String>,
}

/// One thing that was checked.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AuditCheck {
    pub(super) check: String,
    pub(super) verdict: Verdict,
    pub(super) said: Option<String>,
    pub(super) findings: Vec<AuditFinding>,
}

/// Something that is not as it should be.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AuditFinding {
    /// `AP` and a number.
    pub(super) code: String,
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) fix: &'static str,
}

/// What comes of a check.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    Pass,
    Fail,
    NotChecked,
}

impl Verdict {
    pub(super) fn of(passes: bool) -> Self {
        if passes { Self::Pass } else { Self::Fail }
    }
}

/// A run beside its replay.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Replay {
    pub(super) v: u32,
    pub(super) run: String,
    pub(super) base: String,
    pub(super) same_base: bool,
    pub(super) verdict: Compared,
    pub(super) steps: Vec<ReplayedStep>,
    /// The first one.
    #[schemars(with = "Option<Object>")]
    pub(super) difference: Value,
}

/// What comes of a comparison.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Compared {
    Same,
    Differs,
}

/// How a step was replayed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ReplayedStep {
    pub(super) id: String,
    pub(super) way: &'static str,
    pub(super) tree: Option<String>,
}

/// What `doctor` says of this host.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Doctor {
    pub(super) v: u32,
    /// Protections, by name: `ok` and `what`.
    pub(super) layers: Object,
    /// Agents and their credentials, by name: `ok` and `what`.
    pub(super) agents: Object,
    /// The host's and the user's.
    pub(super) ceilings: Object,
    /// What a step with the default policy gets.
    #[schemars(with = "Object")]
    pub(super) default: Value,
    /// What would make it better.
    pub(super) advice: Vec<String>,
    /// The versions of tools, by name.
    pub(super) tools: Object,
    /// What is wrong with those that cannot be used.
    pub(super) tools_wrong: Object,
}
