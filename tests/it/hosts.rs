//! The hosts that autopilot holds for, each made out of this one: what is missing there is refused or taken away
//! here. The rows are those of `docs/sandbox-hosts.md`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::agents;
use crate::common::program::{copy_program, open_folder};
use crate::common::{REFUSE, Ran, Repo, not_tried, only_as_root};
use crate::escape::groups::gets_groups;

/// An ordinary user whom nobody is.
const USER: &str = "54321";

/// A host, and what a plan comes to there.
struct Host {
    /// Its row in the table.
    row: &'static str,
    /// Whether autopilot is started by root there.
    root: bool,
    /// System calls that it refuses.
    refuses: &'static str,
    /// Capabilities that its root has not.
    lacks: &'static str,
    /// Whether something is mounted below its /proc.
    masks: bool,
    /// What `--allow-degraded` is given.
    waives: &'static [&'static str],
    outcome: Outcome,
}

enum Outcome {
    /// Confined, with or without namespaces and Landlock; the run's first line says so.
    Runs { namespaces: bool, landlock: bool, says: &'static str },
    /// Exit 3: why, and what helps.
    Refused { why: &'static str, helps: &'static str },
}

const fn host(row: &'static str, root: bool, outcome: Outcome) -> Host {
    Host { row, root, refuses: "", lacks: "", masks: false, waives: &[], outcome }
}

const FULL: Outcome = Outcome::Runs { namespaces: true, landlock: true, says: "sandbox: full" };
const BARE: Outcome =
    Outcome::Runs { namespaces: false, landlock: true, says: "sandbox: without namespaces" };
const NO_PROC: Outcome =
    Outcome::Runs { namespaces: true, landlock: true, says: "sandbox: without a /proc of a step's own" };
const DEGRADED: Outcome =
    Outcome::Runs { namespaces: true, landlock: false, says: "DEGRADED, without landlock" };
const NO_LANDLOCK: Outcome = Outcome::Refused { why: "no Landlock", helps: "--allow-degraded landlock" };
const NOTHING: Outcome = Outcome::Refused { why: "Landlock ABI 0", helps: "--run-as" };
const NO_SECCOMP: Outcome = Outcome::Refused { why: "no seccomp filters", helps: "CONFIG_SECCOMP_FILTER" };
const NOBODY: Outcome = Outcome::Refused { why: "cannot become anybody else", helps: "as an ordinary user" };

#[rustfmt::skip]
const HOSTS: [Host; 13] = [
    host("ordinary user, plain host", false, FULL),
    host("root, plain host", true, FULL),
    Host { masks: true, ..host("ordinary user, something mounted below /proc", false, NO_PROC) },
    Host { refuses: "unshare", ..host("ordinary user, user namespaces refused", false, BARE) },
    Host { lacks: "-sys_admin", ..host("root without CAP_SYS_ADMIN", true, BARE) },
    Host { lacks: "-setuid,-setgid,-setpcap", ..host("root without CAP_SETUID, CAP_SETGID, CAP_SETPCAP", true, NOBODY) },
    Host { refuses: "landlock", ..host("namespaces, no Landlock", false, NO_LANDLOCK) },
    Host { refuses: "landlock", ..host("namespaces, no Landlock", true, NO_LANDLOCK) },
    Host { refuses: "landlock", waives: &["landlock"], ..host("namespaces, no Landlock", false, DEGRADED) },
    Host { refuses: "unshare,landlock", ..host("no namespaces, no Landlock", false, NOTHING) },
    Host { refuses: "unshare,landlock", waives: &["landlock", "seccomp"], ..host("no namespaces, no Landlock", false, NOTHING) },
    Host { refuses: "seccomp", ..host("no seccomp filters", false, NO_SECCOMP) },
    Host { refuses: "seccomp", ..host("no seccomp filters", true, NO_SECCOMP) },
];

/// Rows that are held to elsewhere: real older Landlock needs the sandbox called directly (`tests/abi.rs`), and Nix's
/// build sandbox is where the flake's checks `tests` and `audit` run.
const ELSEWHERE: [&str; 5] = [
    "namespaces, Landlock ABI 1 to 5",
    "no namespaces, Landlock ABI 1 to 5",
    "inside Nix's build sandbox",
    "root in a user namespace with other users (rootless podman, `userns-remap`, `hostUsers: false`)",
    "root alone in a user namespace",
];

#[test]
fn on_every_host_a_plan_runs_confined_or_says_why_not_and_what_helps() {
    let by_root = nix::unistd::geteuid().is_root();
    for host in &HOSTS {
        if host.root && !by_root {
            not_tried(&format!("{}: this is an ordinary user", host.row));
            continue;
        }
        println!("{} (waived: {:?})", host.row, host.waives);
        try_host(host);
    }
}

fn try_host(host: &Host) {
    let repo = Repo::new();
    let outside = repo.dir().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    // Whoever the step is: the sandbox stops it, not the file's mode.
    open_folder(&outside, 0o777);
    open_folder(repo.dir(), 0o755);
    let outside = outside.display();
    let step = format!("echo made > made; ! cat {outside}/secret || exit 9; ! touch {outside}/new");
    repo.plan(&format!("  - {{id: work, command: \"{step}\", expectation: {{files_exist: [made]}}}}\n"));
    let ran = run(&repo, host, "7");
    assert!(!repo.dir().join("outside/new").exists(), "{}: written outside", host.row);
    match host.outcome {
        Outcome::Runs { namespaces, landlock, says } => {
            ran.exits(0).says(says).says("confine{step=\"proof\"}: done");
            let ended = repo.events_of("command.ended").pop().expect("a command ended");
            let enforced = &ended["enforced"];
            let own = enforced["namespaces"].as_array().unwrap();
            assert_eq!(own.iter().any(|each| each == "net"), namespaces, "{}: {enforced}", host.row);
            assert_eq!(enforced["landlock"] != 0, landlock, "{}: {enforced}", host.row);
            assert_eq!(enforced["seccomp"], true, "{}: {enforced}", host.row);
            let held = enforced["cgroup"].as_array().unwrap().iter().any(|each| each == "memory");
            // To a user that nobody is, nobody gave any.
            let is_self = host.root == nix::unistd::geteuid().is_root();
            assert_eq!(held, is_self && gets_groups(), "{}: {enforced}", host.row);
        }
        Outcome::Refused { why, helps } => {
            ran.exits(3).says(why).says(helps);
            assert!(repo.evidence("status-").is_empty(), "{}: something was run", host.row);
        }
    }
}

/// Becomes root of a user namespace that has so many of the host's users, and then a command.
const USERS: &str = r#"
import ctypes, os, sys
count, command = sys.argv[1], sys.argv[2:]
ready, mapped = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    assert ctypes.CDLL(None, use_errno=True).unshare(0x10000000) == 0, os.strerror(ctypes.get_errno())
    os.write(ready[1], b"x")
    os.read(mapped[0], 1)
    os.setuid(0)
    os.setgid(0)
    os.execvp(command[0], command)
os.read(ready[0], 1)
for kind, own in ("uid", os.getuid()), ("gid", os.getgid()):
    if os.getuid() != 0:
        open(f"/proc/{child}/setgroups", "w").write("deny")
    open(f"/proc/{child}/{kind}_map", "w").write(f"0 {own} {count}")
os.write(mapped[1], b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"#;

/// Runs autopilot as root of such a namespace.
fn as_root_of(users: &str, repo: &Repo, args: &[&str]) -> Ran {
    let like = repo.command(args);
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", USERS, users]).arg(like.get_program()).args(args).env_clear();
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::of(&command.current_dir(repo.top()).output().unwrap())
}

#[test]
fn root_of_a_user_namespace_runs_steps_as_somebody_whom_that_has_or_says_that_there_is_nobody() {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'id -u > uid; id -g > gid'}\n");
    as_root_of("1", &repo, &["7"]).exits(3).says("the only user in its user namespace").says("subuid");
    as_root_of("1", &repo, &["doctor"]).says("the only user in its user namespace");
    assert!(repo.evidence("status-").is_empty());
    if only_as_root("only root has more users than one to give to a namespace") {
        as_root_of("65536", &repo, &["7"]).exits(0).says("sandbox: full");
        for file in ["uid", "gid"] {
            let id: u32 = repo.on_branch(file).parse().unwrap();
            assert!((61_184..65_520).contains(&id), "{file} {id}");
        }
        assert_eq!(repo.left_in_state(), Vec::<String>::new());
    }
}

/// The sample plan builds with the caller's toolchain. Where root's steps cannot reach it, that is said with what helps.
#[test]
fn on_every_host_that_runs_plans_the_sample_runs_or_says_what_it_lacks() {
    let by_root = nix::unistd::geteuid().is_root();
    for host in &HOSTS {
        let Outcome::Runs { namespaces, .. } = host.outcome else { continue };
        if host.masks {
            println!("{}: what it lacks, the row without namespaces lacks as well", host.row);
            continue;
        }
        if host.root != by_root {
            not_tried(&format!("{}: its user cannot read the toolchain of this one", host.row));
            continue;
        }
        let repo = crate::sample::clone();
        let ran = run(&repo, host, "646");
        if by_root && !namespaces && is_closed(&cargo()) {
            ran.exits(1).says("PATH: steps cannot reach").says("install its programs for everybody");
        } else {
            ran.exits(0).says("2 commits");
        }
        assert_eq!(repo.left_in_state(), Vec::<String>::new(), "{}", host.row);
    }
}

/// Where the caller's cargo is.
fn cargo() -> PathBuf {
    let path = std::env::var_os("PATH").expect("PATH");
    let there = std::env::split_paths(&path).map(|dir| dir.join("cargo")).find(|cargo| cargo.exists());
    fs::canonicalize(there.expect("cargo is on PATH")).unwrap()
}

/// Tells whether some folder on the way is closed to others.
fn is_closed(path: &Path) -> bool {
    path.ancestors().any(|each| fs::metadata(each).unwrap().permissions().mode() & 1 == 0)
}

/// Becomes the command that follows where something is mounted below /proc, as in a container or under
/// `ProtectKernelTunables=yes`: in a user namespace, to which what was mounted before is locked.
const MASKED: [&str; 10] = [
    "unshare",
    "--user",
    "--map-current-user",
    "--keep-caps",
    "--mount",
    "--",
    "/bin/sh",
    "-ec",
    "mount --bind /dev/null /proc/cmdline; mount -o bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; \
     exec setpriv --inh-caps -all --ambient-caps -all -- \"$@\"",
    "sh",
];

fn run(repo: &Repo, host: &Host, issue: &str) -> Ran {
    run_with(repo, host, &["-v", "run", issue])
}

fn run_with(repo: &Repo, host: &Host, arguments: &[&str]) -> Ran {
    let mut words: Vec<String> = Vec::new();
    let mut add = |more: &[&str]| words.extend(more.iter().map(|&word| word.to_owned()));
    let program = repo.dir().join("autopilot");
    copy_program(&program);
    if nix::unistd::geteuid().is_root() && !host.root {
        give(repo.dir(), USER);
        add(&["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"]);
    }
    if !host.lacks.is_empty() {
        add(&["setpriv", "--bounding-set", host.lacks, "--inh-caps", host.lacks]);
    }
    if host.masks {
        add(&MASKED);
    }
    if !host.refuses.is_empty() {
        add(&["/usr/bin/python3", "-c", REFUSE, host.refuses]);
    }
    add(&[program.to_str().unwrap()]);
    add(arguments);
    for name in host.waives {
        add(&["--allow-degraded", name]);
    }
    let like = repo.command::<&str>([]);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(like.get_current_dir().unwrap()).env_clear();
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::of(&command.output().unwrap())
}

/// A container with masked paths, whose user has no capability and gains none.
const POD: &str = "mount --bind /dev/null /proc/cmdline; mount -o bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; \
    exec setpriv --reuid 54321 --regid 54321 --clear-groups --bounding-set -all --inh-caps -all --no-new-privs -- \"$@\"";

#[test]
fn in_the_pod_of_the_documents_an_agents_step_runs_and_with_default_profiles_it_is_refused() {
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/scale-out/pod.yaml");
    let job: serde_json::Value = serde_yaml::from_str(&fs::read_to_string(text).unwrap()).unwrap();
    let pod = &job["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    for (part, name, is) in [
        (&pod["securityContext"], "/seccompProfile/type", "Unconfined"),
        (&pod["securityContext"], "/appArmorProfile/type", "Unconfined"),
        (&container["securityContext"], "/capabilities/drop/0", "ALL"),
        (&container["command"], "/7", "namespaces"),
    ] {
        assert_eq!(part.pointer(name).unwrap(), is, "{name}");
    }
    assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
    if !only_as_root("only root makes a container") {
        return;
    }
    let agents = |profile: &[&str]| {
        let repo = agents::repo("begin; echo made > made; say done; end");
        agents::plan(&repo, "  - {id: work, codex: {prompt: x}, expectation: {files_exist: [made]}}\n");
        let program = repo.dir().join("autopilot");
        copy_program(&program);
        open_folder(repo.dir(), 0o755);
        give(repo.dir(), USER);
        let like = agents::command(&repo, &[]);
        let mut command = Command::new("unshare");
        command.args(["--mount", "/bin/sh", "-ec", POD, "sh"]).args(profile).arg(&program);
        command.args(["run", "7"]).current_dir(repo.top()).env_clear();
        command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        (Ran::of(&command.output().unwrap()), repo)
    };
    let (ran, repo) = agents(&[]);
    ran.exits(0).says("sandbox: without a /proc of a step's own");
    assert_eq!(repo.events_of("command.ended")[0]["enforced"]["proc"], "machine");
    let (ran, _repo) = agents(&["/usr/bin/python3", "-c", REFUSE, "docker"]);
    ran.exits(3).says("the model's endpoint").says("there are no network namespaces here");
}

/// What a unit or a container is told must be about what refuses, and not about what the kernel has.
#[test]
fn under_a_filter_the_refused_call_is_named_with_the_filter() {
    let told = |profile: &'static str| {
        let repo = Repo::new();
        repo.plan("  - {id: work, command: 'true'}\n");
        let host = Host { refuses: profile, ..host("", false, FULL) };
        (run_with(&repo, &host, &["doctor"]), run_with(&repo, &host, &["run", "7"]))
    };
    let (doctor, ran) = told("docker");
    ran.exits(0).says("sandbox: without namespaces");
    doctor.exits(0).says("unshare: EPERM").says("a system call filter").says("no `RestrictNamespaces=`");
    let (doctor, ran) = told("system-service");
    ran.exits(3).says("a system call filter").says("SystemCallFilter=@system-service @mount seccomp");
    doctor.exits(3).says("mount: EPERM").hides("boot Linux").hides("paths of `filesystem`");
    let (doctor, ran) = told("system-service!");
    ran.exits(3).says("killed it (SIGSYS)").says("SystemCallFilter=@system-service @mount seccomp");
    doctor.exits(3).says("SIGSYS").says("SystemCallErrorNumber=EPERM").hides("boot Linux");
}

