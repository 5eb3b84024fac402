//! By what a system call is refused here, as far as the kernel tells, and what helps against that: an `EPERM` by itself sends
//! people to the wrong place.

use std::io;
use std::path::Path;

use nix::errno::Errno;
use rustix::thread::CapabilitySet;

use crate::mounts::HOST;
use crate::outcome::SandboxError;
use crate::procfs::field;
use crate::reading;

/// What helps where a system call filter refuses what a sandbox is made of.
pub const FILTER_HINT: &str = "in a systemd unit: no `RestrictNamespaces=`, and `SystemCallFilter=@system-service @mount seccomp \
    landlock_create_ruleset landlock_add_rule landlock_restrict_self`; in a container: a seccomp profile that allows these, clone and \
    unshare, such as Unconfined";

/// What can refuse one.
#[derive(Debug, Clone, Default)]
struct Here {
    /// A system call filter that this process was started under.
    filtered: bool,
    /// `user.max_user_namespaces` and `kernel.unprivileged_userns_clone`.
    allowed: [Option<u64>; 2],
    /// AppArmor lets nobody make user namespaces that are of use.
    apparmor: bool,
    /// Under which rules of AppArmor or SELinux this process is.
    label: Option<String>,
    lacks_admin: bool,
}

/// Tells whether this process was started under a system call filter. The runner puts none over itself.
pub fn is_filtered() -> bool {
    let status = read("self/status").unwrap_or_default();
    field(&status, "Seccomp:") == Some("2")
}

/// Makes an error of a call that was refused: which, by what, and what helps. `usual` is what helps where nobody knows.
/// `user`: in a user namespace, or on the way to one.
pub(crate) fn refused(layer: &str, call: &str, error: &io::Error, user: bool, usual: &str) -> SandboxError {
    let errno = error.raw_os_error().map(Errno::from_raw);
    let what = format!("{call}: {}", errno.map_or_else(|| error.to_string(), |errno| errno.to_string()));
    let is_refusal = matches!(errno, Some(Errno::EPERM | Errno::EACCES | Errno::ENOSYS | Errno::ENOSPC));
    let by = is_refusal.then(|| Here::look().by(call, user)).flatten();
    match by {
        Some((by, helps)) => {
            SandboxError { layer: layer.into(), what: format!("{what}: refused by {by}"), hint: helps }
        }
        None => SandboxError { layer: layer.into(), what, hint: usual.into() },
    }
}

/// Makes an error of a process that a filter killed: the call it does not tell.
pub fn killed() -> SandboxError {
    SandboxError {
        layer: "namespaces".into(),
        what: "the system call filter that autopilot was started under killed it (SIGSYS)".into(),
        hint: format!("{FILTER_HINT}; with `SystemCallErrorNumber=EPERM` in the unit the call is named here"),
    }
}

impl Here {
    fn look() -> Self {
        let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
        let label = read("self/attr/current").map(|label| label.trim_end_matches(['\0', '\n']).to_owned());
        let held = rustix::thread::capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
        Self {
            filtered: is_filtered(),
            allowed: ["sys/user/max_user_namespaces", "sys/kernel/unprivileged_userns_clone"].map(number),
            apparmor: number("sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1),
            label: label.filter(|label| !label.is_empty() && !label.starts_with("unconfined")),
            lacks_admin: !held.contains(CapabilitySet::SYS_ADMIN),
        }
    }

    /// Returns by what, and what helps.
    fn by(&self, call: &str, user: bool) -> Option<(String, String)> {
        const SUDO: &str = "or run `sudo autopilot … --run-as \"$USER\"`";
        let [most, clone] = self.allowed;
        let (by, helps) = match () {
            () if user && most == Some(0) => (
                "`user.max_user_namespaces`, which is 0".to_owned(),
                format!("sysctl user.max_user_namespaces=10000, {SUDO}"),
            ),
            () if user && clone == Some(0) => (
                "`kernel.unprivileged_userns_clone`, which is 0".to_owned(),
                format!("sysctl kernel.unprivileged_userns_clone=1, {SUDO}"),
            ),
            () if !user && self.lacks_admin => (
                "the kernel, since this root has no CAP_SYS_ADMIN".to_owned(),
                "give this container CAP_SYS_ADMIN and a profile that allows unshare and mount, or run as an ordinary user"
                    .to_owned(),
            ),
            () if self.filtered => (
                "a system call filter that autopilot was started under, in all likelihood".to_owned(),
                if user { format!("{FILTER_HINT}; {SUDO} outside of it") } else { FILTER_HINT.to_owned() },
            ),
            () if user && self.apparmor => (
                "AppArmor (`kernel.apparmor_restrict_unprivileged_userns` is 1)".to_owned(),
                format!("sysctl kernel.apparmor_restrict_unprivileged_userns=0, {SUDO}"),
            ),
            () => {
                let label = self.label.as_ref()?;
                (
                    format!("the rules `{label}` of AppArmor or SELinux, perhaps"),
                    format!("have them allow `{call}`, or start autopilot outside of them"),
                )
            }
        };
        Some((by, helps))
    }
}

/// Reads a file of the host's /proc, wherever that is while a root is built.
fn read(path: &str) -> Option<String> {
    let roots = [Path::new("/proc").to_owned(), Path::new(HOST).join("proc")];
    roots.iter().find_map(|root| reading::text(root.join(path)).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_refuses_a_call_is_named_with_what_helps_against_it() {
        let here = Here { lacks_admin: true, ..Here::default() };
        let filtered = Here { filtered: true, ..here.clone() };
        let none = Here { allowed: [Some(0), None], ..filtered.clone() };
        let clone = Here { allowed: [Some(9), Some(0)], ..filtered.clone() };
        let apparmor = Here { apparmor: true, ..here.clone() };
        let label = Here { label: Some("docker-default (enforce)".into()), ..here.clone() };
        for (here, user, by, helps) in [
            (&none, true, "user.max_user_namespaces", "sysctl user.max_user_namespaces=10000"),
            (&clone, true, "unprivileged_userns_clone", "sysctl kernel.unprivileged_userns_clone=1"),
            (&none, false, "CAP_SYS_ADMIN", "give this container CAP_SYS_ADMIN"),
            (&filtered, true, "system call filter", "RestrictNamespaces="),
            (&apparmor, true, "AppArmor", "apparmor_restrict_unprivileged_userns=0"),
            (&label, true, "docker-default", "have them allow `unshare`"),
        ] {
            let told = here.by("unshare", user).unwrap();
            assert!(told.0.contains(by) && told.1.contains(helps), "{told:?}");
        }
        assert_eq!(here.by("unshare", true), None);
    }

    #[test]
    fn a_file_that_is_not_there_is_no_refusal() {
        let error = io::Error::from_raw_os_error(nix::libc::ENOENT);
        assert_eq!(refused("root", "mount /x", &error, true, "look").hint, "look");
    }
}
