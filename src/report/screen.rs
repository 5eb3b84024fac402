//! Takes a review, gives its first screen in Markdown: what came of the run, what was verified, what to look at.

use std::fmt::Write as _;
use std::time::Duration;

use super::markdown::{block, clip, fitted, inline, title};
use super::review::{Check, LookKind, Merges, Review, Step, Today, Who};
use super::spoken::plural;
use crate::evidence::event::{RunResult, StepResult};
use crate::plan::units;
use crate::time::spoken;

/// Steps and checks of a step on the first screen; the rest is counted.
const STEPS: usize = 10;
const CHECKS: usize = 6;
/// Characters of a title, of a reason, of other texts.
const TITLE: usize = 300;
const REASON: usize = 500;
const WIDTH: usize = 120;
/// Lines of the failed attempt on the first screen.
pub(super) const LINES: usize = 8;
/// Bytes that what is to be looked at may take, and what was refused.
const ITEMS: usize = 6_000;

/// Returns the first line: what became of which issue, and how long it took.
pub(super) fn headline(review: &Review) -> String {
    let issue = review.issue;
    let Some(result) = review.result else { return format!("# … #{issue} has not ended\n") };
    let took = spoken(Duration::from_millis(review.ms));
    let at = review.step.as_ref().map(|step| format!(" at `{step}`")).unwrap_or_default();
    match result {
        RunResult::Done => format!("# ✅ #{issue} done in {took}\n"),
        RunResult::Failed => format!("# ❌ #{issue} failed{at} after {took}\n"),
        RunResult::Interrupted => format!("# ⏹ #{issue} interrupted after {took}\n"),
        RunResult::Crashed => format!("# 💥 #{issue} crashed{at} after {took}\n"),
    }
}

/// Composes the first screen; the subject says where the result is and how much it changes.
pub(super) fn first(review: &Review, subject: &str) -> String {
    let mut text = headline(review);
    let _ = writeln!(text, "**{}** · {subject}\n", title(&clip(&review.title, TITLE)));
    if let Some(why) = &review.why {
        let _ = writeln!(text, "**Why:** {}\n", inline(&clip(why, REASON)));
    }
    text.push_str(&last_lines(review, LINES));
    text.push_str(&verified(review));
    let of = |is_it: fn(LookKind) -> bool| -> Vec<String> {
        let items = review.look.iter().filter(|look| is_it(look.kind));
        items.map(|look| look.says.markdown()).collect()
    };
    part(&mut text, "Check before merging", &of(|kind| kind != LookKind::Failed), "; ");
    part(&mut text, "Failed before", &of(|kind| kind == LookKind::Failed), "; ");
    part(
        &mut text,
        "Not touched",
        &review.untouched.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ", ",
    );
    let refused = |probably| -> Vec<String> {
        let all = review.refused.iter().filter(|refused| refused.probably == probably);
        all.map(|refused| format!("{} in {}", inline(&refused.what), inline(&refused.step))).collect()
    };
    part(&mut text, "Refused by policy", &refused(false), "; ");
    part(&mut text, "Refused by policy, probably", &refused(true), "; ");
    let _ = writeln!(text, "\n**Answers for it:** {}", who(review));
    text
}

fn part(text: &mut String, name: &str, items: &[String], between: &str) {
    if !items.is_empty() {
        let _ = writeln!(text, "\n**{name}:** {}", fitted(items, between, ITEMS));
    }
}

/// Shows the end of what the failed attempt printed. Its lines are set in: none of them begins as a row of a table does.
pub(super) fn last_lines(review: &Review, most: usize) -> String {
    let Some(last) = &review.last else { return String::new() };
    let from = last.lines.len().saturating_sub(most);
    let lines: Vec<String> =
        last.lines[from..].iter().map(|line| format!(" {}", clip(line, WIDTH))).collect();
    if lines.is_empty() {
        return String::new();
    }
    let (count, total) = (lines.len(), last.total);
    let head = format!("Last {count} of {total} lines of `{}`, attempt {}:", last.step, last.attempt);
    format!("{head}\n\n{}\n", block("text", &lines))
}

/// Says on what, and of each step what was verified.
fn verified(review: &Review) -> String {
    let name = if review.result == Some(RunResult::Done) { "Verified" } else { "Steps" };
    let on = at(&review.base.name, &review.base.commit);
    let then = review.rebased.as_ref().map_or_else(
        || today(review),
        |rebased| {
            let (onto, commit) = (digits(&rebased.onto), digits(&rebased.commit));
            format!(", and again on {onto}, where the base was when it was pushed as {commit}")
        },
    );
    let mut text = format!("**{name}** on {on}{then}:\n\n");
    for step in review.steps.iter().take(STEPS) {
        let _ = writeln!(text, "- {}", of_step(step));
    }
    if let Some(more) = review.steps.len().checked_sub(STEPS).filter(|more| *more > 0) {
        let passed = review.passed();
        let _ = writeln!(text, "- and {}; {passed} of all passed", plural(more as u64, "more step"));
    }
    text
}

