//! What is decided on which host.

use super::*;
use crate::plan::{Destination, EnvEntry};

fn host() -> HostFacts {
    HostFacts {
        environment: [("TOKEN", "secret"), ("HOME", "/home/me"), ("EMPTY", ""), ("LD_PRELOAD", "/x.so")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        uid: 1000,
        identity: Fact::Yes(Identity { uid: 1000, gid: 1000, name: "step".into(), own: false }),
        namespaces: Fact::Yes(Namespaces { user: true, own_proc: true }),
        landlock: 7,
        seccomp: true,
        home: Some("/home/me".into()),
        path: vec!["/usr/bin".into()],
        path_refused: vec![("bin".into(), "it is relative".into())],
        system: vec!["/usr".into()],
        toolchains: vec!["/opt/go".into()],
        ..HostFacts::default()
    }
}

fn refused_namespaces() -> Fact<Namespaces> {
    Fact::No { why: "unshare: EPERM".into(), hint: "sudo autopilot … --run-as \"$USER\"".into() }
}

fn allowed(request: &Request, host: &HostFacts, waivers: &[&str]) -> Grant {
    match decide(request, host, &waived(waivers)) {
        Decision::Allow(grant) => *grant,
        Decision::Deny(reason) => panic!("{reason}"),
    }
}

fn denied(request: &Request, host: &HostFacts, waivers: &[&str]) -> Reason {
    match decide(request, host, &waived(waivers)) {
        Decision::Deny(reason) => reason,
        Decision::Allow(grant) => panic!("{}", grant.describe()),
    }
}

fn waived(names: &[&str]) -> Waivers {
    names.iter().map(|name| name.parse::<Waiver>().unwrap()).collect()
}

#[test]
fn a_plain_host_gives_everything() {
    let grant = allowed(&Request::git(), &host(), &[]);
    assert_eq!(grant.isolation(), Isolation::Namespaces { user: true, own_proc: true });
    assert_eq!(*grant.network(), Reach::None);
    assert_eq!(
        grant.describe(),
        "network none (own loopback); write worktree, HOME, TMPDIR; read system, /opt/go; as step (1000); memory watched"
    );
    assert_eq!(grant.warnings(), ["PATH: \"bin\" is left out: it is relative"]);
}

#[test]
fn a_path_that_another_user_cannot_reach_is_said_where_the_step_has_no_root_of_its_own() {
    let closed = HostFacts { path_closed: vec![("/root/.cargo/bin".into(), 0)], ..host() };
    let own = HostFacts { path_closed: vec![("/home/me/bin".into(), 1000)], ..host() };
    let bare = |host: HostFacts| HostFacts { namespaces: refused_namespaces(), ..host };
    let said = |host: &HostFacts| allowed(&Request::git(), host, &[]).warnings().join("; ");
    assert!(said(&bare(closed.clone())).contains("cannot reach /root/.cargo/bin"));
    assert!(!said(&closed).contains("cannot reach"), "it is shown in a place of its own");
    assert!(!said(&bare(own)).contains("cannot reach"), "it is the step's own");
}

#[test]
fn inside_namespaces_every_landlock_will_do() {
    for landlock in 1..=7 {
        let host = HostFacts { landlock, ..host() };
        assert_eq!(allowed(&Request::git(), &host, &[]).landlock(), landlock);
    }
}

#[test]
fn a_shared_network_needs_scoped_sockets() {
    let request = Request { network: Network::Full, ..Request::git() };
    for landlock in 1..=5 {
        let host = HostFacts { landlock, ..host() };
        assert!(denied(&request, &host, &[]).why.contains("abstract sockets"));
        assert!(allowed(&request, &host, &["landlock"]).describe().contains("WITHOUT landlock"));
    }
    allowed(&request, &host(), &[]);
}

#[test]
fn without_namespaces_landlock_must_scope() {
    for landlock in 0..=5 {
        let host = HostFacts { landlock, namespaces: refused_namespaces(), ..host() };
        let reason = denied(&Request::git(), &host, &[]);
        assert!(reason.why.contains("unshare: EPERM"), "{reason}");
        assert!(reason.hint.contains("--run-as"), "{reason:?}");
    }
    let host = HostFacts { landlock: 6, namespaces: refused_namespaces(), ..host() };
    let grant = allowed(&Request::git(), &host, &[]);
    assert_eq!(grant.isolation(), Isolation::Bare);
    assert!(grant.describe().starts_with("network none (no loopback either)"));
}

#[test]
fn what_is_demanded_is_enforced_or_refused() {
    let demand = |confinement| Demand { confinement, by: "--require".into() };
    let of = |host: HostFacts, demands: &[Confinement]| HostFacts {
        demands: demands.iter().map(|each| demand(*each)).collect(),
        ..host
    };
    let (full, namespaces) = (&[Confinement::Full][..], &[Confinement::Namespaces][..]);
    let lent = HostFacts {
        namespaces: Fact::Yes(Namespaces { user: true, own_proc: false }),
        proc: Fact::No { why: "mounted below".into(), hint: "Unmasked".into() },
        ..host()
    };
    let bare = HostFacts { namespaces: refused_namespaces(), ..host() };
    let waived = HostFacts { landlock: 0, ..host() };
    for (host, demands, waivers) in [
        (host(), full, &[][..]),
        (host(), namespaces, &[]),
        (lent.clone(), namespaces, &[]),
        (lent.clone(), &[], &[]),
    ] {
        allowed(&Request::git(), &of(host, demands), waivers);
    }
    for (host, demands, waivers, why) in [
        (lent.clone(), full, &[][..], "mounted below"),
        (bare.clone(), full, &[], "unshare: EPERM"),
        (bare, namespaces, &[], "unshare: EPERM"),
        (waived.clone(), full, &["landlock"], "without landlock"),
        (waived, namespaces, &["landlock"], "without landlock"),
        // The greater demand holds, whoever makes it first.
        (lent, &[Confinement::Namespaces, Confinement::Full][..], &[], "mounted below"),
    ] {
        let reason = denied(&Request::git(), &of(host, demands), waivers);
        assert!(reason.why.contains(why) && reason.what.contains("(--require)"), "{reason}");
    }
}

#[test]
fn without_landlock_it_must_be_given_up_by_name_and_something_must_be_left() {
    let none = HostFacts { landlock: 0, ..host() };
    assert!(denied(&Request::git(), &none, &[]).hint.contains("--allow-degraded landlock"));
    let grant = allowed(&Request::git(), &none, &["landlock"]);
    assert_eq!((grant.landlock(), grant.waived().len()), (0, 1));
    let nothing = HostFacts { namespaces: refused_namespaces(), ..none };
    denied(&Request::git(), &nothing, &["landlock", "seccomp"]);
}

#[test]
fn without_seccomp_it_must_be_given_up_by_name() {
    let host = HostFacts { seccomp: false, ..host() };
    denied(&Request::git(), &host, &[]);
    assert!(!allowed(&Request::git(), &host, &["seccomp"]).seccomp());
}

#[test]
fn nothing_runs_as_root() {
    let root = Identity { uid: 0, gid: 0, name: "root".into(), own: false };
    let reason = denied(&Request::git(), &HostFacts { identity: Fact::Yes(root), ..host() }, &[]);
    assert!(reason.hint.contains("--run-as"));
    let nobody = Fact::No { why: "root without CAP_SETUID".into(), hint: "…".into() };
    denied(&Request::git(), &HostFacts { identity: nobody, ..host() }, &[]);
}

#[test]
fn the_environment_is_what_is_named() {
    let mut request = Request::git();
    request.env = vec![
        EnvEntry::Set("A".into(), "1".into()),
        EnvEntry::Inherit("MISSING".into()),
        EnvEntry::Inherit("LD_PRELOAD".into()),
        EnvEntry::Set("TERM".into(), "xterm".into()),
    ];
    let grant = allowed(&request, &host(), &[]);
    let get = |name: &str| grant.env().iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str());
    assert_eq!((get("A"), get("TERM"), get("CI")), (Some("1"), Some("xterm"), Some("true")));
    assert_eq!((get("TOKEN"), get("MISSING"), get("PATH")), (None, None, Some("/usr/bin")));
    let warnings = grant.warnings().join("\n");
    assert!(warnings.contains("MISSING is not set") && warnings.contains("LD_PRELOAD changes"), "{warnings}");
}

