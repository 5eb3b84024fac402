//! Bounds that are lowered to a ceiling's: a plan that asks for more runs with less, and that is said.

use std::fmt;
use std::time::Duration;

use crate::plan::{Action, Asked, Ceiling, Plan, Resources, TokenLimit, units};

/// A bound that was lowered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lowered {
    /// Of which step; nothing: of the run.
    pub step: Option<String>,
    /// The key.
    pub what: &'static str,
    /// What the plan says.
    pub from: String,
    /// What holds.
    pub to: String,
    /// Where the plan says it, `FILE:LINE`.
    pub asked: String,
    /// Where the ceiling says it, `FILE:LINE`.
    pub rule: String,
}

/// Says what was lowered, once for steps of which the same was.
pub fn in_words(lowered: &[Lowered]) -> Vec<String> {
    let mut alike: Vec<(&Lowered, Vec<&str>)> = Vec::new();
    for each in lowered {
        let is_like = |other: &Lowered| {
            (other.what, &other.from, &other.to, &other.rule) == (each.what, &each.from, &each.to, &each.rule)
                && other.step.is_some() == each.step.is_some()
        };
        match alike.iter_mut().find(|(other, _)| is_like(other)) {
            Some((_, steps)) => steps.extend(each.step.as_deref()),
            None => alike.push((each, each.step.iter().map(String::as_str).collect())),
        }
    }
    let said = |(one, steps): (&Lowered, Vec<&str>)| {
        let whose = match steps.as_slice() {
            [] => String::new(),
            [step] => format!(" of step `{step}`"),
            steps => format!(" of steps `{}`", steps.join("`, `")),
        };
        format!("`{}`{whose} is {} and not {}", one.what, one.to, one.from)
    };
    alike.into_iter().map(said).collect()
}

impl fmt::Display for Lowered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, what, from, to, asked, rule } = self;
        let whose = step.as_ref().map(|step| format!(" of step `{step}`")).unwrap_or_default();
        write!(f, "`{what}`{whose} is lowered from {from} ({asked}) to {to} ({rule})")
    }
}

/// Lowers the bounds of a plan.
pub(super) fn lower(ceiling: &Ceiling, plan: &mut Plan, asked: &Asked) -> Vec<Lowered> {
    let mut all = Vec::new();
    let mut add = |step: Option<&str>, rule: &str, what: &'static str, from: String, to: String| {
        all.push(Lowered {
            step: step.map(str::to_owned),
            what,
            from,
            to,
            asked: asked.place(step, what, ""),
            rule: format!("{}:{}", ceiling.path.display(), ceiling.line(rule)),
        });
    };
    let rules = &ceiling.rules;
    if let Some(most) = rules.tokens
        && let Some(from) = lower_tokens(&mut plan.limits.tokens, most, true)
    {
        add(None, "tokens", "limits.tokens", from, most.to_string());
    }
    if let Some(most) = rules.budget.as_deref().and_then(units::micros)
        && let Some(from) = lower_budget(&mut plan.limits.budget, most, true)
    {
        add(None, "budget", "limits.budget", from, units::money(most));
    }
    // A comment that the plan leaves open is none.
    if rules.comment == Some(false) && plan.publish.comment.is_none() {
        plan.publish.comment = Some(false);
        add(
            None,
            "publish.comment",
            "publish.comment",
            "made where `gh` is".to_owned(),
            "`false`".to_owned(),
        );
    }
    for step in &mut plan.steps {
        if let (Some(most), Action::Agent(asked)) = (rules.tokens, &mut step.action)
            && let Some(from) = lower_tokens(&mut asked.tokens, most, false)
        {
            add(Some(&step.id), "tokens", "tokens", from, most.to_string());
        }
        if let (Some(most), Action::Agent(asked)) =
            (rules.budget.as_deref().and_then(units::micros), &mut step.action)
            && let Some(from) = lower_budget(&mut asked.budget, most, false)
        {
            add(Some(&step.id), "budget", "budget", from, units::money(most));
        }
        if let Some(most) = rules.timeout.filter(|most| *most < step.timeout) {
            let from = std::mem::replace(&mut step.timeout, most);
            add(Some(&step.id), "timeout", "timeout", units::duration(from), units::duration(most));
        }
        for (name, most) in &rules.resources {
            let Some((what, from, to)) = lower_resource(&mut step.resources, name, *most) else { continue };
            add(Some(&step.id), what, what, from, to);
        }
    }
    all
}

/// Lowers a bound of money; returns what it was. A step that says nothing is bounded by the run.
fn lower_budget(budget: &mut Option<u64>, most: u64, is_run: bool) -> Option<String> {
    let from = match *budget {
        Some(own) if own <= most => return None,
        Some(own) => units::money(own),
        None if !is_run => return None,
        None => "unlimited".to_owned(),
    };
    *budget = Some(most);
    Some(from)
}

/// Lowers a bound of tokens; returns what it was. A step that says nothing is bounded by the run.
fn lower_tokens(tokens: &mut TokenLimit, most: u64, is_run: bool) -> Option<String> {
    let from = match *tokens {
        TokenLimit::AtMost(own) if own <= most => return None,
        TokenLimit::AtMost(own) => own.to_string(),
        TokenLimit::Unset if !is_run => return None,
        TokenLimit::Unset | TokenLimit::Unlimited => "unlimited".to_owned(),
    };
    *tokens = TokenLimit::AtMost(most);
    Some(from)
}

fn lower_resource(own: &mut Resources, name: &str, most: u64) -> Option<(&'static str, String, String)> {
    let count = |number: u64| number.to_string();
    let (key, bound, show): (&'static str, &mut u64, fn(u64) -> String) = match name {
        "memory" => ("resources.memory", &mut own.memory, units::size),
        "processes" => ("resources.processes", &mut own.processes, count),
        "file_size" => ("resources.file_size", &mut own.file_size, units::size),
        "open_files" => ("resources.open_files", &mut own.open_files, count),
        "output" => ("resources.output", &mut own.output, units::size),
        "cpu" => return lower_cpu(&mut own.cpu, Duration::from_millis(most)),
        _ => return None,
    };
    let from = std::mem::replace(bound, most.min(*bound));
    (most < from).then(|| (key, show(from), show(most)))
}

fn lower_cpu(own: &mut Option<Duration>, most: Duration) -> Option<(&'static str, String, String)> {
    if own.is_some_and(|own| own <= most) {
        return None;
    }
    let from = own.replace(most).map_or("unlimited".to_owned(), units::duration);
    Some(("resources.cpu", from, units::duration(most)))
}
