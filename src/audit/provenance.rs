//! The provenance: a valid statement that says of the run what the journal says of it. Unsigned: what it proves is
//! integrity only.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::code::Code;
use super::finding::Finding;
use super::story::Story;
use crate::evidence::event::{PlanCommit, RunStarted, Sealed};
use crate::time::stamp;

/// An in-toto Statement v1 (`spec/v1/statement.md`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Debug, Deserialize)]
struct Subject {
    name: String,
    digest: BTreeMap<String, String>,
}

/// A SLSA provenance v1 predicate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Predicate {
    build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BuildDefinition {
    build_type: String,
    external_parameters: Value,
    internal_parameters: Option<Internal>,
    resolved_dependencies: Vec<Subject>,
}

/// Who started it, and from where its plan is; nothing of it in statements from before it was said.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Internal {
    started_by: Option<Value>,
    labels: Option<Value>,
    plan_commit: Option<String>,
}

impl Internal {
    /// Compares what is said with what the journal says.
    fn differs(&self, start: &RunStarted) -> Vec<(&'static str, String, String)> {
        let none = || "none".to_owned();
        let text = |value: &Value| value.to_string();
        let started_by = start.started_by.as_ref().map_or_else(none, |by| json!(by).to_string());
        let labels = json!(start.labels).to_string();
        let commit = start.plan_commit.as_ref().and_then(PlanCommit::commit);
        let mut pairs = Vec::new();
        pairs.extend(self.started_by.as_ref().map(|by| ("startedBy", started_by, text(by))));
        pairs.extend(self.labels.as_ref().map(|told| ("labels", labels, text(told))));
        let commit = commit.map_or_else(none, ToString::to_string);
        pairs.extend(self.plan_commit.as_ref().map(|told| ("planCommit", commit, told.clone())));
        pairs
    }
}

#[derive(Debug, Deserialize)]
struct RunDetails {
    builder: Builder,
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
struct Builder {
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    invocation_id: String,
    started_on: String,
    finished_on: String,
}

/// Compares a provenance with the journal that attests it.
pub(super) fn check(bytes: &[u8], story: &Story, journal: &str, started: &str) -> Vec<Finding> {
    let wrong = |expected: &str, found: &str| Finding::new(Code::ProvenanceWrong, expected, found);
    let statement: Statement = match serde_json::from_slice(bytes) {
        Ok(statement) => statement,
        Err(error) => return vec![wrong("an in-toto Statement v1", &error.to_string())],
    };
    let (Some(start), Some(seal)) = (&story.start, &story.seal) else { return Vec::new() };
    let Statement { kind, subject, predicate_type, predicate } = &statement;
    let Predicate { build_definition: definition, run_details: details } = predicate;
    let plan = |of: &Value| of.pointer("/plan/sha256").and_then(Value::as_str).unwrap_or("none").to_owned();
    let base = definition.resolved_dependencies.iter().find(|known| known.name == "base");
    let commit = base.and_then(|base| base.digest.get("gitCommit")).map_or("none", String::as_str);
    let pairs = [
        ("_type", "https://in-toto.io/Statement/v1".to_owned(), kind.clone()),
        ("predicateType", "https://slsa.dev/provenance/v1".to_owned(), predicate_type.clone()),
        ("buildType", "urn:autopilot:run:v1".to_owned(), definition.build_type.clone()),
        ("builder", "urn:autopilot:runner".to_owned(), details.builder.id.clone()),
        ("plan", start.plan_sha256.to_string(), plan(&definition.external_parameters)),
        ("base", start.commit.to_string(), commit.to_owned()),
        ("invocationId", start.run.to_string(), details.metadata.invocation_id.clone()),
        ("startedOn", started.to_owned(), details.metadata.started_on.clone()),
        ("finishedOn", stamp(seal.finished), details.metadata.finished_on.clone()),
    ];
    let internal = definition.internal_parameters.as_ref().map(|own| own.differs(start)).unwrap_or_default();
    let differs = pairs.iter().chain(&internal).filter(|(_, expected, found)| expected != found);
    let mut findings: Vec<Finding> =
        differs.map(|(what, yes, no)| wrong(&format!("{what} {yes}"), &format!("{what} {no}"))).collect();
    let expected = subjects(&seal.files, &seal.journal.0, journal, story.branch.as_ref());
    let found: Vec<(String, String)> = subject.iter().map(Subject::flat).collect();
    if sorted(expected.clone()) != sorted(found.clone()) {
        findings.push(wrong(&format!("subjects {expected:?}"), &format!("{found:?}")));
    }
    findings
}

impl Subject {
    /// Returns name and digests as one text each.
    fn flat(&self) -> (String, String) {
        let digests = self.digest.iter().map(|(kind, value)| format!("{kind}:{value}"));
        (self.name.clone(), digests.collect::<Vec<_>>().join(","))
    }
}

fn sorted(mut subjects: Vec<(String, String)>) -> Vec<(String, String)> {
    subjects.sort();
    subjects
}

/// Lists what the statement must be about.
fn subjects(
    files: &[Sealed],
    journal_sha: &str,
    journal: &str,
    branch: Option<&(String, String, u64)>,
) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        files.iter().map(|file| (file.path.to_string(), format!("sha256:{}", file.sha256))).collect();
    all.push((journal.to_owned(), format!("sha256:{journal_sha}")));
    all.extend(branch.map(|(reference, commit, _)| (reference.clone(), format!("gitCommit:{commit}"))));
    all
}
