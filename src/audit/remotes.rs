//! Takes what a run says it published and the remotes of its repository, gives what does not fit: an address elsewhere.

use super::code::Code;
use super::finding::Finding;
use super::plan::MASK;
use super::story::{Published, Story};
use crate::evidence::event::Effect;
use crate::github::Slug;
use crate::worktree::{Repository, WorktreeError};

/// Compares where things were published with the remotes. One that is gone is a note.
pub(super) fn check(
    repository: &Repository,
    story: &Story,
    notes: &mut Vec<String>,
) -> Result<Vec<Finding>, WorktreeError> {
    if story.published.is_empty() {
        return Ok(Vec::new());
    }
    let remotes = repository.remotes()?;
    let named: Vec<(&str, Option<String>)> = remotes
        .iter()
        .map(|remote| (remote.name.as_str(), Slug::of_url(&remote.url).map(|slug| slug.with_host())))
        .collect();
    let known = story.repository_of_github();
    let mut findings = Vec::new();
    for published in story.published.iter().filter(|published| is_told(published)) {
        let differs = match published.effect {
            Effect::Push => pushed_elsewhere(published, &named, notes),
            // Where the run knew its repository from the beginning, that was compared.
            Effect::PullRequest | Effect::Comment if known.is_some() => None,
            Effect::PullRequest | Effect::Comment => told_elsewhere(published, &named),
            // No page shows it.
            Effect::Evidence => None,
        };
        findings.extend(differs);
    }
    Ok(findings)
}

/// Notes what no remote was at hand to be compared with.
pub(super) fn unknown(story: &Story) -> Option<String> {
    let is_open =
        |published: &&Published| published.effect == Effect::Push || story.repository_of_github().is_none();
    let own = story.published.iter().filter(|published| is_told(published)).find(is_open)?;
    let url = own.url.as_deref().unwrap_or_default();
    Some(format!("{url} was not compared with the remotes, which only a repository has"))
}

fn is_told(published: &Published) -> bool {
    published.url.as_ref().is_some_and(|url| !url.contains(MASK))
}

fn pushed_elsewhere(
    published: &Published,
    remotes: &[(&str, Option<String>)],
    notes: &mut Vec<String>,
) -> Option<Finding> {
    let to = &published.to;
    let url = published.url.as_deref().unwrap_or_default();
    let Some((_, slug)) = remotes.iter().find(|(name, _)| name == to) else {
        notes.push(format!("remote {to}, which was pushed to, is not here: {url} was not compared with it"));
        return None;
    };
    let slug = slug.as_deref().unwrap_or("no repository of GitHub");
    let is_there = |rest: &str| rest.to_lowercase().starts_with(&format!("{}/tree/", slug.to_lowercase()));
    let fits = url.strip_prefix("https://").is_some_and(is_there);
    (!fits).then(|| Finding::new(Code::ResultWrong, format!("a push to {to}, {slug}"), url))
}

fn told_elsewhere(published: &Published, remotes: &[(&str, Option<String>)]) -> Option<Finding> {
    let to = &published.to;
    let is_own = |slug: &String| slug.eq_ignore_ascii_case(to);
    let fits = remotes.iter().any(|(_, slug)| slug.as_ref().is_some_and(is_own));
    let expected = || format!("{:?} in a repository that is a remote here", published.effect);
    (!fits).then(|| Finding::new(Code::ResultWrong, expected(), published.url.as_deref().unwrap_or(to)))
}
