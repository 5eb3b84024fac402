//! What no plan may exceed on a host: root's word and the user's, in `check`, `run`, `doctor`, evidence and audit.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::program::open_folder;
use crate::common::{REFUSE, Ran, Repo, in_bare, only_as_root, signal, wait_until};

/// Where the user's is.
fn config(repo: &Repo) -> PathBuf {
    let folder = repo.home().join(".config/autopilot");
    fs::create_dir_all(&folder).unwrap();
    folder.join("config.yaml")
}

fn user(text: &str) -> Repo {
    let repo = Repo::new();
    fs::write(config(&repo), text).unwrap();
    repo
}

const PLAIN: &str = "  - {id: work, command: echo made > made}\n";

#[test]
fn a_plan_above_it_is_refused_with_both_lines_and_nothing_is_begun() {
    let repo = user("# mine\nnetwork: {allow: [a.example.org]}\nsecrets: []\n");
    repo.plan(
        "  - id: work\n    command: echo made > made\n    secrets: [PATH]\n    network: {allow: [b.example.org]}\n",
    );
    for args in
        [&["check", "7"][..], &["7"], &["7", "--dry-run"], &["sandbox", "--step", "7/work", "--", "true"]]
    {
        let ran = repo.autopilot(args).exits(3);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        for part in [
            "network: b.example.org:443",
            "Autopilot.yaml:9",
            ".config/autopilot/config.yaml:2) is `[a.example.org:443]`",
            "secrets: PATH",
            "Autopilot.yaml:8",
            "config.yaml:3) is `[]`: nothing",
            "take it out of the plan",
        ] {
            assert!(said.contains(part), "{args:?}: {part}: {said}");
        }
    }
    assert!(repo.evidence("status-").is_empty(), "something was run");
    // The plan alone is good.
    repo.autopilot(["check", "--plan-only", "7"]).exits(0);
}

#[test]
fn a_plan_below_it_runs_and_the_evidence_tells_of_it() {
    let repo = user("timeout: 90s\ntokens: 1000\nnetwork: none\n");
    repo.plan(PLAIN);
    repo.autopilot(["check", "7"]).exits(0).says("ceiling: `timeout` of step `work` is lowered from 10m");
    let ran = repo.run().exits(0).says("ceiling: `timeout` of step `work` is lowered from 10m");
    assert!(ran.stderr.contains("config.yaml:1") || ran.stdout.contains("config.yaml:1"), "{ran:?}");
    let started = repo.events_of("run.started").remove(0);
    // As docs/evidence.md says: the rules as JSON with sorted keys, without blanks.
    let canonical = r#"{"user":{"network":"none","timeout":"1m30s","tokens":1000}}"#;
    assert_eq!(started["ceiling"], sha256(canonical));
    assert_eq!(started["plan"]["steps"][0]["timeout"], "1m30s", "what holds is recorded");
    assert_eq!(started["plan"]["limits"]["tokens"]["at_most"], 1000);
    let digest: String = started["ceiling"].as_str().unwrap().chars().take(12).collect();
    let summary = repo.summary();
    assert!(summary.contains(&format!("under ceiling {digest}")), "{summary}");
    assert!(summary.contains("is 1m30s and not 10m"), "{summary}");
    repo.autopilot(["audit", "--all"]).exits(0);
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(text).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[test]
fn without_a_file_nothing_is_said() {
    let repo = Repo::new();
    repo.plan(PLAIN);
    let ran = repo.run().exits(0);
    assert!(!ran.stderr.contains("ceiling") && !ran.stdout.contains("ceiling"), "{ran:?}");
    assert!(repo.events_of("run.started")[0].get("ceiling").is_none());
    repo.autopilot(["doctor"]).exits(0).says("nothing: there is no");
}

#[test]
fn the_step_is_held_to_the_lowered_time() {
    let repo = user("timeout: 1s\n");
    repo.plan("  - {id: work, command: sleep 60}\n");
    repo.run().exits(1);
    assert!(repo.failed().contains("1s"), "{}", repo.failed());
}

#[test]
fn xdg_config_home_says_where_it_is() {
    let repo = Repo::new();
    repo.plan(PLAIN);
    let folder = repo.dir().join("xdg/autopilot");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.yaml"), "publish: {push: nope}\n").unwrap();
    let ran =
        |value: &Path| Ran::of(&repo.command(["check", "7"]).env("XDG_CONFIG_HOME", value).output().unwrap());
    ran(&repo.dir().join("xdg")).exits(2).says("xdg/autopilot/config.yaml:1:17");
    // A relative one is none, as its specification has it.
    ran(Path::new("xdg")).exits(0);
}

#[test]
fn doctor_says_what_it_bounds_and_what_is_wrong_with_it() {
    let repo = user("network: none\nbudget: 5 USD\n");
    repo.autopilot(["doctor"]).exits(0).says("bounds budget, network").says("sha256");
    fs::write(config(&repo), "netwerk: none\n").unwrap();
    for args in [&["doctor"][..], &["doctor", "--json"]] {
        repo.autopilot(args).exits(2).says("did you mean `network`?");
    }
}

#[test]
fn a_file_that_cannot_be_believed_stops_everything_with_its_place() {
    let repo = Repo::new();
    repo.plan(PLAIN);
    let path = config(&repo);
    let cases: [(&str, &dyn Fn(), &str); 10] = [
        ("unknown key", &|| fs::write(&path, "network: none\nnetwrk: full\n").unwrap(), "config.yaml:2:1"),
        ("wrong type", &|| fs::write(&path, "timeout: [1s]\n").unwrap(), "config.yaml:1:10"),
        ("empty", &|| fs::write(&path, "").unwrap(), "the file says nothing"),
        ("a folder", &|| fs::create_dir(&path).unwrap(), "not a regular file"),
        (
            "a pipe",
            &|| nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
            "not a regular file",
        ),
        ("a dead link", &|| symlink("/nowhere", &path).unwrap(), "a link that leads nowhere"),
        ("a device", &|| symlink("/dev/zero", &path).unwrap(), "not a regular file"),
        ("a gigabyte", &|| fs::File::create(&path).unwrap().set_len(1 << 30).unwrap(), "larger than 1MiB"),
        (
            "others write",
            &|| {
                fs::write(&path, "network: none\n").unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
            },
            "can be written by others (mode 666)",
        ),
        ("a bomb", &|| fs::write(&path, bomb()).unwrap(), "grow beyond measure"),
    ];
    for (name, make, says) in cases {
        make();
        for args in [&["check", "7"][..], &["7"]] {
            println!("{name}: {args:?}");
            repo.autopilot(args).exits(2).says(says);
        }
        let gone =
            if path.is_dir() && !path.is_symlink() { fs::remove_dir(&path) } else { fs::remove_file(&path) };
        gone.unwrap();
    }
    fs::write(&path, "network: none\n").unwrap();
    open_folder(path.parent().unwrap(), 0o777);
    repo.run().exits(2).says("its folder can be written by others").says("chmod go-w");
    assert!(repo.evidence("status-").is_empty(), "something was run");
}

/// Aliases of aliases.
fn bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..9 {
        let before = n - 1;
        text += &format!("a{n}: &a{n} [{}]\n", vec![format!("*a{before}"); 10].join(", "));
    }
    text
}

