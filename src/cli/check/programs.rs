//! What `check` says of the programs of a plan's commands that could not be started in their steps: they are not there, broken, or need what the step does not see.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::plan::{Action, Invocation, Step};
use crate::policy::{self, Grant};
use crate::sandbox::{self, Program};

/// Says it of each program of a step once, in a line.
pub(super) fn look(step: &Step, path: &[PathBuf], grant: &Grant) -> Vec<String> {
    let own = if let Action::Command(invocation) = &step.action { Some(invocation) } else { None };
    let all = own.into_iter().chain(&step.post).chain(&step.rollback);
    let programs: BTreeSet<(String, bool)> = all.flat_map(programs).collect();
    programs
        .into_iter()
        .filter_map(|(name, is_certain)| {
            let why = said(&name, &sandbox::look(&name, path, grant), is_certain)?;
            Some(format!("step `{}`: {why}", step.id))
        })
        .collect()
}

/// Lists the programs of a command; of a script it is not certain that each word in a program's place is one.
fn programs(invocation: &Invocation) -> Vec<(String, bool)> {
    let is_certain = matches!(invocation, Invocation::Argv(_));
    let first = invocation.commands().into_iter().filter_map(|words| words.into_iter().next());
    // By a relative path it is the step's own.
    let is_of_host = |name: &String| name.starts_with('/') || !name.contains('/');
    let is_plain = |name: &String| !name.contains(['$', '`', '"', '\'', '=', '<', '>', '*']);
    first.filter(|name| is_of_host(name) && is_plain(name)).map(|name| (name, is_certain)).collect()
}

/// Says what keeps a program from being started, and what to write.
fn said(name: &str, program: &Program, is_certain: bool) -> Option<String> {
    match program {
        Program::Absent if is_certain => Some(format!(
            "{name} is not on PATH: install it, or let a step before it make it and name its path"
        )),
        Program::Fine | Program::Absent => None,
        Program::Broken(file, why) => {
            Some(format!("{name} is there and cannot be started: {}: {why}", file.display()))
        }
        Program::Unseen(file, needs) => Some(format!(
            "{name} ({}) needs what the step does not see: {}",
            file.display(),
            policy::reading(needs)
        )),
    }
}
