//! A fixture for every code: something is done to a good run, and exactly that is found.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use autopilot::audit::Code;
use serde_json::{Value, json};

use super::forge::{Forge, Good, good, replace, sha256};
use crate::common::github::{Fault, GitHub};
use crate::common::program::{copy_program, open_folder};
use crate::common::{Ran, Repo};

/// A copy of the good runs, to which something is done, and how it is audited then.
struct Fixture {
    repo: Repo,
    /// The run that failed, with everything in it.
    failed: Forge,
    /// The run that is done.
    done: Forge,
    args: Vec<String>,
    child: Option<Child>,
    /// For what is asked online.
    github: Option<GitHub>,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Fixture {
    fn new() -> Self {
        let Good { repo, failed, done } = good();
        let repo = repo.copy();
        let (failed, done) = (Forge::new(&repo.top(), failed), Forge::new(&repo.top(), done));
        let args = vec![failed.run.clone()];
        Self { repo, failed, done, args, child: None, github: None }
    }

    fn audit(&self) -> Ran {
        let own = ["audit".to_owned(), "--json".to_owned()];
        let mut command = self.repo.command(own.iter().chain(&self.args));
        command.envs(self.github.iter().flat_map(GitHub::variables));
        Ran::of(&command.output().unwrap())
    }

    fn audits(&mut self, args: &[&str]) {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
    }

    /// The directory that a run of this repository has in the state directory.
    fn run_dir(&self) -> String {
        format!("{}-{}", self.failed.run, self.key())
    }

    fn key(&self) -> String {
        let git = fs::canonicalize(self.repo.top().join(".git")).unwrap();
        sha256(git.to_str().unwrap().as_bytes())[..12].to_owned()
    }

    fn event(&self, kind: &str, change: impl FnOnce(&mut Value)) {
        self.failed.edit_event(kind, |_| true, change);
    }

    /// Changes how the first command that ended was confined.
    fn enforced(&self, change: impl FnOnce(&mut Value)) {
        self.event("command.ended", |event| change(&mut event["enforced"]));
    }

    fn head(&self) -> String {
        let lines = self.failed.lines();
        format!("{}:{}", lines.len() - 1, sha256(lines.last().unwrap()))
    }

    /// Lets somebody comment this head on the issue, and asks GitHub.
    fn comments(&mut self, head: Option<&str>) {
        let github = self.github.get_or_insert_with(GitHub::start);
        let run = self.failed.run.clone();
        if let Some(head) = head {
            let body = format!(
                "<!-- autopilot:run={run} -->\n# done\n\n**Audit:** `autopilot audit {run} --online` · head `{head}`\n"
            );
            github.comment(7, "robot", &body);
        }
        self.audits(&[&run, "--online"]);
    }

    fn heads(&mut self, text: String) {
        self.repo.file("../heads", &text);
        let run = self.failed.run.clone();
        self.audits(&[&run, "--heads", "../heads"]);
    }
}

fn append(file: &Path, bytes: &[u8]) {
    fs::write(file, [fs::read(file).unwrap(), bytes.to_vec()].concat()).unwrap();
}

/// Does to a good run what a code is for. A code without a fixture does not compile.
fn plant(code: Code, on: &mut Fixture) {
    match code {
        Code::ChainBroken
        | Code::LineMalformed
        | Code::VersionUnknown
        | Code::JournalTorn
        | Code::RunUnfinished
        | Code::EventAfterHead
        | Code::WrongRun
        | Code::EvidenceMissing => journal(code, on),
        Code::FileMissing
        | Code::FileChanged
        | Code::FileUnsealed
        | Code::SealWrong
        | Code::NotRegular
        | Code::FileTooLarge
        | Code::FileUnreadable
        | Code::ProvenanceChanged
        | Code::ProvenanceWrong
        | Code::HeadDiffers
        | Code::HeadUnknown
        | Code::FileStray
        | Code::SalvageOpen
        | Code::SalvageDiffers
        | Code::CheckpointsDiffer
        | Code::LogDiffers => file(code, on),
        Code::StrayWorktree
        | Code::StrayLock
        | Code::StrayRef
        | Code::StrayProcess
        | Code::StateUnreadable => leftover(code, on),
        Code::StartWithoutEnd => on.failed.edit(|lines| {
            lines.retain(|line| {
                line["event"]["type"] != "command.ended" || line["event"]["role"] != "rollback"
            });
        }),
        Code::OutOfOrder => on.failed.edit(|lines| lines.insert(2, lines[1].clone())),
        Code::ResultWrong => {
            let post = |event: &Value| event["role"] == "post";
            on.failed.edit_event("command.ended", post, |event| event["exit_code"] = json!(1));
        }
        Code::PlanNotFollowed => {
            on.event("command.started", |event| event["command"] = json!("sh -ec 'echo other'"));
        }
        Code::SummaryWrong => {
            let text = fs::read_to_string(on.failed.summary()).unwrap();
            let first = text.lines().next().unwrap();
            replace(&on.failed.summary(), first, "# ✅ #7 done in 3.0s");
            on.failed.reseal();
        }
        Code::FailureReportWrong => {
            replace(&on.failed.failed(), "FAILED: run", "INTERRUPTED: run");
            on.failed.reseal();
        }
        Code::NotConfined => on.enforced(|enforced| *enforced = Value::Null),
        Code::PolicyWeakened => on.enforced(|enforced| enforced["no_new_privs"] = json!(false)),
        Code::Degraded => on.enforced(|enforced| enforced["waived"] = json!(["seccomp: not there"])),
        Code::NetworkOpen => on.enforced(|enforced| {
            let own = enforced["namespaces"].as_array().unwrap().iter().filter(|name| *name != "net");
            enforced["namespaces"] = json!(own.collect::<Vec<_>>());
        }),
        Code::Survivors => {
            let failing = |event: &Value| event["exit_code"] == 3;
            on.failed.edit_event("command.ended", failing, |event| event["survivors"] = json!(1));
        }
        Code::SecretFound => {
            append(&on.failed.log(), format!("{}_{}\n", "ghp", "a1B2".repeat(9)).as_bytes());
            on.failed.reseal();
        }
        Code::BaseMissing
        | Code::BranchMissing
        | Code::BranchRewritten
        | Code::CommitsDiffer
        | Code::ChangesDiffer
        | Code::BranchUnrecorded
        | Code::RepositoryUnreadable
        | Code::PlanDiffers
        | Code::CacheForeign => repository(code, on),
        Code::CommentMissing => on.comments(None),
        Code::CommentDiffers => on.comments(Some(&format!("3:{}", "0".repeat(64)))),
        Code::GithubUnreachable => {
            on.comments(None);
            on.github.as_ref().unwrap().fault("GET comments", 9, Fault::Refused);
        }
    }
}

fn journal(code: Code, on: &mut Fixture) {
    let mut lines = on.failed.lines();
    let last = lines.len() - 1;
    let text = |line: &[u8]| String::from_utf8(line.to_vec()).unwrap();
    match code {
        Code::ChainBroken => lines[1] = text(&lines[1]).replace("\"files\":", "\"files\":1").into_bytes(),
        Code::LineMalformed => lines[last] = text(&lines[last]).replacen(',', ", ", 1).into_bytes(),
        Code::VersionUnknown => lines[last] = text(&lines[last]).replace("\"v\":2", "\"v\":3").into_bytes(),
        Code::JournalTorn => return append(&on.failed.journal(), b"{\"v\":1,\"seq\""),
        Code::RunUnfinished => drop(lines.pop()),
        Code::EventAfterHead => {
            let mut more: Value = serde_json::from_slice(&lines[last]).unwrap();
            more["seq"] = json!(last + 1);
            more["prev"] = json!(sha256(&lines[last]));
            more["event"] = json!({"type": "reset.started", "step": "one", "attempt": 1});
            lines.push(serde_json::to_vec(&more).unwrap());
        }
        Code::WrongRun => {
            let other = Forge::new(&on.repo.top(), "20260101T000000Z-7");
            for (from, to) in [
                (on.failed.journal(), other.journal()),
                (on.failed.summary(), other.summary()),
                (on.failed.log(), other.log()),
            ] {
                fs::rename(from, to).unwrap();
            }
            return on.args = vec![other.run];
        }
        Code::EvidenceMissing => return fs::remove_file(on.failed.journal()).unwrap(),
        _ => unreachable!("{code}"),
    }
    on.failed.write_lines(&lines);
}

fn file(code: Code, on: &mut Fixture) {
    match code {
        Code::FileMissing => fs::remove_file(on.failed.summary()).unwrap(),
        Code::FileChanged => append(&on.failed.log(), b"one more line\n"),
        Code::FileUnsealed => {
            fs::write(on.done.failed(), "FAILED\n").unwrap();
            on.args = vec![on.done.run.clone()];
        }
        Code::SealWrong => on.event("sealed", |event| {
            event["files"].as_array_mut().unwrap().remove(1);
        }),
        Code::NotRegular => {
            fs::rename(on.failed.summary(), on.repo.top().join("elsewhere")).unwrap();
            symlink(on.repo.top().join("elsewhere"), on.failed.summary()).unwrap();
        }
        Code::FileTooLarge => {
            let file = fs::OpenOptions::new().write(true).open(on.failed.summary()).unwrap();
            file.set_len((64 << 20) + 1).unwrap();
        }
        Code::FileUnreadable => {
            fs::set_permissions(on.failed.summary(), fs::Permissions::from_mode(0o000)).unwrap();
        }
        Code::ProvenanceChanged => append(&on.failed.provenance(), b"\n"),
        Code::ProvenanceWrong => on.failed.edit_provenance(|statement| {
            statement["predicate"]["runDetails"]["builder"]["id"] = json!("urn:somebody:else");
        }),
        Code::HeadDiffers => on.heads(format!("{} 3:{}\n", on.failed.run, "0".repeat(64))),
        Code::HeadUnknown => on.heads(format!("{} {}\n", on.done.run, on.head())),
        Code::FileStray => {
            on.repo.file(".ai/logs/autopilot/summary-20260101T000000Z-9.md", "# done\n");
            on.audits(&["--all"]);
        }
        Code::SalvageOpen => {
            fs::set_permissions(on.failed.salvage(), fs::Permissions::from_mode(0o644)).unwrap();
        }
        // A bundle like any, of something else, and sealed as the run's own.
        Code::SalvageDiffers => {
            let bundle = on.failed.salvage();
            let made = on.repo.git(["rev-parse", "HEAD"]);
            on.repo.git(["update-ref", "refs/salvage/two-1", &made]);
            on.repo.git(["bundle", "create", "-q", bundle.to_str().unwrap(), "refs/salvage/two-1"]);
            on.repo.git(["update-ref", "-d", "refs/salvage/two-1"]);
            fs::set_permissions(bundle, fs::Permissions::from_mode(0o600)).unwrap();
            on.failed.reseal();
        }
        // The base and no more, sealed as the run's own.
        Code::CheckpointsDiffer => {
            let bundle = on.failed.checkpoints();
            let made = on.repo.git(["rev-parse", "HEAD"]);
            on.repo.git(["update-ref", "refs/autopilot/delivered", &made]);
            on.repo.git(["bundle", "create", "-q", bundle.to_str().unwrap(), "refs/autopilot/delivered"]);
            on.repo.git(["update-ref", "-d", "refs/autopilot/delivered"]);
            fs::set_permissions(bundle, fs::Permissions::from_mode(0o600)).unwrap();
            on.failed.reseal();
        }
        Code::LogDiffers => {
            replace(&on.failed.log(), "── step two, attempt 2/2", "── step two, attempt 1/2");
            on.failed.reseal();
        }
        _ => unreachable!("{code}"),
    }
}

fn leftover(code: Code, on: &mut Fixture) {
    let state = on.repo.state();
    match code {
        Code::StrayWorktree => {
            fs::create_dir_all(state.join("runs").join(on.run_dir()).join("worktree")).unwrap();
        }
        Code::StrayLock => {
            let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
            let holder = json!({
                "v": 1, "host": host, "boot": "another", "pid": 1, "start": 1,
                "since": "2026-01-01T00:00:00Z", "run": on.failed.run,
            });
            fs::create_dir_all(state.join("locks")).unwrap();
            fs::write(state.join("locks").join(format!("{}-7", on.key())), holder.to_string()).unwrap();
        }
        Code::StrayRef => {
            let name = format!("refs/autopilot/base/{}", on.failed.run);
            on.repo.git(["update-ref", &name, "HEAD"]);
        }
        Code::StrayProcess => {
            let folder = on.repo.dir().join("elsewhere").join(on.run_dir());
            fs::create_dir_all(&folder).unwrap();
            let mut sleep = Command::new("sleep");
            on.child = Some(sleep.arg("600").current_dir(folder).stdout(Stdio::null()).spawn().unwrap());
        }
        Code::StateUnreadable => {
            fs::remove_dir_all(state.join("runs")).unwrap();
            fs::write(state.join("runs"), "").unwrap();
        }
        _ => unreachable!("{code}"),
    }
}

fn repository(code: Code, on: &mut Fixture) {
    let repo = &on.repo;
    let lines = on.failed.values();
    let made = lines.iter().find(|line| line["event"]["type"] == "branch.made").unwrap();
    let branch = made["event"]["reference"].as_str().unwrap().strip_prefix("refs/heads/").unwrap();
    match code {
        Code::BaseMissing => {
            let base = lines[0]["event"]["commit"].as_str().unwrap();
            rename_in_bundle(&on.failed, base, &"1".repeat(40));
            on.failed.edit(|lines| renamed(lines, base, &"1".repeat(40), "plan_commit"));
        }
        Code::PlanDiffers => {
            let first = repo.git(["rev-list", "--max-parents=0", "HEAD"]);
            on.event("run.started", |event| {
                assert_ne!(event["plan_commit"], first, "the plan was not there from the beginning");
                event["plan_commit"] = json!(first);
            });
        }
        Code::CacheForeign => on.event("cache.looked", |event| event["locks"] = json!("1".repeat(64))),
        Code::BranchMissing => drop(repo.git(["branch", "-q", "-D", branch])),
        Code::BranchRewritten => drop(repo.git(["branch", "-q", "-f", branch, "HEAD"])),
        Code::CommitsDiffer => {
            // The same content, committed by somebody else on top of what was there.
            let tip = repo.git(["rev-parse", branch]);
            let other =
                repo.git(["commit-tree", "-p", &format!("{tip}^"), "-m", "mine", &format!("{tip}^{{tree}}")]);
            repo.git(["update-ref", &format!("refs/heads/{branch}"), &other]);
            rename_in_bundle(&on.failed, &tip, &other);
            on.failed.edit(|lines| renamed(lines, &tip, &other, ""));
        }
        Code::ChangesDiffer => {
            on.event("checkpoint.made", |event| event["changes"][0]["path"] = json!("another"));
        }
        Code::BranchUnrecorded => {
            repo.git(["branch", "-q", "autopilot/issue-9-20260101T000000Z"]);
            on.audits(&["--all"]);
        }
        Code::RepositoryUnreadable => {
            let tip = repo.git(["rev-parse", branch]);
            let object = repo.top().join(".git/objects").join(&tip[..2]).join(&tip[2..]);
            // The result may have come in a pack; then there is nothing loose to break.
            let object = if object.exists() { object } else { unpacked(repo, &object) };
            fs::set_permissions(&object, fs::Permissions::from_mode(0o644)).unwrap();
            fs::write(object, "not an object").unwrap();
        }
        _ => unreachable!("{code}"),
    }
}

/// Names another commit wherever the journal names one, but for one field.
fn renamed(lines: &mut [Value], from: &str, to: &str, but: &str) {
    for line in lines {
        let fields = line["event"].as_object_mut().unwrap().iter_mut();
        let named = fields.filter(|(key, value)| *key != but && **value == json!(from));
        named.for_each(|(_, value)| *value = json!(to));
    }
}

/// Names another commit in the head of the bundle beside the journal.
fn rename_in_bundle(forge: &Forge, from: &str, to: &str) {
    let mut bytes = fs::read(forge.checkpoints()).unwrap();
    let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).expect("the bundle names it");
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    fs::write(forge.checkpoints(), bytes).unwrap();
}

