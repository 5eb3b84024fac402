//! `autopilot sandbox`: one command in the current directory under the step sandbox.

mod request;

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use super::exit::{Cause, Exit, Failure};
use super::{completions, output};
use crate::network::{Decision, Gate, Verdict};
use crate::policy::{self, Confinement, Demand, Fact, Grant, Identity, Isolation, Reach, Waiver, Waivers};
use crate::run::Interrupt;
use crate::sandbox::{self, Command, Ended, Place, SandboxError, Seen, Status};
use request::{Policy, duration};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);

/// Run one command in the current directory under the step sandbox, and pass its exit code on.
#[derive(Debug, clap::Args)]
pub(super) struct SandboxArgs {
    #[command(flatten)]
    policy: Policy,
    /// Wall-clock time, such as 10m.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    /// As root: the user it runs as (default: the directory's owner, else an unprivileged uid of its own).
    #[arg(long, value_name = "USER", add = completions::users())]
    run_as: Option<String>,
    /// A protection to go without where this host cannot give it: landlock, seccomp or network (repeatable).
    #[arg(long, value_name = "WHAT")]
    allow_degraded: Vec<Waiver>,
    /// Run it under no lesser confinement: full or namespaces.
    #[arg(long, value_name = "WHAT")]
    require: Option<Confinement>,
    /// The command.
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Runs the command.
pub(super) fn run(args: SandboxArgs) -> Result<Exit, Failure> {
    let worktree = std::env::current_dir().context("the current directory")?;
    let mut host = sandbox::probe();
    host.identity = identity(&args, &worktree, host.identity);
    host.own.extend(args.run_as.iter().flat_map(|name| sandbox::own_of_user(name)));
    let demand = |confinement| Demand { confinement, by: format!("--require {confinement}") };
    host.demands.extend(args.require.map(demand));
    let request = args.policy.request(&mut host)?;
    let waivers: Waivers = args.allow_degraded.iter().copied().collect();
    let grant = match policy::decide(&request, &host, &waivers) {
        policy::Decision::Allow(grant) => *grant,
        policy::Decision::Deny(reason) => {
            return Err(Failure::new(Cause::Policy, reason.to_string()).hint(reason.hint));
        }
    };
    let apart =
        sandbox::demand_apart(&grant).and_then(|()| sandbox::demand_worktree_apart(&grant, &worktree));
    apart.map_err(|reason| Failure::new(Cause::Policy, reason.to_string()).hint(reason.hint))?;
    let scratch =
        tempfile::Builder::new().prefix("autopilot-sandbox-").tempdir().context("a scratch directory")?;
    let place = place(&worktree, scratch.path())?;
    sandbox::make_over(scratch.path(), grant.identity()).context("the scratch directory")?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("the runtime")?;
    warn_if_not_writable(&worktree, grant.identity());
    let read_only = own_git(&worktree, &grant)?;
    let seen = Seen { worktree, ..place.seen(grant.isolation()) };
    let command = command(args.command)?;
    let timeout = args.timeout.unwrap_or(Duration::MAX);
    let gate = match grant.network() {
        Reach::Allow(hosts) => Gate::closed().allow(hosts),
        Reach::None | Reach::Full => Gate::closed(),
    };
    let gate = if grant.isolation() == Isolation::Bare { gate.shared().context("the proxy")? } else { gate };
    let env = gate.env(grant.env()).into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let mut interrupt = Interrupt::listen().context("signals")?;
    let command = Command { env, listen: gate.listen(), connect: gate.ports(), ..command };
    runtime.block_on(async {
        let mut confined =
            sandbox::spawn_seen(&grant, &place, seen, read_only, command).await.map_err(refused)?;
        let serving = gate.serve(confined.take_listeners()).context("the proxy")?;
        let exit = supervise(confined, timeout, &mut interrupt).await;
        Decision::together(serving.end().decisions).iter().for_each(tell);
        exit
    })
}

/// Tells of a connection that was not made, on standard error: standard output is the command's.
pub(super) fn tell(decision: &Decision) {
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
            Fact::Yes(Identity { uid: seen.uid(), gid: seen.gid(), name: "step".into(), own: false })
        }
        _ => own,
    }
}

/// As root in a directory of root's: the command could not write there, and would have to find that out itself.
fn warn_if_not_writable(worktree: &Path, identity: &Identity) {
    let Ok(seen) = worktree.metadata() else { return };
    let bit = match (seen.uid() == identity.uid, seen.gid() == identity.gid) {
        (true, _) => 0o200,
        (_, true) => 0o020,
        _ => 0o002,
    };
    if nix::unistd::geteuid().is_root() && seen.mode() & bit == 0 {
        let Identity { name, uid, .. } = identity;
        let here = worktree.display();
        output::note(&format!(
            "warning: the command runs as {name} (uid {uid}), never as root, and cannot write in {here}\n  \
             hint: make the directory a user's and it runs as that one, or name one who may write there: --run-as USER"
        ));
    }
}

/// The directory's own `.git`, file or folder, is not to be written unless that is granted.
fn own_git(worktree: &Path, grant: &Grant) -> Result<Vec<PathBuf>, Failure> {
    let git = worktree.join(".git");
    if git.symlink_metadata().is_err() || grant.write().iter().any(|path| git.starts_with(path)) {
        return Ok(Vec::new());
    }
    match grant.isolation() {
        Isolation::Namespaces { .. } => Ok(vec![git]),
        // Landlock only allows: it cannot take a part out of what is writable.
        Isolation::Bare => Err(Failure::new(
            Cause::Policy,
            "without a mount namespace .git cannot be kept read-only in a writable directory",
        )
        .hint(format!("grant it if that is acceptable: --write {}", git.display()))),
    }
}

/// Waits for a command, its time, or a signal to us.
pub(super) async fn supervise(
    mut confined: sandbox::Confined,
    timeout: Duration,
    interrupt: &mut Interrupt,
) -> Result<Exit, Failure> {
    let signal = tokio::select! {
        ended = confined.wait() => return passed(&ended.map_err(refused)?),
        number = interrupt.wait() => Some(number),
        () = tokio::time::sleep(timeout) => None,
    };
    confined.terminate(GRACE);
    confined.wait().await.map_err(refused)?;
    let timeout = || Failure::new(Cause::Failed, format!("timeout: went over {timeout:?}"));
    signal.map(Exit::Signal).ok_or_else(timeout)
}

fn passed(ended: &Ended) -> Result<Exit, Failure> {
    match &ended.status {
        Status::Exited(code) => Ok(Exit::Passed(u8::try_from(*code).unwrap_or(1))),
        Status::Signaled(number) => Ok(Exit::Signal(*number)),
        Status::Limit(limit) => Err(Failure::new(Cause::Failed, format!("limit reached: {limit}"))),
    }
}

/// Says what could not be started.
pub(super) fn refused(error: SandboxError) -> Failure {
    let failure = Failure::new(Cause::Policy, error.to_string());
    if error.hint.is_empty() { failure } else { failure.hint(error.hint) }
}

fn place(worktree: &Path, scratch: &Path) -> Result<Place, Failure> {
    let [home, tmp] = ["home", "tmp"].map(|name| scratch.join(name));
    for folder in [&home, &tmp] {
        std::fs::create_dir(folder).with_context(|| folder.display().to_string())?;
    }
    Ok(Place {
        worktree: worktree.to_owned(),
        home,
        below_home: Vec::new(),
        below_worktree: Vec::new(),
        tmp,
        also_write: Vec::new(),
        also_read: Vec::new(),
    })
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
