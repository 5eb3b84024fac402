//! The page of a run, put together.

use autopilot_view::{Changed, Fact, Life, Link, Mark, Run, Value};

use super::audit::Audited;
use super::words::{counts, mark, short, took, used, word};
use super::{axis, log, network, patches, review, security, steps};
use crate::app::{Error, replayed, secrets};
use crate::evidence::event::Change;
use crate::evidence::state::PublishState;
use crate::evidence::{Files, RunState};
use crate::publish;
use crate::report::review::Review;
use crate::report::{self, plural};
use crate::time::spoken;
use crate::worktree::{Repository, State};

/// Where a page is filled from.
#[derive(Debug)]
pub struct Source<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The files of the run.
    pub files: &'a Files,
    /// What this host keeps of runs.
    pub host: &'a State,
    /// The run, as its journal tells it.
    pub state: &'a RunState,
    /// Somebody runs it.
    pub is_running: bool,
    /// Whether the page follows it.
    pub life: Life,
}

/// Makes the page of a run.
pub fn page(source: &Source<'_>) -> Result<String, Error> {
    let Source { repository, files, host, state, is_running, life } = *source;
    let secrets = secrets::of(state);
    let patches = patches::of(repository, host, state, &secrets)?;
    let audited = Audited::of(repository, host, files, is_running);
    let kept = replayed::of(files, state, &secrets).filter(|_| !is_running);
    let today = publish::today(repository, state);
    let review = Review::of(state, files, today.as_ref());
    let log = log::read(state, files).map_err(Error::System)?;
    let steps = steps::of(state, &patches, &log.attempts, is_running);
    let run = Run {
        name: state.start.run.as_str().into(),
        mark: mark(state, is_running),
        heading: heading(state, is_running).into(),
        title: state.start.title.as_str().into(),
        extent: extent(&review, state),
        review: review::facts(&review, state, files, is_running),
        security: security::facts(&review, state, &audited, kept.as_ref()),
        files: review.files.iter().map(changed).collect(),
        ticks: axis::ticks(&steps),
        steps,
        network: network::decisions(state),
        log: log.pieces,
        check: check(&review, state, files, &audited),
        life,
    };
    Ok(autopilot_view::run(&run))
}

fn heading(state: &RunState, is_running: bool) -> String {
    let at = state.end.as_ref().filter(|_| !state.is_done()).and_then(|end| end.step.as_ref());
    let at = at.map(|step| format!(" at {step}")).unwrap_or_default();
    let took = spoken(took(state, is_running));
    let when = match mark(state, is_running) {
        Mark::Good => format!("in {took}"),
        Mark::Open => format!("for {took}"),
        _ => format!("after {took}"),
    };
    format!("#{} {}{at} {when}", state.start.issue, word(state, is_running))
}

/// Says where the result is, how much it changes, and what it cost.
fn extent(review: &Review, state: &RunState) -> Vec<Fact> {
    let lines = format!("+{} −{}", review.added, review.removed);
    let files = plural(review.files.len() as u64, "file");
    let mut facts = Vec::new();
    if let Some(branch) = &review.branch {
        let commits = plural(branch.commits, "commit");
        let base = format!("{}@{}", review.base.name, short(&review.base.commit));
        facts.push(
            Fact::code(Mark::Plain, "branch", [&branch.name])
                .and(Value::Text(format!("{commits}, {files}, {lines}, on {base}").into())),
        );
    } else {
        let text = if review.files.is_empty() {
            "nothing changed: no branch".to_owned()
        } else {
            format!("{files}, {lines}, and no branch yet")
        };
        facts.push(Fact::text(Mark::Plain, "branch", text));
    }
    facts.extend(state.published.iter().filter_map(|publication| {
        let PublishState::Done { url: Some(url), .. } = &publication.state else { return None };
        let name = report::name_of(publication.effect);
        let value =
            Link::web(url).map_or_else(|| Value::Code(url.into()), |link| Value::Link(link, url.into()));
        Some(Fact { mark: Mark::Plain, name: name.into(), values: vec![value] })
    }));
    facts.extend(
        review.spent.tokens.filter(|tokens| *tokens > 0).map(|tokens| used(tokens, review.spent.cost)),
    );
    facts
}

fn changed(change: &Change) -> Changed {
    let why = change.review.as_ref().map_or("", |why| why.as_str());
    Changed { path: change.path.as_str().into(), extent: counts(change).into(), why: why.into() }
}

/// Says how somebody else finds out whether this is true: a page is no evidence.
fn check(review: &Review, state: &RunState, files: &Files, audited: &Audited) -> Vec<Fact> {
    let run = files.run();
    let mut facts = audited.checks();
    facts.extend([
        Fact::commands(
            "audit",
            [format!("autopilot audit {run}"), format!("autopilot audit {run} --online")],
        ),
        Fact::commands("all of the log", [format!("autopilot logs {run}")]),
    ]);
    if let Some(branch) = &review.branch {
        let diff = format!("git diff {}...{}", short(&review.base.commit), branch.name);
        facts.push(Fact::commands("all of the diff", [diff]));
    }
    if let Some(head) = &state.head {
        facts.push(Fact::code(Mark::Plain, "head", [head.to_string()]));
    }
    let note = "This page says what the journal and the audit said when it was made, and proves nothing: audit the evidence itself.";
    facts.push(Fact::text(Mark::Look, "mind", note));
    facts
}