#[test]
fn root_that_can_become_nobody_is_not_told_to_install_git() {
    if !only_as_root("only root becomes the owner of a repository") {
        return;
    }
    let repo = Repo::new();
    repo.plan("  - {id: work, command: 'true'}\n");
    give(repo.dir(), USER);
    let host = Host { lacks: "-setuid,-setgid,-setpcap", ..host("", true, FULL) };
    run(&repo, &host, "7").exits(2).says("CAP_SETUID").hides("install git");
}

#[test]
fn a_confinement_that_is_demanded_is_had_or_nothing_runs() {
    let repo = || {
        let repo = Repo::new();
        repo.plan("  - {id: work, command: 'true'}\n");
        repo
    };
    let masked = || Host { masks: true, ..host("", false, NO_PROC) };
    let bare = || Host { refuses: "unshare", ..host("", false, BARE) };
    let with = |host: Host, require: &str| run_with(&repo(), &host, &["run", "7", "--require", require]);
    with(host("", false, FULL), "full").exits(0).says("sandbox: full");
    with(masked(), "namespaces").exits(0).says("without a /proc of a step's own");
    with(masked(), "full").exits(3).says("full confinement (--require full)").says("procMount: Unmasked");
    with(bare(), "namespaces")
        .exits(3)
        .says("there are no namespaces here: sandbox: namespaces: unshare: EPERM");
    let repo = repo();
    let ceiling = repo.home().join(".config/autopilot/config.yaml");
    fs::create_dir_all(ceiling.parent().unwrap()).unwrap();
    fs::write(&ceiling, "# of mine\nrequire: full\n").unwrap();
    run(&repo, &masked(), "7").exits(3).says("`require`, ").says("config.yaml:2");
    assert!(repo.evidence("status-").is_empty());
}

