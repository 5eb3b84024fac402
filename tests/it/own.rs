//! No grant covers autopilot's own configuration, keys and state: by whatever name, with namespaces and without.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::common::program::open_folder;
use crate::common::{REFUSE, Ran, Repo, only_as_root};

const KEY: &str = "a key of autopilot's own";

/// A host with a key, and a file that anybody may be shown.
fn host() -> Repo {
    let repo = Repo::new();
    let keys = repo.home().join(".config/autopilot/keys");
    fs::create_dir_all(&keys).unwrap();
    fs::create_dir_all(repo.home().join(".config/other")).unwrap();
    fs::write(keys.join("signing"), KEY).unwrap();
    fs::write(repo.home().join(".config/other/file"), "harmless").unwrap();
    // Whoever the step is: it is not the mode that stops it.
    fs::set_permissions(keys.join("signing"), fs::Permissions::from_mode(0o644)).unwrap();
    open_folder(repo.dir(), 0o755);
    repo
}

/// Runs autopilot, on a host that refuses namespaces if it is to be bare.
fn run(repo: &Repo, is_bare: bool, more: &[(&str, &Path)], args: &[&str]) -> Ran {
    let like = repo.command(args);
    let mut command = Command::new(if is_bare { "/usr/bin/python3".as_ref() } else { like.get_program() });
    if is_bare {
        command.args(["-c", REFUSE, "unshare"]).arg(like.get_program());
    }
    command.args(like.get_args()).current_dir(like.get_current_dir().unwrap()).env_clear();
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.envs(more.iter().copied());
    Ran::of(&command.output().unwrap())
}

/// Reads and writes the key by every name that a grant could give it.
fn refuses(repo: &Repo, granted: &Path, more: &[(&str, &Path)]) {
    let granted = granted.to_str().unwrap();
    let key = repo.home().join(".config/autopilot/keys/signing");
    let git = repo.top().join(".git");
    for is_bare in [false, true] {
        for flag in ["--read", "--write"] {
            let words = ["sandbox", "--write", git.to_str().unwrap(), flag, granted, "--", "cat"];
            let ran = run(repo, is_bare, more, &[&words[..], &[key.to_str().unwrap()]].concat());
            println!("{granted} (bare: {is_bare}): {}", ran.stderr.trim_end());
            let ran = ran.exits(3).says("autopilot's own").says(granted);
            assert!(!ran.stdout.contains(KEY), "{granted}: shown");
        }
    }
}

#[test]
fn what_is_beside_it_is_granted() {
    let repo = host();
    let file = repo.home().join(".config/other/file");
    let git = repo.top().join(".git");
    for is_bare in [false, true] {
        for granted in [file.parent().unwrap(), &file] {
            let words = ["sandbox", "--write", git.to_str().unwrap(), "--read", granted.to_str().unwrap()];
            let ran =
                run(&repo, is_bare, &[], &[&words[..], &["--", "cat", file.to_str().unwrap()]].concat());
            let ran = ran.exits(0);
            assert_eq!(ran.stdout, "harmless");
        }
    }
}

#[test]
fn no_path_above_it_or_in_it_is_granted() {
    let repo = host();
    let home = repo.home();
    for path in
        ["", ".config", ".config/autopilot", ".config/autopilot/keys", ".config/autopilot/keys/signing"]
    {
        refuses(&repo, &home.join(path), &[]);
    }
    refuses(&repo, &repo.dir().join("repo/../home"), &[]);
    refuses(&repo, repo.dir(), &[]);
    refuses(&repo, &repo.state(), &[]);
    refuses(&repo, Path::new("/var"), &[]);
    refuses(&repo, Path::new("/var/lib"), &[]);
}

#[test]
fn not_where_a_variable_puts_it_either_though_it_is_not_there_yet() {
    let repo = host();
    let place = repo.dir().join("place");
    fs::create_dir(&place).unwrap();
    for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME"] {
        refuses(&repo, &place, &[(name, &place)]);
    }
    refuses(&repo, &place, &[("AUTOPILOT_STATE_DIR", &place.join("a/b"))]);
    // Nor does the variable take the default place away.
    refuses(&repo, &repo.home(), &[("XDG_CONFIG_HOME", &place)]);
}

#[test]
fn no_link_leads_to_it() {
    let repo = host();
    let at = |name: &str, to: &Path| {
        let link = repo.dir().join(name);
        symlink(to, &link).unwrap();
        link
    };
    let home = repo.home();
    refuses(&repo, &at("to-home", &home), &[]);
    refuses(&repo, &at("to-config", &home.join(".config")), &[]);
    refuses(&repo, &at("to-key", &home.join(".config/autopilot/keys/signing")), &[]);
    let around = at("around", &home.join(".config"));
    refuses(&repo, &around.join("autopilot/keys"), &[]);
    // The place itself can be a link: what it leads to is meant.
    let real = repo.dir().join("dotfiles/autopilot");
    fs::create_dir_all(&real).unwrap();
    fs::create_dir(repo.dir().join("xdg")).unwrap();
    symlink(&real, repo.dir().join("xdg/autopilot")).unwrap();
    refuses(&repo, &repo.dir().join("dotfiles"), &[("XDG_CONFIG_HOME", &repo.dir().join("xdg"))]);
}

