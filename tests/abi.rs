//! Every Landlock ABI, enforced for real: the same command confined as on a kernel that knows no newer one, with
//! namespaces and without.
//!
//! No harness: where no small program was built in, confined sides are this program, executed again.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test: it fails loudly, and says what it tried"
)]

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use autopilot::plan::Network;
use autopilot::policy::{self, Decision, Fact, Grant, HostFacts, Reason, Request, Waiver, Waivers};
use autopilot::sandbox::{self, Command, Place, Status};

/// Lowest ABI that will do inside namespaces, and where something is shared with the host.
const FLOORS: (u32, u32) = (1, 6);

fn main() {
    sandbox::enter_if_confined();
    let host = sandbox::probe();
    assert!(host.landlock > 0, "this kernel has no Landlock: nothing here can be tried");
    let alone = Fact::No { why: "taken away".into(), hint: "give them back".into() };
    let mut tried = 0;
    for landlock in 1..=host.landlock {
        let with = HostFacts { landlock, ..host.clone() };
        let without = HostFacts { namespaces: alone.clone(), ..with.clone() };
        tried += one(&with, &Request::git(), FLOORS.0, "namespaces");
        tried += one(&with, &Request { network: Network::Full, ..Request::git() }, FLOORS.1, "network full");
        tried += one(&without, &Request::git(), FLOORS.1, "no namespaces");
    }
    println!("Landlock ABI 1 to {}: {tried} launches, each held as far as its ABI goes", host.landlock);
}

/// Confines a command under an ABI; below the floor it must be refused, and given up by name it runs. Returns how
/// many launches that were.
fn one(host: &HostFacts, request: &Request, floor: u32, name: &str) -> u32 {
    let abi = host.landlock;
    let given_up = Waivers::from_iter([Waiver::Landlock]);
    let grant = match (decide(request, host, &Waivers::default()), abi >= floor) {
        (Ok(grant), true) => grant,
        (Err(reason), false) => {
            assert!(reason.why.contains(&format!("ABI {abi}")), "{name}: {reason}");
            let grant = decide(request, host, &given_up).expect("given up by name");
            assert_eq!(grant.waived().len(), 1, "{name}: what is given up is named");
            grant
        }
        (decided, _) => panic!("{name}, ABI {abi}: {decided:?}"),
    };
    launch(&grant, &format!("{name}, ABI {abi}"));
    1
}

fn decide(request: &Request, host: &HostFacts, waivers: &Waivers) -> Result<Grant, Reason> {
    match policy::decide(request, host, waivers) {
        Decision::Allow(grant) => Ok(*grant),
        Decision::Deny(reason) => Err(reason),
    }
}

/// The command works in its own folders, and neither reads nor writes what lies beside them.
fn launch(grant: &Grant, name: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let top = folder.path();
    for part in ["own", "own/tree", "own/home", "own/tmp", "outside"] {
        fs::create_dir(top.join(part)).expect("a folder");
    }
    fs::write(top.join("outside/secret"), "secret").expect("a file");
    // Whoever the command is: the sandbox stops it, not a mode.
    for part in ["", "outside"] {
        fs::set_permissions(top.join(part), fs::Permissions::from_mode(0o777)).expect("chmod");
    }
    sandbox::make_over(&top.join("own"), grant.identity()).expect("its own folders");
    let script = "set -e; echo made > made; mv made kept; echo x > \"$HOME/x\"; echo x > \"$TMPDIR/x\"; \
                  for try in cat rm; do $try \"$0/outside/secret\" && exit 9; done; ! touch \"$0/outside/new\"";
    let output = File::create(top.join("output")).expect("a file");
    let command = Command {
        argv: ["/bin/sh", "-c", script].iter().map(Into::into).chain([top.into()]).collect(),
        dir: "".into(),
        env: Vec::new(),
        listen: Vec::new(),
        connect: Vec::new(),
        stdin: None,
        stderr: output.try_clone().expect("a descriptor").into(),
        stdout: output.into(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (enforced, ended) = runtime.block_on(async {
        let mut confined = sandbox::spawn(grant, &place(top), command).await.expect(name);
        (confined.enforced().clone(), confined.wait().await.expect(name))
    });
    let printed = fs::read_to_string(top.join("output")).expect("its output");
    assert_eq!(ended.status, Status::Exited(0), "{name}: {printed}");
    assert_eq!(enforced.landlock, grant.landlock(), "{name}");
    assert!(top.join("own/tree/kept").exists(), "{name}: {printed}");
    assert!(top.join("outside/secret").exists() && !top.join("outside/new").exists(), "{name}: {printed}");
}

fn place(top: &Path) -> Place {
    let own = |part: &str| top.join("own").join(part);
    Place {
        worktree: own("tree"),
        home: own("home"),
        below_home: Vec::new(),
        below_worktree: Vec::new(),
        tmp: own("tmp"),
        also_write: Vec::new(),
        also_read: Vec::new(),
    }
}
