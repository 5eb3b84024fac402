//! What became of the issues of one call, in a line each and one for all: also of those that were never begun.

use super::exit::Exit;

/// Says how many issues came to what, and names all that are not done; nothing of a single one.
pub(super) fn lines(issues: &[u64], each: &[(u64, Exit)]) -> Vec<String> {
    if issues.len() < 2 {
        return Vec::new();
    }
    let exit = |issue: &u64| each.iter().find(|(own, _)| own == issue).map(|(_, exit)| *exit);
    let of = |is_it: &dyn Fn(Option<Exit>) -> bool| -> Vec<u64> {
        issues.iter().copied().filter(|issue| is_it(exit(issue))).collect()
    };
    let done = of(&|exit| exit == Some(Exit::Done));
    let stopped = of(&|exit| matches!(exit, Some(Exit::Signal(_))));
    let never = of(&|exit| exit.is_none());
    let failed = of(&|exit| exit.is_some_and(|exit| exit != Exit::Done && !matches!(exit, Exit::Signal(_))));
    let (all, done) = (issues.len(), done.len());
    let mut lines = vec![format!("{done} of {all} issues done")];
    let named = [("failed", failed), ("interrupted", stopped), ("never begun", never)];
    for (how, which) in named.into_iter().filter(|(_, which)| !which.is_empty()) {
        let which: Vec<String> = which.iter().map(ToString::to_string).collect();
        lines.push(format!("  {how:<12} {}", which.join(" ")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_issues_are_told_of_also_those_that_were_never_begun() {
        let each = [(8, Exit::Failed), (7, Exit::Done), (9, Exit::Signal(15)), (11, Exit::Refused)];
        assert_eq!(
            lines(&[7, 8, 9, 10, 11], &each),
            ["1 of 5 issues done", "  failed       8 11", "  interrupted  9", "  never begun  10"]
        );
        assert!(lines(&[7], &each).is_empty());
    }
}
