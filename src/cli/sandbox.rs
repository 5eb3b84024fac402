//! `autopilot sandbox`: one command in the current directory under the step sandbox.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::exit::{Exit, Failure};
use super::output;
use crate::network::{Decision, Gate, Verdict};
use crate::plan::{Destination, EnvEntry, Network, Resources, Wrong, units};
use crate::policy::{self, Fact, Grant, Identity, Isolation, Reach, Request, Waivers};
use crate::sandbox::{self, Command, Ended, Place, SandboxError, Seen, Status};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);

/// Run one command in the current directory under the step sandbox, and pass its exit code on.
#[derive(Debug, clap::Args)]
pub(super) struct SandboxArgs {
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
    /// Wall-clock time, such as 10m.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    /// As root: the user it runs as (default: the directory's owner, else an unprivileged uid of its own).
    #[arg(long, value_name = "USER")]
    run_as: Option<String>,
    /// Names a protection to go without where this host cannot give it (repeatable).
    #[arg(long, value_name = "WHAT")]
    allow_degraded: Vec<String>,
    /// The command.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Runs the command.
pub(super) fn run(args: SandboxArgs) -> Result<Exit, Failure> {
    let worktree = std::env::current_dir().context("the current directory")?;
    let mut host = sandbox::probe();
    host.identity = identity(&args, &worktree, host.identity);
    let request = request(&args)?;
    let waivers = Waivers { names: args.allow_degraded.clone() };
    let grant = match policy::decide(&request, &host, &waivers) {
        policy::Decision::Allow(grant) => *grant,
        policy::Decision::Deny(reason) => {
            return Err(Failure::new(Exit::Refused, reason.to_string()).hint(reason.hint));
        }
    };
    let scratch =
        tempfile::Builder::new().prefix("autopilot-sandbox-").tempdir().context("a scratch directory")?;
    let place = place(&worktree, scratch.path())?;
    sandbox::make_over(scratch.path(), grant.identity()).context("the scratch directory")?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
    let read_only = own_git(&worktree, &args, &grant)?;
    let seen = Seen { worktree, ..place.seen(&grant) };
    let command = command(args.command)?;
    let timeout = args.timeout.unwrap_or(Duration::MAX);
    let gate = match grant.network() {
        Reach::Allow(hosts) => Gate::closed().allow(hosts),
        Reach::None | Reach::Full => Gate::closed(),
    };
    let gate = if grant.isolation() == Isolation::Bare { gate.shared().context("the proxy")? } else { gate };
    let env = gate.env().into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let command = Command { env, listen: gate.listen(), connect: gate.ports(), ..command };
    runtime.block_on(async {
        let mut confined =
            sandbox::spawn_seen(&grant, &place, seen, read_only, command).await.map_err(refused)?;
        let serving = gate.serve(confined.take_listeners()).context("the proxy")?;
        let exit = supervise(confined, timeout).await;
        serving.end().decisions.iter().for_each(tell);
        exit
    })
}

/// Tells of a connection that was not made, on standard error: standard output is the command's.
fn tell(decision: &Decision) {
    let Decision { host, port, connections, .. } = decision;
    match &decision.verdict {
        Verdict::Allowed => {}
        Verdict::Refused { why, allow } => {
            let allow = allow.as_ref().map(|host| format!(" (allow: --network {host})")).unwrap_or_default();
            output::note(&format!("refused: {host}:{port} ×{connections}: {why}{allow}"));
        }
        Verdict::Failed { why } => output::note(&format!("failed: {host}:{port} ×{connections}: {why}")),
    }
}

/// As root: who was named, else the directory's owner, else a uid of this command's own.
fn identity(args: &SandboxArgs, worktree: &Path, own: Fact<Identity>) -> Fact<Identity> {
    if !nix::unistd::geteuid().is_root() {
        return own;
    }
    if let Some(name) = &args.run_as {
        return sandbox::user(name);
    }
    match worktree.metadata() {
        Ok(seen) if seen.uid() != 0 && seen.gid() != 0 => {
            Fact::Yes(Identity { uid: seen.uid(), gid: seen.gid(), name: "step".into() })
        }
        _ => own,
    }
}

/// The directory's own `.git`, file or folder, is not to be written unless that is granted.
fn own_git(worktree: &Path, args: &SandboxArgs, grant: &Grant) -> Result<Vec<PathBuf>, Failure> {
    let git = worktree.join(".git");
    if git.symlink_metadata().is_err() || args.write.iter().any(|path| git.starts_with(path)) {
        return Ok(Vec::new());
    }
    match grant.isolation() {
        Isolation::Namespaces { .. } => Ok(vec![git]),
        // Landlock only allows: it cannot take a part out of what is writable.
        Isolation::Bare => Err(Failure::new(
            Exit::Refused,
            "without a mount namespace .git cannot be kept read-only in a writable directory",
        )
        .hint(format!("grant it if that is acceptable: --write {}", git.display()))),
    }
}

async fn supervise(mut confined: sandbox::Confined, timeout: Duration) -> Result<Exit, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let ended = tokio::select! {
        ended = confined.wait() => return passed(&ended.map_err(refused)?),
        _ = interrupt.recv() => Exit::Signal(2),
        _ = terminate.recv() => Exit::Signal(15),
        () = tokio::time::sleep(timeout) => Exit::Failed,
    };
    confined.terminate(GRACE);
    confined.wait().await.map_err(refused)?;
    match ended {
        Exit::Failed => Err(Failure::new(Exit::Failed, format!("timeout: went over {timeout:?}"))),
        signal => Ok(signal),
    }
}