#[test]
fn nobody_works_in_it_or_above_it() {
    let repo = host();
    let program = repo.command::<&str>([]).get_program().to_owned();
    for folder in [repo.home(), repo.home().join(".config/autopilot"), repo.state()] {
        for is_bare in [false, true] {
            let like = repo.command::<&str>([]);
            let mut command =
                Command::new(if is_bare { "/usr/bin/python3".as_ref() } else { program.as_os_str() });
            if is_bare {
                command.args(["-c", REFUSE, "unshare"]).arg(&program);
            }
            command.args(["sandbox", "--", "true"]).current_dir(&folder).env_clear();
            command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
            Ran::of(&command.output().unwrap())
                .exits(3)
                .says("the current directory")
                .says("autopilot's own");
        }
    }
}

#[test]
fn path_leads_no_step_to_it() {
    let repo = host();
    let path = std::env::var("PATH").unwrap();
    let programs = repo.dir().join("programs");
    fs::create_dir(&programs).unwrap();
    symlink(repo.home(), programs.join("home")).unwrap();
    let key = repo.home().join(".config/autopilot/keys/signing");
    let git = repo.top().join(".git");
    for entry in [&repo.home(), &repo.home().join(".config/autopilot/keys"), &programs] {
        let path = format!("{}:{path}", entry.display());
        for is_bare in [false, true] {
            let words = ["sandbox", "--write", git.to_str().unwrap(), "--", "cat", key.to_str().unwrap()];
            let ran = run(&repo, is_bare, &[("PATH", path.as_ref())], &words);
            assert!(ran.code != 0 && !ran.stdout.contains(KEY), "{}: {ran:?}", entry.display());
            assert!(ran.code != 3, "{}: the rest of PATH will do: {ran:?}", entry.display());
        }
    }
}

/// A folder that is mounted twice has two names.
#[test]
fn no_other_mount_shows_it() {
    if !only_as_root("an ordinary user mounts nothing that autopilot could be started under") {
        return;
    }
    let repo = host();
    let git = repo.top().join(".git");
    let key = repo.home().join(".config/autopilot/keys/signing");
    let elsewhere = repo.dir().join("elsewhere");
    fs::create_dir_all(elsewhere.join("below")).unwrap();
    for mounted in [repo.home(), repo.home().join(".config"), key.parent().unwrap().to_owned()] {
        for (point, granted) in [(elsewhere.clone(), &elsewhere), (elsewhere.join("below"), &elsewhere)] {
            for is_bare in [false, true] {
                let like = repo.command(["sandbox", "--write", git.to_str().unwrap(), "--read"]);
                let mut command = Command::new("unshare");
                let script = "mount --bind \"$1\" \"$2\" && shift 2 && exec \"$@\"";
                command.args(["-m", "sh", "-c", script, "sh"]).arg(&mounted).arg(&point);
                if is_bare {
                    command.args(["/usr/bin/python3", "-c", REFUSE, "unshare"]);
                }
                command.arg(like.get_program()).args(like.get_args()).arg(granted);
                command.args(["--", "find"]).arg(granted).current_dir(repo.top()).env_clear();
                command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
                let ran = Ran::of(&command.output().unwrap());
                ran.exits(3).says("autopilot's own");
            }
        }
    }
}

#[test]
fn a_plan_that_asks_for_it_is_refused_before_it_runs() {
    let repo = host();
    repo.plan("  - {id: work, command: cat ~/.config/autopilot/keys/signing, filesystem: {read: [\"~\"]}}\n");
    for args in [&["check", "7"][..], &["7"]] {
        let ran = repo.autopilot(args);
        ran.exits(3).says("work").says("filesystem.read").says("autopilot's own files").says("`.config`");
    }
    assert!(repo.evidence("status-").is_empty(), "something was run");
}

/// What a path leads to is looked at when the step comes, not only when the run begins.
#[test]
fn a_step_cannot_lead_a_later_one_there() {
    for is_bare in [false, true] {
        let repo = host();
        let shared = repo.dir().join("shared");
        fs::create_dir(&shared).unwrap();
        open_folder(&shared, 0o777);
        let (shared, home) = (shared.display(), repo.home());
        let (home, key) = (home.display(), ".config/autopilot/keys/signing");
        repo.plan(&format!(
            "  - {{id: lead, command: ln -s {home} {shared}/x, filesystem: {{write: [{shared}]}}}}\n  \
             - {{id: follow, command: cat {shared}/x/{key}, filesystem: {{read: [{shared}/x]}}}}\n"
        ));
        let ran = run(&repo, is_bare, &[], &["7"]);
        assert_eq!(repo.steps().first().map(String::as_str), Some("lead:passed"), "{ran:?}");
        assert!(ran.code != 0, "{ran:?}");
        assert!(!repo.log().contains(KEY) && !ran.stdout.contains(KEY), "shown: {}", repo.log());
        let told = format!("{}{}{}", ran.stderr, repo.log(), serde_json::to_string(&repo.events()).unwrap());
        assert!(told.contains("autopilot's own"), "bare: {is_bare}: {told}");
    }
}
