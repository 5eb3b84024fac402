//! Starts the confined side: the small program that was built in, or this very file where there is none.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;

use autopilot_init::enter::TRIED;
use autopilot_init::spec::Setting;
use autopilot_init::wire;
use nix::sys::signal::Signal;

use super::carrier;
use super::cgroup::Group;
use crate::policy::Isolation;

/// Starts the confined side of a setting, which makes itself ready for a launch. Returns the runner's end of its
/// socket.
pub(super) fn start(setting: &Setting, group: Option<&Group>) -> io::Result<(OwnedFd, Child)> {
    let arguments = arguments(setting, group);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (socket, theirs) = wire::pair()?;
    wire::send_setting(&socket, setting)?;
    Ok((socket, carrier::execute(theirs, &arguments)?))
}

/// Returns the arguments that start the confined side of a setting, in a control group of its own.
fn arguments(setting: &Setting, group: Option<&Group>) -> Vec<String> {
    let mut arguments = match setting.isolation {
        Isolation::Bare => vec!["solo".into()],
        Isolation::Namespaces { user, .. } => {
            let net = !setting.shares_network;
            vec!["outer".into(), format!("user={user}"), format!("net={net}")]
        }
    };
    arguments.extend(group.iter().flat_map(|group| group.folders()).map(|path| path.display().to_string()));
    arguments
}

/// Returns what of Landlock and seccomp a filter that this process was started under kills whoever asks for it.
pub(super) fn deadly() -> Vec<&'static str> {
    let is_deadly = |what: &&str| {
        let tried = wire::pair().and_then(|(_ours, theirs)| carrier::execute(theirs, &["try", what])?.wait());
        tried.is_ok_and(|ended| ended.signal() == Some(Signal::SIGSYS as i32))
    };
    TRIED.into_iter().filter(is_deadly).collect()
}