#[test]
fn secrets_must_be_set() {
    let ask = |name: &str| Request { secrets: vec![name.into()], ..Request::git() };
    for name in ["NPM_TOKEN", "EMPTY"] {
        assert!(denied(&ask(name), &host(), &[]).hint.contains(name));
    }
    let grant = allowed(&ask("TOKEN"), &host(), &[]);
    assert!(grant.env().contains(&("TOKEN".into(), "secret".into())));
}

#[test]
fn paths_are_absolute_or_below_home_and_never_everything() {
    let ask = |path: &str| Request { read: vec![path.into()], ..Request::git() };
    assert!(allowed(&ask("~/data"), &host(), &[]).read().contains(&"/home/me/data".into()));
    for path in ["data", "/", "/proc/1", "/etc", "/dev"] {
        denied(&ask(path), &host(), &[]);
    }
}

#[test]
fn an_allow_list_is_granted_where_there_is_a_network_namespace() {
    let hosts = vec![Destination { host: "example.org".into(), port: 443 }];
    let request = Request { network: Network::Allow(hosts.clone()), ..Request::git() };
    let grant = allowed(&request, &host(), &[]);
    assert_eq!(*grant.network(), Reach::Allow(hosts));
    assert!(grant.describe().starts_with("network example.org:443 (through the runner);"));
    let host = HostFacts { namespaces: refused_namespaces(), ..host() };
    let reason = denied(&request, &host, &[]);
    assert!(reason.why.contains("unshare: EPERM") && reason.hint.contains("--run-as"), "{reason:?}");
    let grant = allowed(&request, &host, &["network"]);
    assert!(
        grant.describe().contains("WITHOUT network: the step connects to any host"),
        "{}",
        grant.describe()
    );
    denied(&request, &HostFacts { landlock: 3, ..host }, &["network", "landlock"]);
}

