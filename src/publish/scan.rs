//! What would go out with a push is looked through for secrets: contents, names and messages of every commit.

use std::collections::HashSet;

use super::Trouble;
use crate::evidence::event::PublishFault;
use crate::evidence::mask::{Hit, Secrets};
use crate::github::Environment;
use crate::report::RunView;
use crate::worktree::{Outgoing, Repository};

/// Findings that are named; the rest is counted.
const NAMED: usize = 5;

/// Finds secrets in everything between base and result: values of this environment, and what the patterns tell.
/// What stood in the same file at the base already is not found: it does not go out by this push.
pub(super) fn secrets_in(
    view: &RunView,
    repository: &Repository,
    environment: &Environment,
) -> Result<Vec<String>, Trouble> {
    let Some((_, commit, _)) = &view.branch else { return Ok(Vec::new()) };
    let secrets = Secrets::default();
    view.register_secrets(environment.variables(), &secrets);
    let mut found = Vec::new();
    repository.outgoing(view.start.commit.as_str(), commit, &mut |outgoing| {
        found.extend(look_at(&secrets, &outgoing));
    })?;
    Ok(found)
}

/// Returns why a push with such findings does not happen.
pub(super) fn refuse(found: &[String], remote: &str, reference: &str) -> Option<Trouble> {
    let named = found.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    let more = found.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let branch = reference.strip_prefix("refs/heads/").unwrap_or(reference);
    let hint =
        format!("look at each; if none is a secret: git push {remote} {branch}, then: autopilot publish");
    let why = format!("the commits hold what looks like a secret: {named}{more}");
    (!found.is_empty()).then(|| Trouble::new(PublishFault::Secret, why, hint))
}

fn look_at(secrets: &Secrets, outgoing: &Outgoing) -> Vec<String> {
    match outgoing {
        Outgoing::Commit { commit, text } => {
            let hits = secrets.detect(text);
            hits.iter().map(|hit| format!("{} in the message of {}", hit.kind, short(commit))).collect()
        }
        Outgoing::File { commit, path, content, at_base } => {
            let known: HashSet<&[u8]> = texts(secrets.detect(at_base), at_base).collect();
            let shown = String::from_utf8_lossy(path);
            let in_name = secrets
                .detect(path)
                .into_iter()
                .map(|hit| format!("{} in the name of a file of {}", hit.kind, short(commit)));
            let fresh = secrets
                .detect(content)
                .into_iter()
                .filter(|hit| content.get(hit.range.clone()).is_some_and(|text| !known.contains(text)));
            let in_content = fresh.map(|hit| {
                let line = 1 + content.iter().take(hit.range.start).filter(|&&byte| byte == b'\n').count();
                format!("{} in {shown}:{line} of {}", hit.kind, short(commit))
            });
            in_name.chain(in_content).collect()
        }
    }
}

fn texts(hits: Vec<Hit>, of: &[u8]) -> impl Iterator<Item = &[u8]> {
    hits.into_iter().filter_map(|hit| of.get(hit.range))
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