/// Unpacks every pack into loose objects.
fn unpacked(repo: &Repo, object: &Path) -> PathBuf {
    let folder = repo.top().join(".git/objects/pack");
    let packs: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    for pack in packs.iter().filter(|path| path.extension().is_some_and(|end| end == "pack")) {
        let aside = repo.dir().join(pack.file_name().unwrap());
        fs::rename(pack, &aside).unwrap();
        let input = fs::File::open(&aside).unwrap();
        let mut unpack = Command::new("git");
        let status = unpack.args(["unpack-objects", "-q"]).current_dir(repo.top()).stdin(input).status();
        assert!(status.unwrap().success());
    }
    object.to_owned()
}

/// The codes that an audit found.
fn codes(ran: &Ran) -> BTreeSet<String> {
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let of = |checks: &Value| -> Vec<String> {
        let findings =
            checks.as_array().unwrap().iter().flat_map(|check| check["findings"].as_array().unwrap());
        findings.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    };
    let runs = report["runs"].as_array().unwrap().iter().flat_map(|run| of(&run["checks"]));
    runs.chain(of(&report["checks"])).collect()
}

#[test]
fn each_code_has_a_fixture_that_triggers_exactly_it() {
    // Those that need another user, or `gh`, have tests of their own.
    for code in Code::ALL.iter().filter(|code| **code != Code::FileUnreadable && code.number() < 800) {
        triggers_exactly_itself(*code);
    }
}