fn explained(output: &str) -> Option<Denial> {
    let own =
        Own { worktree: Path::new("/work/tree"), home: Path::new("/home/step"), tmp: Path::new("/tmp") };
    explain_denial(output.as_bytes(), &allowed(&Request::git(), &host(), &[]), &own)
}

#[test]
fn refusals_are_explained_by_the_line_that_would_allow_them() {
    for (output, allow) in [
        ("cat: /home/me/data/x: No such file or directory", "filesystem: {read: [\"/home/me/data/x\"]}"),
        ("touch: cannot touch '/usr/x': Read-only file system", "filesystem: {write: [\"/usr/x\"]}"),
        ("Error: EACCES: permission denied, open '/var/lib/x'", "filesystem: {read: [\"/var/lib/x\"]}"),
        ("curl: (6) Could not resolve host: example.org", "network: {allow: [\"example.org\"]}"),
        ("OSError: [Errno 101] Network is unreachable", "network: {allow: [\"example.org\"]}"),
        ("getaddrinfo ENOTFOUND registry.example.org", "network: {allow: [\"registry.example.org\"]}"),
        (
            "java.net.UnknownHostException: repo.example.org\nx.example.org: Name or service not known",
            "network: {allow: [\"repo.example.org\", \"x.example.org\"]}",
        ),
        (
            "get https://mirror.example.org/a/b.json\nconnect: Network is unreachable",
            "network: {allow: [\"mirror.example.org\"]}",
        ),
        (
            "Could not reach host gems.example.org. Check your network\nGet \"https://proxy.example.org/x\": dial tcp: lookup \
             proxy.example.org: no such host",
            "network: {allow: [\"gems.example.org\", \"proxy.example.org\"]}",
        ),
    ] {
        assert_eq!(explained(output).map(|denial| denial.allow).as_deref(), Some(allow), "{output}");
    }
}

