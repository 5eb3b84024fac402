//! The environment of a step: cleared, then the fixed few, then what the plan names.

use super::host::{Fact, HostFacts};
use super::request::{Reason, Request};
use crate::plan::EnvEntry;

/// Names and values.
type Variables = Vec<(String, String)>;

/// Returns the environment, and warnings about what is in it.
pub(super) fn environment(
    request: &Request,
    host: &HostFacts,
    name: &str,
) -> Result<(Variables, Vec<String>), Reason> {
    let mut env = fixed(host, name);
    let mut warnings = host_warnings(host);
    for entry in &request.env {
        match entry {
            EnvEntry::Set(name, value) => {
                warnings
                    .extend(steers(name).then(|| format!("env: {name} changes what programs load or run")));
                set(&mut env, name, value);
            }
            EnvEntry::Inherit(name) => match host.environment.get(name) {
                Some(value) => {
                    warnings.extend(
                        steers(name).then(|| format!("env: {name} changes what programs load or run")),
                    );
                    set(&mut env, name, value);
                }
                None => warnings.push(format!("env: {name} is not set here")),
            },
        }
    }
    for name in &request.secrets {
        match host.environment.get(name).filter(|value| !value.is_empty()) {
            Some(value) => set(&mut env, name, value),
            None => return Err(unset(name)),
        }
    }
    Ok((env, warnings))
}

/// Returns warnings about the host, the same for every step: what of PATH is not to be had, and whether anything can be
/// executed where steps work.
pub fn host_warnings(host: &HostFacts) -> Vec<String> {
    let mut warnings: Vec<String> =
        host.path_refused.iter().map(|(entry, why)| format!("PATH: {entry:?} is left out: {why}")).collect();
    // With a root of its own the step finds them in a place of their own.
    let is_bare = matches!(host.namespaces, Fact::No { .. });
    let is_own = |uid: u32| matches!(&host.identity, Fact::Yes(identity) if identity.uid == uid);
    let closed = host.path_closed.iter().filter(|(_, owner)| is_bare && !is_own(*owner));
    warnings.extend(closed.map(|(dir, _)| {
        format!(
            "PATH: steps cannot reach {}, which is closed to other users, for this host gives them no root of their \
             own: install its programs for everybody (/usr/local), or run autopilot as the user who owns them",
            dir.display()
        )
    }));
    warnings.extend(host.state_noexec.as_ref().map(|state| {
        format!(
            "nothing that a step makes can be executed: {} lies on a file system that is mounted noexec; set \
             AUTOPILOT_STATE_DIR to a folder on another one",
            state.display()
        )
    }));
    warnings
}

fn fixed(host: &HostFacts, name: &str) -> Variables {
    let path: Vec<_> = host.path.iter().map(|dir| dir.to_string_lossy()).collect();
    let language = host.environment.get("LANG").map_or("C.UTF-8", String::as_str);
    let mut env: Variables = [
        ("PATH", path.join(":").as_str()),
        ("LANG", language),
        ("TERM", "dumb"),
        ("CI", "true"),
        ("USER", name),
        ("LOGNAME", name),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    env.extend(host.toolchain_env.iter().cloned());
    env
}

fn set(env: &mut Variables, name: &str, value: &str) {
    env.retain(|(present, _)| present != name);
    env.push((name.to_owned(), value.to_owned()));
}

/// Tells whether a variable makes programs load or run something else.
fn steers(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "BASH_ENV",
        "ENV",
        "PYTHONSTARTUP",
        "PYTHONPATH",
        "PERL5OPT",
        "PERL5LIB",
        "RUBYOPT",
        "NODE_OPTIONS",
        "PROMPT_COMMAND",
    ];
    const PREFIXES: [&str; 3] = ["LD_", "GIT_", "DYLD_"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn unset(name: &str) -> Reason {
    Reason {
        what: format!("secret {name}"),
        why: "it is not set in the environment".into(),
        hint: format!("export {name}, or take it out of the step's `secrets`"),
    }
}