fn passed(ended: &Ended) -> Result<Exit, Failure> {
    match &ended.status {
        Status::Exited(code) => Ok(Exit::Passed(u8::try_from(*code).unwrap_or(1))),
        Status::Signaled(number) => Ok(Exit::Signal(*number)),
        Status::Limit(limit) => Err(Failure::new(Exit::Failed, format!("limit reached: {limit}"))),
    }
}

fn refused(error: SandboxError) -> Failure {
    let failure = Failure::new(Exit::Refused, error.to_string());
    if error.hint.is_empty() { failure } else { failure.hint(error.hint) }
}

fn place(worktree: &Path, scratch: &Path) -> Result<Place, Failure> {
    let [home, tmp] = ["home", "tmp"].map(|name| scratch.join(name));
    for folder in [&home, &tmp] {
        std::fs::create_dir(folder).with_context(|| folder.display().to_string())?;
    }
    Ok(Place { worktree: worktree.to_owned(), home, tmp, also_write: Vec::new(), also_read: Vec::new() })
}

fn command(argv: Vec<OsString>) -> Result<Command, Failure> {
    let own = |fd: std::io::Result<OwnedFd>| fd.context("a standard stream");
    Ok(Command {
        argv,
        dir: PathBuf::new(),
        env: Vec::new(),
        listen: Vec::new(),
        connect: Vec::new(),
        stdin: Some(own(std::io::stdin().as_fd().try_clone_to_owned())?),
        stdout: own(std::io::stdout().as_fd().try_clone_to_owned())?,
        stderr: own(std::io::stderr().as_fd().try_clone_to_owned())?,
    })
}

fn request(args: &SandboxArgs) -> Result<Request, Failure> {
    let absolute = |paths: &[PathBuf]| paths.iter().map(std::path::absolute).collect::<Result<Vec<_>, _>>();
    let mut resources = Resources::of_runner();
    resources.memory = args.memory.unwrap_or(resources.memory);
    resources.processes = args.processes.unwrap_or(resources.processes);
    resources.file_size = args.file_size.unwrap_or(resources.file_size);
    resources.open_files = args.open_files.unwrap_or(resources.open_files);
    resources.cpu = args.cpu;
    Ok(Request {
        network: network(&args.network)?,
        env: args.env.iter().map(|entry| env(entry)).collect(),
        secrets: Vec::new(),
        read: absolute(&args.read).context("--read")?,
        write: absolute(&args.write).context("--write")?,
        resources,
        caches: true,
    })
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
        Failure::new(Exit::Usage, format!("--network {text}: {message}")).hint(hint)
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

fn duration(text: &str) -> Result<Duration, String> {
    units::read_duration(text).map_err(in_words)
}

fn size(text: &str) -> Result<u64, String> {
    units::read_size(text).map_err(in_words)
}

fn in_words(wrong: Wrong) -> String {
    format!("{}: {}", wrong.message, wrong.hint)
}