#[track_caller]
fn triggers_exactly_itself(code: Code) {
    let mut fixture = Fixture::new();
    plant(code, &mut fixture);
    let ran = fixture.audit().exits(4);
    let expected = BTreeSet::from([format!("AP{}", code.number())]);
    assert_eq!(codes(&ran), expected, "{code}:\n{}", ran.stdout);
}

#[test]
#[ignore = "needs gh"]
fn each_code_of_what_github_tells_has_a_fixture_that_triggers_exactly_it() {
    for code in Code::ALL.iter().filter(|code| code.number() >= 800) {
        triggers_exactly_itself(*code);
    }
}

#[test]
#[ignore = "needs gh"]
fn the_head_in_the_comment_is_compared_and_its_author_shown() {
    let mut fixture = Fixture::new();
    let head = fixture.head();
    fixture.comments(Some(&head));
    fixture.audit().exits(0).says("the comment has the same head").says("comment by robot");
    // Somebody who writes all of the evidence again is found by the comment, and by nothing else.
    fixture.event("worktree.ready", |event| event["ms"] = json!(12345));
    let ran = fixture.audit().exits(4);
    assert_eq!(codes(&ran), BTreeSet::from(["AP802".to_owned()]), "{}", ran.stdout);
    // A stranger's comment does not make up for it.
    let forged = fixture.head();
    fixture.comments(Some(&forged));
    let ran = fixture.audit().exits(4);
    assert_eq!(codes(&ran), BTreeSet::from(["AP802".to_owned()]), "{}", ran.stdout);
}

