//! Forges evidence as somebody would who knows the format and writes all of it again: everything fits together,
//! but for what was meant to be changed. Shares no code with the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::common::Repo;

/// Two good runs: one that failed with everything in it, and one that is done.
pub(super) struct Good {
    pub(super) repo: Repo,
    pub(super) failed: String,
    pub(super) done: String,
}

/// Makes the good runs, once for all tests. They are copied, never changed.
pub(super) fn good() -> &'static Good {
    static GOOD: OnceLock<Good> = OnceLock::new();
    GOOD.get_or_init(|| {
        let repo = Repo::new();
        repo.plan_of(
            7,
            "cache: [target]",
            "  - {id: one, command: 'echo one > one; echo hello', post: ['test -e one'], expectation: {files_exist: [one], files_absent: [gone],
      file_contains: [{path: one, pattern: one}], output_matches: [hello], output_excludes: [error], changes: {max: 3}}}
  - {id: two, command: 'echo half > half; test -e ~/tried || { touch ~/tried; exit 3; }', retries: 1, rollback: [echo undone]}
  - {id: three, command: 'echo x > x; echo |||; exit 4', on_failure: continue}
  - {id: four, needs: [three], command: 'true'}
  - {id: five, command: 'echo 5 > one'}\n",
        );
        repo.plan_of(8, "", "  - {id: a, command: 'echo a > a'}\n  - {id: b, command: 'true'}\n");
        repo.commit("plans");
        repo.autopilot(["7"]).exits(1);
        repo.autopilot(["8"]).exits(0);
        let run = |journal: &PathBuf| {
            let name = journal.file_stem().unwrap().to_str().unwrap();
            name.strip_prefix("status-").unwrap().to_owned()
        };
        let runs: Vec<String> = repo.evidence("status-").iter().map(run).collect();
        let of = |issue: &str| runs.iter().find(|run| run.ends_with(issue)).unwrap().clone();
        let (failed, done) = (of("-7"), of("-8"));
        Good { repo, failed, done }
    })
}

/// Changes a file that people read.
pub(super) fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The evidence of one run below some top.
pub(super) struct Forge {
    pub(super) top: PathBuf,
    pub(super) run: String,
}

impl Forge {
    pub(super) fn new(top: &Path, run: &str) -> Self {
        Self { top: top.to_owned(), run: run.to_owned() }
    }

    pub(super) fn log(&self) -> PathBuf {
        self.top.join(format!(".ai/logs/codex/autopilot-{}.log", self.run))
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.file("status", "log")
    }

    pub(super) fn summary(&self) -> PathBuf {
        self.file("summary", "md")
    }

    pub(super) fn failed(&self) -> PathBuf {
        self.file("FAILED", "log")
    }

    pub(super) fn salvage(&self) -> PathBuf {
        self.file("salvage", "bundle")
    }

    pub(super) fn checkpoints(&self) -> PathBuf {
        self.file("checkpoints", "bundle")
    }

    pub(super) fn provenance(&self) -> PathBuf {
        self.file("provenance", "json")
    }

    fn file(&self, kind: &str, end: &str) -> PathBuf {
        self.top.join(format!(".ai/logs/autopilot/{kind}-{}.{end}", self.run))
    }

    /// Lines of the journal, without their newlines.
    pub(super) fn lines(&self) -> Vec<Vec<u8>> {
        let bytes = fs::read(self.journal()).unwrap();
        bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
    }

    pub(super) fn write_lines(&self, lines: &[Vec<u8>]) {
        let bytes: Vec<u8> = lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect();
        fs::write(self.journal(), bytes).unwrap();
    }