fn at(name: &str, commit: &str) -> String {
    if name == commit {
        return digits(commit);
    }
    format!("{} at {}", inline(&clip(name, WIDTH)), digits(commit))
}

/// Shows as many digits of a commit, or of a SHA-256, as people read.
fn digits(hash: &str) -> String {
    inline(&hash.chars().take(7).collect::<String>())
}

/// Says what the base is by now, and what a merge comes to.
fn today(review: &Review) -> String {
    let Some(Today { commit, merges }) = &review.base.today else { return String::new() };
    let now = || at(&review.base.name, commit);
    match merges {
        Merges::Clean if review.base.has_moved() => {
            format!(" (moved since; merges with {})", now())
        }
        Merges::Clean => " (its tip now; merges)".to_owned(),
        Merges::Conflicts(paths) => {
            let paths: Vec<String> = paths.iter().map(|path| inline(&clip(path, WIDTH))).collect();
            format!(" (moved since; **conflicts** with {} in {})", now(), fitted(&paths, ", ", 400))
        }
        Merges::Unknown(why) => format!(" (whether it merges is not known: {})", inline(&clip(why, WIDTH))),
    }
}

/// Says of a step what it did, and what was verified of it.
fn of_step(step: &Step) -> String {
    let mut parts = Vec::new();
    let does =
        if step.does.is_empty() { String::new() } else { format!(" {}", inline(&clip(&step.does, WIDTH))) };
    let kind = if step.action == "command" { String::new() } else { format!(" {}", inline(&step.action)) };
    parts.push(format!("{} {}:{kind}{does}", mark(step.result, step.tries), inline(&step.id)));
    let (shown, more) = (step.checks.iter().take(CHECKS), step.checks.len().saturating_sub(CHECKS));
    parts.extend(shown.map(of_check));
    if more > 0 {
        parts.push(format!("{more} more"));
    }
    if let Some(proof) = &step.proof {
        parts.push(format!(
            "**{}** {}",
            if proof.held { "proved:" } else { "proof refused:" },
            proof.says.markdown()
        ));
    }
    parts.extend(step.because.as_ref().map(|why| format!("skipped: {}", inline(&clip(why, WIDTH)))));
    parts.join(" · ")
}

fn of_check(check: &Check) -> String {
    let says = check.says.markdown();
    if check.held { says } else { format!("**not:** {says}") }
}

/// Returns the sign for how a step ended, or why it has no end.
pub(super) fn mark(result: Option<StepResult>, tries: usize) -> &'static str {
    match result {
        Some(StepResult::Passed) => "✅",
        Some(StepResult::Failed) => "❌",
        Some(StepResult::Skipped) => "⏭",
        Some(StepResult::Interrupted) => "⏹",
        None if tries == 0 => "–",
        None => "💥",
    }
}

/// Says whom, and which job, the environment named: anybody can set a variable.
fn claimed(who: &Who) -> Option<String> {
    let short = |text: &str| inline(&clip(text, 40));
    let actor = who.actor.iter().map(|actor| format!("for {}", short(actor)));
    let job = who.job.iter().map(|(name, value)| format!("{name} {}", short(value)));
    let claims: Vec<String> = actor.chain(job).collect();
    (!claims.is_empty()).then(|| format!("its environment says: {}", claims.join(", ")))
}

/// Says who set it off, by which plan, which agents worked, and what they used.
fn who(review: &Review) -> String {
    let who = &review.who;
    let short = |text: &str| inline(&clip(text, 40));
    let user = who.user.as_ref().map_or_else(|| "somebody".to_owned(), |user| short(user));
    let mut parts = vec![format!("started by {user} on {}", short(&who.host))];
    parts.extend(claimed(who));
    parts.extend(who.publisher.as_ref().map(|login| format!("publishes as {}", short(login))));
    parts.push(match &who.plan_commit {
        Some(commit) => format!("plan in commit {}", digits(commit)),
        None if who.is_of_earlier_run => "plan of the earlier run".to_owned(),
        None => format!("plan {} (SHA-256), in no commit", digits(&who.plan_sha256)),
    });
    let agents = review.spent.agents.iter().take(4).map(|agent| {
        let model = agent.model.as_ref().map(|model| format!(" {}", short(model))).unwrap_or_default();
        format!("{}{model}", short(&agent.agent))
    });
    parts.extend(agents);
    parts.extend(review.spent.tokens.map(|tokens| format!("{} tokens", units::count(tokens))));
    parts.extend(review.spent.cost.filter(|cost| *cost > 0).map(units::dollars));
    parts.join(" · ")
}
