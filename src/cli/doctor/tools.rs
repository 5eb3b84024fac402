//! Which tools there are on this host, and whether a step could start them: told apart from those that are broken and those that are nowhere.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::policy::{self, Decision, Grant, HostFacts};
use crate::sandbox::{self, Program};

/// Tools that plans, the runner and the sample plan use, and how they tell their version.
const TOOLS: [(&str, &str, &str); 11] = [
    ("git", "--version", "needed by every run"),
    ("gh", "--version", "publishing: comments, pull requests"),
    ("cargo", "--version", ""),
    ("rustc", "--version", ""),
    ("rustfmt", "--version", "the sample plan"),
    ("cc", "--version", ""),
    ("node", "--version", ""),
    ("npm", "--version", ""),
    ("python3", "--version", ""),
    ("go", "version", ""),
    ("nix", "--version", ""),
];

/// A tool, and how it is with it.
pub(super) struct Tool {
    pub(super) name: &'static str,
    /// What it says of itself, where it says something.
    pub(super) version: Option<String>,
    /// What keeps it, or a step, from starting it.
    pub(super) wrong: Option<String>,
}

/// Looks for them, and asks each for its version.
pub(super) fn look(host: &HostFacts, decision: &Decision) -> Vec<Tool> {
    let grant = if let Decision::Allow(grant) = decision { Some(&**grant) } else { None };
    TOOLS.iter().map(|(name, flag, use_for)| tool(name, flag, use_for, host, grant)).collect()
}

fn tool(name: &'static str, flag: &str, use_for: &str, host: &HostFacts, grant: Option<&Grant>) -> Tool {
    let found = host.path.iter().map(|dir| dir.join(name)).find(|file| file.is_file());
    let asked = found.as_ref().map(|file| (file, version(file, flag)));
    let program = grant.map(|grant| sandbox::look(name, &host.path, grant));
    let (version, wrong) = match (asked, program) {
        (_, Some(Program::Broken(file, why))) => {
            (None, Some(format!("{} cannot be started: {why}", file.display())))
        }
        (None, _) => (None, Some(format!("not on PATH {use_for}"))),
        (Some((file, Err(why))), _) => (None, Some(format!("{} is there, and fails: {why}", file.display()))),
        (Some((_, Ok(version))), Some(Program::Unseen(_, needs))) => {
            let wrong = format!("{version}; a step needs {} for it", policy::reading(needs));
            (Some(version), Some(wrong))
        }
        (Some((_, Ok(version))), _) => (Some(version), None),
    };
    Tool { name, version, wrong }
}

/// Asks a tool for its version; out of the checkout, whose files could choose which program that is.
fn version(program: &Path, flag: &str) -> Result<String, String> {
    let asked = Command::new(program).arg(flag).current_dir("/").stdin(Stdio::null()).output();
    let output = asked.map_err(|error| error.to_string())?;
    let first = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
    };
    match first(&output.stdout).filter(|_| output.status.success()) {
        Some(said) => Ok(format!("{said} ({})", program.display())),
        None => Err(first(&output.stderr).unwrap_or_else(|| output.status.to_string())),
    }
}
