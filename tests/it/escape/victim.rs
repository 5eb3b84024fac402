//! What there is to be stolen, changed, reached or killed: a home with keys, projects, sockets, a process.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::delegated::{self, Delegated};
use crate::common::program::{copy_program, open_folder};

/// Everything an attempt is after.
pub(super) struct Victim {
    folder: tempfile::TempDir,
    uid: u32,
    process: Child,
    neighbour: Child,
    /// What the neighbour keeps: segment, queue, semaphore, POSIX queue.
    objects: String,
    tcp: u16,
    udp: u16,
    trees: AtomicUsize,
    /// Whether the host is to refuse namespaces.
    pub(super) refused: bool,
    /// The control groups that its user was given.
    pub(super) delegated: Option<Delegated>,
    /// Held by the attempts that leave processes, which are told by name.
    pub(super) daemons: Mutex<()>,
    _sockets: (UnixListener, UnixDatagram, UnixListener),
}

impl Victim {
    pub(super) fn new(uid: u32, refused: bool) -> Self {
        crate::common::in_time::watch();
        let folder =
            tempfile::Builder::new().prefix("autopilot-escape-").tempdir_in("/var/tmp").expect("a folder");
        let top = folder.path();
        fill(top);
        let (tcp, udp) = network();
        let abstract_name =
            SocketAddr::from_abstract_name(top.as_os_str().as_encoded_bytes()).expect("a name");
        let sockets = (
            UnixListener::bind(top.join("agent.sock")).expect("a socket"),
            log(&top.join("log.sock")),
            UnixListener::bind_addr(&abstract_name).expect("a socket"),
        );
        if nix::unistd::geteuid().is_root() {
            assert!(
                Command::new("chown")
                    .args(["-R", &format!("{uid}:{uid}")])
                    .arg(top)
                    .status()
                    .expect("chown")
                    .success()
            );
        }
        open_folder(top, 0o755);
        let mut process = Command::new("sleep");
        process.arg0("autopilot-escape-victim").arg("600").stdin(Stdio::null()).stdout(Stdio::null());
        if nix::unistd::geteuid().is_root() {
            process.uid(uid).gid(uid);
        }
        let process = process.spawn().expect("a process");
        let (neighbour, objects) = neighbour(uid);
        Self {
            uid,
            process,
            neighbour,
            objects,
            tcp,
            udp,
            refused,
            delegated: None,
            trees: AtomicUsize::new(0),
            daemons: Mutex::new(()),
            _sockets: sockets,
            folder,
        }
    }

    pub(super) fn path(&self) -> &str {
        self.folder.path().to_str().expect("UTF-8")
    }

    /// The program under test, where every user can execute it.
    pub(super) fn autopilot(&self) -> PathBuf {
        self.folder.path().join("autopilot")
    }

    /// A worktree of its own for each attempt, with a `.git`.
    pub(super) fn worktree(&self) -> PathBuf {
        let tree = self.folder.path().join(format!("tree{}", self.trees.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(tree.join(".git")).expect("a folder");
        fs::write(tree.join(".git/config"), "[core]\n").expect("a file");
        // As root the steps run as somebody else, who shall fail by the sandbox and not by permissions.
        fs::set_permissions(tree.join(".git/config"), fs::Permissions::from_mode(0o666)).expect("chmod");
        open_folder(&tree.join(".git"), 0o777);
        open_folder(&tree, 0o777);
        tree
    }

    /// What the prelude reads.
    pub(super) fn arguments(&self) -> Vec<String> {
        let namespace = |name: &str| {
            fs::read_link(format!("/proc/self/ns/{name}")).expect("a link").display().to_string()
        };
        let mut arguments = vec![
            self.path().into(),
            self.process.id().to_string(),
            namespace("net"),
            namespace("ipc"),
            self.tcp.to_string(),
            self.udp.to_string(),
        ];
        arguments.extend(self.objects.split_whitespace().map(str::to_owned));
        arguments
    }

    /// A launcher's environment, with what must not get in.
    pub(super) fn environment(&self) -> BTreeMap<&'static str, String> {
        let groups =
            self.delegated.as_ref().map(|groups| groups.folder().to_owned()).or_else(delegated::place);
        BTreeMap::from([
            ("GROUPS", groups.map(|folder| folder.display().to_string()).unwrap_or_default()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("HOME", format!("{}/home", self.path())),
            ("LAUNCHER_SECRET", "hunter2".into()),
            ("GIT_SSH_COMMAND", "sh -c x".into()),
            ("TMP_INODE", fs::metadata("/tmp").expect("/tmp").ino().to_string()),
            ("VAR_TMP_INODE", fs::metadata("/var/tmp").expect("/var/tmp").ino().to_string()),
            ("SHM_DEV", fs::metadata("/dev/shm").expect("/dev/shm").dev().to_string()),
        ])
    }

    /// Makes a command run as the user whose half this is.
    pub(super) fn as_its_user(&self, command: &mut Command) {
        if self.uid != nix::unistd::geteuid().as_raw() {
            let id = self.uid.to_string();
            command.args(["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"]);
            // As a service has it, or a container.
            command.args(["--inh-caps", "+net_raw", "--ambient-caps", "+net_raw"]);
        } else if self.uid == 0 {
            // As a login of root has them: adm and disk.
            command.args(["setpriv", "--groups", "0,4,6"]);
        }
    }

    /// The name that attempts give to a process that is to stay: this victim's alone.
    pub(super) fn daemon_name(&self) -> String {
        format!("daemon-{}", self.base())
    }

    /// Returns the processes that attempts left.
    pub(super) fn daemon_pids(&self) -> Vec<i32> {
        let entries = fs::read_dir("/proc").expect("/proc").flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        pids.filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.starts_with(self.daemon_name().as_bytes())
        })
        .collect()
    }