/// Root reads everything: as somebody else then.
#[test]
fn a_file_that_cannot_be_read_is_a_finding() {
    use std::os::unix::process::CommandExt;
    let mut fixture = Fixture::new();
    plant(Code::FileUnreadable, &mut fixture);
    let binary = fixture.repo.dir().join("autopilot");
    copy_program(&binary);
    open_folder(fixture.repo.dir(), 0o755);
    let mut command = Command::new(binary);
    command.args(["audit", "--evidence-only", "--json", &fixture.failed.run]).current_dir(fixture.repo.top());
    if nix::unistd::geteuid().is_root() {
        // The bundle is its owner's; what others may not read is taken away from them, not from the audit.
        for bundle in [fixture.failed.salvage(), fixture.failed.checkpoints()] {
            std::os::unix::fs::chown(bundle, Some(65534), Some(65534)).unwrap();
        }
        command.uid(65534).gid(65534);
    }
    let ran = Ran::of(&command.output().unwrap()).exits(4);
    assert_eq!(codes(&ran), BTreeSet::from(["AP207".to_owned()]), "{}", ran.stdout);
}

#[test]
fn the_good_runs_are_good() {
    let fixture = Fixture::new();
    for run in [&fixture.failed.run, &fixture.done.run] {
        fixture.repo.autopilot(["audit", run]).exits(0).hides("FAIL");
    }
    fixture.failed.reseal();
    fixture.repo.autopilot(["audit", "--all"]).exits(0).hides("FAIL");
}

#[test]
fn the_documents_have_every_code_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/audit.md");
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| AP")).collect();
    let expected: Vec<String> = Code::ALL
        .iter()
        .map(|code| {
            format!("| AP{} | `{}` | {} | {} |", code.number(), code.slug(), code.meaning(), code.fix())
        })
        .collect();
    assert_eq!(rows, expected, "\n{}\n", expected.join("\n"));
}