#[test]
fn what_may_not_be_given_up_is_not() {
    let repo = user("allow_degraded: [network]\n");
    repo.plan(PLAIN);
    repo.autopilot(["7", "--allow-degraded", "network"]).exits(0);
    repo.autopilot(["7", "--allow-degraded", "landlock"])
        .exits(3)
        .says("--allow-degraded landlock")
        .says("config.yaml:1) is `[network]`");
}

/// Whoever made the link: it is where it leads when the step comes that counts.
#[test]
fn a_step_leads_no_later_one_out_of_the_ceiling() {
    for is_bare in [false, true] {
        let repo = Repo::new();
        let (shared, outside) = (repo.dir().join("shared"), repo.dir().join("outside"));
        for folder in [&shared, &outside] {
            fs::create_dir(folder).unwrap();
            open_folder(folder, 0o777);
        }
        open_folder(repo.dir(), 0o755);
        fs::write(outside.join("file"), "out of bounds").unwrap();
        fs::write(config(&repo), format!("filesystem: {{read: [], write: [{}]}}\n", shared.display()))
            .unwrap();
        let (shared, outside) = (shared.display(), outside.display());
        repo.plan(&format!(
            "  - {{id: lead, command: ln -s {outside} {shared}/x, filesystem: {{write: [{shared}]}}}}\n  \
             - {{id: follow, command: cat {shared}/x/file, filesystem: {{read: [{shared}/x]}}}}\n"
        ));
        let like = repo.command(["7"]);
        let mut command =
            Command::new(if is_bare { "/usr/bin/python3".as_ref() } else { like.get_program() });
        if is_bare {
            command.args(["-c", REFUSE, "unshare"]).arg(like.get_program());
        }
        command.arg("7").current_dir(repo.top()).env_clear();
        command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(repo.steps().first().map(String::as_str), Some("lead:passed"), "{ran:?}");
        let told = format!("{}{}{}", ran.stderr, repo.log(), serde_json::to_string(&repo.events()).unwrap());
        assert!(ran.code != 0 && !repo.log().contains("out of bounds"), "bare: {is_bare}: {told}");
        assert!(told.contains("no plan may reach"), "bare: {is_bare}: {told}");
    }
}

