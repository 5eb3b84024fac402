//! The provenance: an in-toto Statement v1 with a SLSA provenance v1 predicate, unsigned.
//!
//! Sources: in-toto attestation framework, `spec/v1/statement.md`; SLSA v1.0, `provenance/v1`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::RunName;
use super::event::{Sealed, StartedBy};
use super::text::Text;

const BUILD_TYPE: &str = "urn:autopilot:run:v1";

/// What the provenance says of a run beyond the digests of its files; everything masked or a token.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Version of autopilot.
    pub autopilot: String,
    /// Version of git.
    pub git: String,
    /// The issue's number.
    pub issue: u64,
    /// SHA-256 of the plan file.
    pub plan_sha256: String,
    /// The commit that holds the plan file as it was read, if one does.
    pub plan_commit: Option<String>,
    /// Who started it: the user, and whom its environment names.
    pub started_by: Option<StartedBy>,
    /// What the engine that started it calls it, as its environment says.
    pub labels: BTreeMap<String, Text>,
    /// Base commit.
    pub base: String,
    /// Ref and commit of the result, if there is one.
    pub result: Option<(String, String)>,
    /// When the run began, RFC 3339.
    pub started: String,
    /// When it ended, RFC 3339.
    pub finished: String,
}

/// Composes the statement over the sealed files and the journal up to the seal.
pub(super) fn statement(run: RunName, facts: &Facts, files: &[Sealed], journal: &Sealed) -> Value {
    let mut subjects: Vec<Value> =
        files.iter().map(|file| subject(file, &json!({"size": file.size}))).collect();
    subjects.push(subject(journal, &json!({"size": journal.size, "upTo": "sealed"})));
    if let Some((reference, commit)) = &facts.result {
        subjects.push(json!({"name": reference, "digest": {"gitCommit": commit}}));
    }
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"issue": facts.issue, "plan": {"sha256": facts.plan_sha256}},
                "internalParameters": internal(facts),
                "resolvedDependencies": [{"name": "base", "digest": {"gitCommit": facts.base}}],
            },
            "runDetails": {
                "builder": {
                    "id": "urn:autopilot:runner",
                    "version": {"autopilot": facts.autopilot, "git": facts.git},
                },
                "metadata": {
                    "invocationId": run.to_string(),
                    "startedOn": facts.started,
                    "finishedOn": facts.finished,
                },
            },
        },
    })
}

/// Says who started it and from where the plan is: of this host, and of what its environment claims.
fn internal(facts: &Facts) -> Value {
    let mut internal = Map::new();
    if let Some(by) = &facts.started_by {
        internal.insert("startedBy".to_owned(), json!(by));
    }
    if !facts.labels.is_empty() {
        internal.insert("labels".to_owned(), json!(facts.labels));
    }
    if let Some(commit) = &facts.plan_commit {
        internal.insert("planCommit".to_owned(), json!(commit));
    }
    Value::Object(internal)
}

fn subject(file: &Sealed, annotations: &Value) -> Value {
    json!({
        "name": file.path.as_str(),
        "digest": {"sha256": file.sha256.as_str()},
        "annotations": annotations,
    })
}