#[test]
fn the_line_for_several_paths_names_them_all() {
    assert_eq!(reading(["/opt/one"]), "filesystem: {read: [\"/opt/one\"]}");
    assert_eq!(reading(["/opt/one", "/x y"]), "filesystem: {read: [\"/opt/one\", \"/x y\"]}");
}

#[test]
fn what_the_grant_allows_is_not_explained_away() {
    for output in [
        "cat: /work/tree/x: No such file or directory",
        "ls: /usr/x: No such file or directory",
        "error[E0425]: cannot find value",
        "",
    ] {
        assert_eq!(explained(output), None, "{output}");
    }
}

#[test]
fn nothing_of_autopilots_own_is_granted_and_nothing_above_it() {
    let own = || vec!["/home/me/.config/autopilot".into(), "/var/lib/autopilot".into()];
    let host = HostFacts { own: own(), ..host() };
    let asks = |path: &str| Request { read: vec![path.into()], ..Request::git() };
    for path in [
        "~",
        "~/",
        "/home/me",
        "/home",
        "/home/me/.config/",
        "~/.config/autopilot",
        "/var",
        "/var/lib/autopilot/runs/x",
    ] {
        let reason = denied(&asks(path), &host, &[]);
        assert!(reason.what.starts_with("filesystem.read: "), "{path}: {reason:?}");
        assert!(reason.why.contains("autopilot's own"), "{path}: {reason:?}");
        denied(&Request { write: vec![path.into()], ..Request::git() }, &host, &[]);
    }
    assert_eq!(
        denied(&asks("~"), &host, &[]).hint,
        "name what is needed below it, each by itself, and not `.config`"
    );
    for path in ["~/.config/autopilots", "~/.config/other", "/var/log", "/home/you"] {
        allowed(&asks(path), &host, &[]);
    }
    for wrong in [
        HostFacts { toolchains: vec!["/home/me".into()], ..host.clone() },
        HostFacts { system: vec!["/var".into()], ..host.clone() },
        HostFacts {
            caches: vec![Cache { name: "c".into(), host: "/var/lib/autopilot/c".into(), seen: "c".into() }],
            ..host.clone()
        },
    ] {
        assert!(denied(&Request::git(), &wrong, &[]).why.contains("autopilot's own"));
    }
}

#[test]
fn bounds_of_the_host_lower_what_nobody_named_and_refuse_what_a_plan_names() {
    let host = HostFacts { bounds: Bounds { open_files: Some(512), file_size: None }, ..host() };
    let grant = allowed(&Request::git(), &host, &[]);
    assert_eq!(grant.limits().open_files, 512);
    assert!(
        grant.warnings().iter().any(|warning| warning.contains("512 instead of 1024")),
        "{:?}",
        grant.warnings()
    );
    let few = HostFacts { bounds: Bounds { open_files: Some(28), file_size: None }, ..host.clone() };
    assert_eq!(denied(&Request::git(), &few, &[]).what, "open files");
    let named = |open_files| Request {
        resources: Resources { open_files, ..Resources::of_runner() },
        ..Request::git()
    };
    assert_eq!(allowed(&named(100), &host, &[]).limits().open_files, 100);
    let reason = denied(&named(4096), &host, &[]);
    assert_eq!(reason.what, "resources.open_files: 4096");
    assert!(reason.why.contains("ulimit -Hn") && reason.hint.contains("512"), "{reason:?}");
}

#[test]
fn a_host_where_nothing_made_can_be_executed_is_warned_of() {
    let host = HostFacts { state_noexec: Some("/var/lib/autopilot".into()), ..host() };
    let grant = allowed(&Request::git(), &host, &[]);
    assert!(
        grant.warnings().iter().any(|warning| warning.contains("mounted noexec")),
        "{:?}",
        grant.warnings()
    );
}