/// Runs autopilot where `/etc/autopilot` is a copy that root can write, in a mount namespace of its own.
fn with_root(repo: &Repo, prepare: &str, args: &[&str]) -> Ran {
    let etc = repo.dir().join("etc");
    if !etc.exists() {
        assert!(Command::new("cp").args(["-a", "/etc"]).arg(&etc).status().unwrap().success());
    }
    let like = repo.command(args);
    let script = format!(
        "mount --bind \"$1\" /etc && rm -rf /etc/autopilot && mkdir -m 755 /etc/autopilot && {prepare} && shift && exec \"$@\""
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &script, "sh"]).arg(&etc).arg(like.get_program()).args(like.get_args());
    command.current_dir(repo.top()).env_clear();
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::of(&command.output().unwrap())
}

#[test]
fn roots_word_holds_and_only_roots() {
    if !only_as_root("an ordinary user says nothing in root's name") {
        return;
    }
    let repo = user("timeout: 5m\n");
    repo.plan("  - {id: work, command: echo made > made, network: full}\n");
    let says = |text: &str, more: &str| format!("printf '{text}' > /etc/autopilot/policy.yaml{more}");
    with_root(&repo, &says("network: none\\n", ""), &["7"])
        .exits(3)
        .says("network: full")
        .says("/etc/autopilot/policy.yaml:1) is `none`");
    for (more, why) in [
        (" && chown 12345 /etc/autopilot/policy.yaml", "belongs to the user 12345, who is not root"),
        (" && chmod 664 /etc/autopilot/policy.yaml", "can be written by others (mode 664)"),
        (" && chmod 777 /etc/autopilot", "its folder can be written by others"),
        (" && chown 12345 /etc/autopilot", "its folder belongs to the user 12345"),
    ] {
        with_root(&repo, &says("network: full\\n", more), &["check", "7"]).exits(2).says(why);
    }
    // Both hold; the digest is of both.
    with_root(&repo, &says("network: full\\ntimeout: 8m\\n", ""), &["7"]).exits(0).says("5m");
    let started = repo.events_of("run.started").remove(0);
    assert_eq!(
        started["ceiling"],
        sha256(r#"{"host":{"network":"full","timeout":"8m"},"user":{"timeout":"5m"}}"#)
    );
}

#[test]
fn the_schema_of_the_file_is_printed() {
    let ran = Repo::new().autopilot(["schema", "--ceiling"]).exits(0);
    let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&serde_json::json!({"network": "none", "tokens": 5, "secrets": []})));
    assert!(!validator.is_valid(&serde_json::json!({"netwerk": "none"})));
}

/// A run of which the first step has passed, and that was interrupted in the second.
fn interrupted(more: &str) -> Repo {
    let repo = Repo::new();
    repo.plan_with(
        more,
        "  - {id: a, command: echo one > one}\n  - {id: b, command: 'echo ready; test -e ~/go || sleep 600', network: full, timeout: 30m}\n",
    );
    let child = repo.start(["7"]);
    wait_until(|| repo.log().contains("ready"));
    signal(&child, nix::sys::signal::Signal::SIGINT);
    Ran::of(&child.wait_with_output().unwrap()).exits(130);
    repo
}

#[test]
fn a_run_that_goes_on_is_held_to_the_ceilings_of_now() {
    let repo = interrupted("limits: {tokens: 500}");
    let before = repo.events().len();
    fs::write(config(&repo), "network: none\n").unwrap();
    repo.autopilot(["7", "--resume"]).exits(3).says("network: full").says("config.yaml:1");
    assert_eq!(repo.events().len(), before, "nothing of it went on");
    fs::write(config(&repo), "timeout: 1s\ntokens: 900\n").unwrap();
    repo.autopilot(["7", "--resume"]).exits(1).says("lowered from 30m");
    let resumed = repo.events_of("resumed").pop().unwrap();
    assert!(resumed["sandbox"].as_str().unwrap().contains("under ceiling"), "{resumed}");
    assert!(repo.events_of("run.started")[0].get("ceiling").is_none(), "it began under none");
    repo.autopilot(["audit", "--all"]).exits(0);
}

#[test]
fn the_evidence_says_whether_the_plan_is_the_bases() {
    let origin = |repo: &Repo| repo.events_of("run.started")[0]["origin"].as_str().unwrap().to_owned();
    let repo = Repo::new();
    repo.plan(PLAIN);
    repo.run().exits(0);
    assert_eq!(origin(&repo), "base");
    // Changed since, and not committed.
    let repo = Repo::new();
    repo.plan(PLAIN);
    repo.plan_of(7, "", "  - {id: work, command: echo other > made}\n");
    repo.run().exits(0);
    assert_eq!(origin(&repo), "own");
    // Committed, but not on the base.
    let repo = Repo::new();
    let base = repo.git(["rev-parse", "HEAD"]);
    repo.plan_with(&format!("base: {base}"), PLAIN);
    repo.run().exits(0);
    assert_eq!(origin(&repo), "own");
    // Named from elsewhere.
    let repo = Repo::new();
    repo.plan(PLAIN);
    let elsewhere = repo.dir().join("plan.yaml");
    fs::copy(repo.top().join(".ai/plans/7/Autopilot.yaml"), &elsewhere).unwrap();
    repo.autopilot(["7", "--plan", elsewhere.to_str().unwrap()]).exits(0);
    assert_eq!(origin(&repo), "own");
}