    /// Kills what is left; tells whether anything was.
    pub(super) fn kill_daemons(&self) -> bool {
        let pids = self.daemon_pids();
        for pid in &pids {
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(*pid), nix::sys::signal::Signal::SIGKILL);
        }
        !pids.is_empty()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // At the end of its input it removes what it keeps.
        drop(self.neighbour.stdin.take());
        let _ = self.neighbour.wait();
        for name in [
            format!("/tmp/{}-tmp", self.base()),
            format!("/var/tmp/{}-tmp", self.base()),
            format!("/dev/shm/{}", self.base()),
        ] {
            let _ = fs::remove_file(name);
        }
    }
}

impl Victim {
    fn base(&self) -> String {
        self.folder.path().file_name().expect("a name").to_string_lossy().into_owned()
    }
}

/// Starts another program of the user's; returns what it keeps as well.
fn neighbour(uid: u32) -> (Child, String) {
    let mut command = Command::new(super::PYTHON);
    command.args(["-c", include_str!("neighbour.py")]).stdin(Stdio::piped()).stdout(Stdio::piped());
    if nix::unistd::geteuid().is_root() {
        command.uid(uid).gid(uid);
    }
    let mut child = command.spawn().expect("a process");
    let mut objects = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut objects).expect("a line");
    assert!(
        !objects.split_whitespace().any(|id| id == "-1"),
        "no objects of System V are to be had: {objects}"
    );
    (child, objects)
}

fn fill(top: &Path) {
    let files = [
        "home/.ssh/id",
        "home/.config/gh/hosts.yml",
        "home/.bashrc",
        "sibling/secret",
        "granted/x",
        "checkout/.git/config",
        "checkout/.git/hooks/x",
    ];
    let outside = ["a", "b", "c", "d", "e", "f", "g"].map(|name| format!("outside/{name}"));
    for name in files.into_iter().map(str::to_owned).chain(outside) {
        let path = top.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::File::create(path).and_then(|mut file| file.write_all(b"secret")).expect("a file");
    }
    copy_program(&top.join("autopilot"));
}

/// Takes datagrams at a path: a socket that nobody reads takes ten.
fn log(path: &Path) -> UnixDatagram {
    let log = UnixDatagram::bind(path).expect("a socket");
    let reader = log.try_clone().expect("a descriptor");
    std::thread::spawn(move || while reader.recv(&mut [0; 16]).is_ok() {});
    log
}

/// Listens on one port over both versions; UDP answers.
fn network() -> (u16, u16) {
    let tcp = TcpListener::bind("[::]:0").expect("a listener");
    let udp = UdpSocket::bind("[::]:0").expect("a socket");
    let ports = (tcp.local_addr().expect("a port").port(), udp.local_addr().expect("a port").port());
    std::thread::spawn(move || tcp.incoming().for_each(drop));
    std::thread::spawn(move || {
        let mut buffer = [0; 16];
        while let Ok((length, from)) = udp.recv_from(&mut buffer) {
            let _ = udp.send_to(&buffer[..length], from);
        }
    });
    ports
}