    /// The journal as JSON, line by line.
    pub(super) fn values(&self) -> Vec<Value> {
        self.lines().iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    /// Changes lines of the journal, and writes chain, seal, provenance and attestation again so that they fit.
    pub(super) fn edit(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let mut lines = self.values();
        change(&mut lines);
        self.close(lines, |_| (), |_| ());
    }

    /// Changes what the seal says of the files, and writes all that tells of the seal again.
    pub(super) fn edit_seal(&self, change: impl FnMut(&mut Value)) {
        self.close(self.values(), change, |_| ());
    }

    /// Changes the first event of a type that fits.
    pub(super) fn edit_event(
        &self,
        kind: &str,
        fits: impl Fn(&Value) -> bool,
        change: impl FnOnce(&mut Value),
    ) {
        self.edit(|lines| {
            let wanted = |line: &&mut Value| line["event"]["type"] == kind && fits(&line["event"]);
            change(&mut lines.iter_mut().find(wanted).expect("no such event")["event"]);
        });
    }

    /// Changes the provenance, and writes its attestation again.
    pub(super) fn edit_provenance(&self, change: impl FnOnce(&mut Value)) {
        self.close(self.values(), |_| (), change);
    }

    /// Writes the seal and what follows again, over files that were changed.
    pub(super) fn reseal(&self) {
        self.edit(|_| ());
    }

    fn close(
        &self,
        mut lines: Vec<Value>,
        mut seal: impl FnMut(&mut Value),
        change: impl FnOnce(&mut Value),
    ) {
        let mut prev = "0".repeat(64);
        let mut bytes: Vec<u8> = Vec::new();
        let mut change = Some(change);
        let start = lines[0]["event"].clone();
        let mut sealed: Vec<Value> = Vec::new();
        let (mut journal, mut branch, mut last) = (String::new(), None, Value::Null);
        for (seq, line) in lines.iter_mut().enumerate() {
            (line["seq"], line["prev"]) = (json!(seq), json!(prev));
            match line["event"]["type"].as_str().unwrap_or_default() {
                "branch.made" => branch = Some(line["event"].clone()),
                "sealed" => {
                    self.digest_files(&mut line["event"]["files"]);
                    seal(&mut line["event"]["files"]);
                    sealed = line["event"]["files"].as_array().cloned().unwrap_or_default();
                }
                "attested" => {
                    let facts = Facts {
                        start: &start,
                        sealed: &sealed,
                        journal: &journal,
                        branch: &branch,
                        last: &last,
                    };
                    let text = self.write_provenance(&facts, change.take());
                    line["event"]["sha256"] = json!(sha256(&text));
                }
                _ => {}
            }
            let text = serde_json::to_vec(&*line).unwrap();
            prev = sha256(&text);
            bytes.extend(text);
            bytes.push(b'\n');
            if line["event"]["type"] == "sealed" {
                journal = sha256(&bytes);
            } else {
                last = line["ts"].clone();
            }
        }
        fs::write(self.journal(), bytes).unwrap();
    }

    fn digest_files(&self, files: &mut Value) {
        for file in files.as_array_mut().into_iter().flatten() {
            let path = file["path"].as_str().unwrap_or_default().to_owned();
            if let Ok(bytes) = fs::read(self.top.join(path)) {
                (file["sha256"], file["size"]) = (json!(sha256(&bytes)), json!(bytes.len()));
            }
        }
    }

    fn write_provenance(&self, facts: &Facts<'_>, change: Option<impl FnOnce(&mut Value)>) -> Vec<u8> {
        let mut statement: Value = serde_json::from_slice(&fs::read(self.provenance()).unwrap()).unwrap();
        let mut subjects: Vec<Value> = facts
            .sealed
            .iter()
            .map(|file| json!({"name": file["path"], "digest": {"sha256": file["sha256"]}, "annotations": {"size": file["size"]}}))
            .collect();
        let journal = self.journal();
        let name = journal.strip_prefix(&self.top).unwrap().to_str().unwrap();
        subjects.push(json!({"name": name, "digest": {"sha256": facts.journal}}));
        if let Some(branch) = facts.branch {
            subjects.push(json!({"name": branch["reference"], "digest": {"gitCommit": branch["commit"]}}));
        }
        statement["subject"] = json!(subjects);
        let definition = &mut statement["predicate"]["buildDefinition"];
        definition["externalParameters"]["plan"]["sha256"] = facts.start["plan_sha256"].clone();
        let mut internal = json!({});
        for (key, field) in [("startedBy", "started_by"), ("labels", "labels"), ("planCommit", "plan_commit")]
        {
            let told = facts.start.get(field).filter(|told| **told != "uncommitted" && !told.is_null());
            internal.as_object_mut().unwrap().extend(told.map(|told| (key.to_owned(), told.clone())));
        }
        definition["internalParameters"] = internal;
        definition["resolvedDependencies"][0]["digest"]["gitCommit"] = facts.start["commit"].clone();
        statement["predicate"]["runDetails"]["metadata"]["invocationId"] = facts.start["run"].clone();
        statement["predicate"]["runDetails"]["metadata"]["finishedOn"] = facts.last.clone();
        if let Some(change) = change {
            change(&mut statement);
        }
        let text = serde_json::to_vec_pretty(&statement).unwrap();
        fs::write(self.provenance(), &text).unwrap();
        text
    }
}

struct Facts<'a> {
    start: &'a Value,
    sealed: &'a [Value],
    journal: &'a str,
    branch: &'a Option<Value>,
    last: &'a Value,
}