/// No plan, no setting of the repository and no variable says who makes a run's commits: the user's file does.
#[test]
fn commits_are_made_by_whom_the_users_file_names_wherever_they_are_made() {
    let repo = user("committer: {name: Example Bot, email: bot@example.org}\n");
    for (key, value) in [("committer.name", "Impostor"), ("committer.email", "impostor@example.org")] {
        repo.git(["config", key, value]);
    }
    repo.plan_with(
        "publish: {comment: false, push: true, evidence: true}",
        "  - {id: a, command: echo a > a}\n  - {id: b, command: 'echo left > left; exit 3', on_failure: ignore}\n",
    );
    let bare = repo.add_remote();
    // Somebody moves the base: what is pushed is made once more there.
    in_bare(
        &bare,
        "git update-ref refs/heads/main $(git -c user.name=O -c user.email=o@example.org commit-tree main^{tree} -p main -m moved)",
    );
    let mut command = repo.command(["7"]);
    command.envs([("GIT_COMMITTER_NAME", "Impostor"), ("GIT_COMMITTER_EMAIL", "impostor@example.org")]);
    Ran::of(&command.output().unwrap()).exits(0).says("replayed on");
    let bundle = repo.evidence("salvage-").pop().unwrap();
    repo.git(["fetch", "-q", bundle.to_str().unwrap(), "refs/salvage/*:refs/heads/salvaged/*"]);
    let people = "--format=%an <%ae>, %cn <%ce>";
    let expected = "Somebody <somebody@example.org>, Example Bot <bot@example.org>";
    let branch = repo.branch();
    assert_eq!(repo.git(["log", people, &format!("main..{branch}")]), expected);
    assert_eq!(repo.git(["log", "-1", people, "--glob=refs/heads/salvaged/*"]), expected);
    let there = in_bare(&bare, &format!("git log '{people}' 'main..{branch}'"));
    assert_eq!(there, expected, "what was made on the base of now");
    let evidence = in_bare(&bare, &format!("git log -1 '{people}' --glob='refs/autopilot/evidence/*'"));
    assert_eq!(evidence, "Example Bot <bot@example.org>, Example Bot <bot@example.org>");
    let started = repo.events_of("run.started").remove(0);
    assert_eq!(started["ceiling"], sha256(r#"{"user":{}}"#), "it is no rule");
    repo.autopilot(["doctor"]).says("bounds nothing");
    repo.autopilot(["audit", "--all"]).exits(0);
    repo.autopilot(["replay", "7"]).exits(0);
}

#[test]
fn a_committer_whom_no_commit_can_name_is_refused_with_his_place() {
    let repo = Repo::new();
    repo.plan(PLAIN);
    for (text, says) in [
        (
            r#"{name: "a\ncommitter b", email: a@example.org}"#,
            "config.yaml:1:19: `a⏎committer b` has a line end",
        ),
        (r"{name: a <b>, email: a@example.org}", "config.yaml:1:19"),
        (r"{name: ..., email: a@example.org}", "is not a name to git"),
        (r#"{name: a, email: "a@example.org> 0 +0000"}"#, "config.yaml:1:29"),
        (r"{name: a, email: nobody}", "is not an e-mail address"),
        (r"{name: a}", "email"),
        (r"Example Bot <bot@example.org>", "config.yaml:1:12"),
    ] {
        fs::write(config(&repo), format!("committer: {text}\n")).unwrap();
        repo.run().exits(2).says(says);
    }
    assert!(repo.evidence("status-").is_empty(), "something was run");
    fs::remove_file(config(&repo)).unwrap();
    repo.plan_with("committer: {name: a, email: a@example.org}", PLAIN);
    repo.run().exits(2).says("committer");
}

#[test]
fn roots_committer_comes_before_the_users() {
    if !only_as_root("an ordinary user says nothing in root's name") {
        return;
    }
    let repo = user("committer: {name: User Bot, email: user@example.org}\n");
    repo.plan(PLAIN);
    let says = "echo 'committer: {name: Root Bot, email: root@example.org}' > /etc/autopilot/policy.yaml";
    with_root(&repo, says, &["7"]).exits(0);
    assert_eq!(repo.git(["log", "-1", "--format=%cn", &repo.branch()]), "Root Bot");
}
