//! The policy of `autopilot sandbox`: its flags, or a plan's step, as a request.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

use super::super::exit::{Cause, Failure};
use super::super::{completions, plans};
use crate::app::{self, ceiling};
use crate::plan::{Destination, EnvEntry, Loaded, Network, Resources, Wrong, units};
use crate::policy::{HostFacts, Request};

/// What a step's policy takes the place of.
const FLAGS: [&str; 9] =
    ["network", "read", "write", "env", "memory", "processes", "file_size", "open_files", "cpu"];

/// What the command may do.
#[derive(Debug, clap::Args)]
pub(super) struct Policy {
    /// What it reaches: none (the default), full, or HOST:PORT (repeatable).
    #[arg(long, value_name = "none|full|HOST:PORT")]
    network: Vec<String>,
    /// A path it may read and execute.
    #[arg(long, value_name = "PATH")]
    read: Vec<PathBuf>,
    /// A path it may write.
    #[arg(long, value_name = "PATH")]
    write: Vec<PathBuf>,
    /// A variable it gets; with a value, that one.
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Resident memory of its whole tree, such as 4GiB.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<u64>,
    /// Processes and threads of its whole tree.
    #[arg(long, value_name = "N")]
    processes: Option<u64>,
    /// Largest file it can write, such as 4GiB.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    file_size: Option<u64>,
    /// Open files of one process.
    #[arg(long, value_name = "N")]
    open_files: Option<u64>,
    /// CPU time of its whole tree, such as 90s.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    cpu: Option<Duration>,
    /// Takes the policy of a plan's step instead, such as 653/test.
    #[arg(long, value_name = "ISSUE/STEP", conflicts_with_all = FLAGS, add = completions::steps_of_issues())]
    step: Option<String>,
}

impl Policy {
    /// Returns what the flags ask for, or what the step asks for that they name.
    pub(super) fn request(&self, host: &mut HostFacts) -> Result<Request, Failure> {
        match &self.step {
            Some(step) => of_step(step, host),
            None => self.of_flags(),
        }
    }

    fn of_flags(&self) -> Result<Request, Failure> {
        let absolute =
            |paths: &[PathBuf]| paths.iter().map(std::path::absolute).collect::<Result<Vec<_>, _>>();
        let mut resources = Resources::of_runner();
        resources.memory = self.memory.unwrap_or(resources.memory);
        resources.processes = self.processes.unwrap_or(resources.processes);
        resources.file_size = self.file_size.unwrap_or(resources.file_size);
        resources.open_files = self.open_files.unwrap_or(resources.open_files);
        resources.cpu = self.cpu;
        Ok(Request {
            network: network(&self.network)?,
            env: self.env.iter().map(|entry| env(entry)).collect(),
            secrets: Vec::new(),
            read: absolute(&self.read).context("--read")?,
            of_agent: Vec::new(),
            write: absolute(&self.write).context("--write")?,
            resources,
            caches: true,
        })
    }
}

/// Asks for what a plan's step asks for: `653/test`, or a plan's file and the step.
fn of_step(named: &str, host: &mut HostFacts) -> Result<Request, Failure> {
    let usage = |message: String, hint: String| Failure::new(Cause::Usage, message).hint(hint);
    let (plan, id) = named.rsplit_once('/').ok_or_else(|| {
        usage(format!("--step {named}: names no step"), "write ISSUE/STEP, such as 653/test".into())
    })?;
    let found = plans::find(plan)?;
    let Loaded { mut plan, asked, .. } = found.load().map_err(app::Error::Plan)?;
    let ceilings = ceiling::find(host).map_err(app::Error::Plan)?;
    let mut above = ceiling::hold(&ceilings, &mut plan, &asked, host).above;
    above.retain(|above| above.step.as_deref() == Some(id));
    if !above.is_empty() {
        return Err(app::Error::Above(above).into());
    }
    let step = plan.steps.iter().find(|step| step.id == id).ok_or_else(|| {
        let known: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        let message = format!("--step {named}: {} has no step `{id}`", plan.path.display());
        usage(message, format!("its steps are {}", known.join(", ")))
    })?;
    Ok(Request::action(step))
}

fn network(values: &[String]) -> Result<Network, Failure> {
    match values {
        [] => Ok(Network::None),
        [one] if one == "none" => Ok(Network::None),
        [one] if one == "full" => Ok(Network::Full),
        many => many.iter().map(|each| destination(each)).collect::<Result<_, _>>().map(Network::Allow),
    }
}

fn destination(text: &str) -> Result<Destination, Failure> {
    let usage = |message: String, hint: &str| {
        Failure::new(Cause::Usage, format!("--network {text}: {message}")).hint(hint)
    };
    if matches!(text, "none" | "full") {
        return Err(usage("stands alone".into(), "leave the other --network away"));
    }
    text.parse().map_err(|wrong: Wrong| usage(wrong.message, &wrong.hint))
}

fn env(entry: &str) -> EnvEntry {
    match entry.split_once('=') {
        Some((name, value)) => EnvEntry::Set(name.into(), value.into()),
        None => EnvEntry::Inherit(entry.into()),
    }
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    units::read_duration(text).map_err(in_words)
}

fn size(text: &str) -> Result<u64, String> {
    units::read_size(text).map_err(in_words)
}

fn in_words(wrong: Wrong) -> String {
    format!("{}: {}", wrong.message, wrong.hint)
}