fn give(folder: &Path, user: &str) {
    let owner = format!("{user}:{user}");
    assert!(Command::new("chown").args(["-R", &owner]).arg(folder).status().unwrap().success());
}

#[test]
fn the_table_of_hosts_names_the_hosts_that_are_tried() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/sandbox-hosts.md")).unwrap();
    let table = page.split("\n\n").find(|part| part.starts_with("| host |")).expect("the table");
    let rows: Vec<Vec<&str>> = table.lines().skip(2).map(|line| line.split(" | ").collect()).collect();
    let tried: Vec<&str> = HOSTS.iter().map(|host| host.row).collect();
    for row in &rows {
        let name = row[0].trim_start_matches("| ");
        if ELSEWHERE.contains(&name) {
            continue;
        }
        let host = HOSTS.iter().find(|host| host.row == name && host.waives.is_empty());
        let host = host.unwrap_or_else(|| panic!("{name} is not tried"));
        let said = match host.outcome {
            Outcome::Runs { .. } => "runs",
            Outcome::Refused { .. } => "refused",
        };
        assert!(row[4].starts_with(said), "{name}: {}", row[4]);
    }
    for name in tried.iter().chain(&ELSEWHERE) {
        assert!(rows.iter().any(|row| row[0].trim_start_matches("| ") == *name), "{name} has no row");
    }
}
