//! Control groups that are given to a user, as systemd gives a user's own programs theirs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Groups in which a user may make others; gone when this is.
#[derive(Debug)]
pub(super) struct Delegated {
    /// In which a process is to be that makes some.
    inside: Vec<PathBuf>,
    /// From the innermost on.
    made: Vec<PathBuf>,
}

impl Delegated {
    /// Gives a user groups of their own, below those of this process; needs root.
    pub(super) fn to(uid: u32) -> Self {
        match (own("memory"), own("pids")) {
            (Some(memory), pids) => Self::version_1(uid, [Some(memory), pids].into_iter().flatten()),
            (None, _) => Self::version_2(uid, &own("").expect("a group")),
        }
    }

    fn version_1(uid: u32, groups: impl Iterator<Item = PathBuf>) -> Self {
        let made: Vec<PathBuf> = groups.map(|group| group.join(name())).collect();
        for group in &made {
            give(group, uid);
        }
        Self { inside: made.clone(), made }
    }

    /// Beside this process's own, since that has processes in it.
    fn version_2(uid: u32, own: &Path) -> Self {
        let outer = own.parent().expect("a group around").join(name());
        give(&outer, uid);
        fs::write(outer.join("cgroup.subtree_control"), "+memory +pids").expect("controllers");
        let inner = outer.join("inside");
        give(&inner, uid);
        Self { inside: vec![inner.clone()], made: vec![inner, outer] }
    }

    /// Returns where its user makes groups.
    pub(super) fn folder(&self) -> &Path {
        self.made.last().expect("a group")
    }

    /// Makes a command, run as root, begin inside.
    pub(super) fn enter(&self, command: &mut Command) {
        let script =
            "while [ \"$1\" != -- ]; do echo $$ > \"$1/cgroup.procs\"; shift; done; shift; exec \"$@\"";
        command.args(["sh", "-c", script, "sh"]).args(&self.inside).arg("--");
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        // What a test that failed left in there keeps them.
        for group in &self.made {
            for below in fs::read_dir(group).into_iter().flatten().flatten() {
                let _ = fs::remove_dir(below.path());
            }
            let _ = fs::remove_dir(group);
        }
    }
}

/// Returns where this process makes groups, if it may.
pub(super) fn place() -> Option<PathBuf> {
    own("memory").or_else(|| own("")?.parent().map(Path::to_owned))
}

/// Returns this process's own group in the hierarchy of a controller, or in that of version 2.
fn own(controller: &str) -> Option<PathBuf> {
    let all = fs::read_to_string("/proc/self/cgroup").expect("the groups of this process");
    let line = all.lines().find(|line| line.split(':').nth(1) == Some(controller))?;
    let path = line.splitn(3, ':').nth(2)?.trim_start_matches('/');
    Some(Path::new("/sys/fs/cgroup").join(controller).join(path))
}

/// A name that no other test takes.
fn name() -> String {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("escape-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Makes a group and gives it to a user, with the files that make it theirs.
fn give(group: &Path, uid: u32) {
    fs::create_dir(group).expect("a control group");
    let files = ["", "cgroup.procs", "cgroup.subtree_control"].map(|name| group.join(name));
    for file in files.iter().filter(|file| file.exists()) {
        std::os::unix::fs::chown(file, Some(uid), Some(uid)).expect("chown");
    }
}
