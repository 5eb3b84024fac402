//! Takes a pull request, gives what is asked of it and is newer than a moment: threads and reviews of people who can write to the
//! repository, checks that failed, a conflict. All of it is text of others: without controls, in bounds, and only ever data.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::found::Seen;
use super::stand::Stand;
use crate::evidence::Text;
use crate::evidence::event::{AskedFor, AskedKind};
use crate::evidence::mask::Secrets;
use crate::github::{Check, PullRequest, Said, Thread};
use crate::report::is_hidden;
use crate::time::moment;

/// As many things are asked of one revision; the rest is new for the next.
const MOST: usize = 40;
/// Comments of a thread, the newest.
const COMMENTS: usize = 6;
/// Bytes of one of them, of all of a thread, of the lines that it is about, of a check's words: all that is asked at once has room in
/// a prompt.
const BODY: usize = 4000;
const TOGETHER: usize = 4500;
const HUNK: usize = 800;
const SAYS: usize = 4000;
/// Characters of a name.
const NAME: usize = 160;

/// One thing that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    kind: AskedKind,
    by: Option<String>,
    url: Option<String>,
    path: Option<String>,
    line: Option<u64>,
    text: String,
    at: Option<DateTime<Utc>>,
}

/// Lists what is asked, the oldest first, and what is asked at once.
pub(super) fn of(pull: &PullRequest, seen: &Seen, stand: &Stand) -> Vec<Item> {
    let threads = pull.threads.iter().filter_map(|own| thread(own, seen));
    let reviews =
        pull.reviews.iter().filter(|said| said.can_write && is_new(said.at, &said.url, seen)).map(review);
    let checks = pull.checks.iter().filter(|check| is_new(check.at, &check.url, seen)).map(check);
    let mut all: Vec<Item> = threads.chain(reviews).chain(checks).collect();
    all.sort_by_key(|item| item.at);
    all.truncate(MOST);
    // In front, where no bound cuts it off.
    all.splice(0..0, stand.conflict.as_ref().map(|(_, files)| conflict(&pull.base, files)));
    all
}

/// Names each by its number.
pub(super) fn named(items: &[Item]) -> Vec<(String, String)> {
    (1..).zip(items).map(|(number, item)| item.attached(number)).collect()
}

/// Returns the latest moment of them; that before where they have none.
pub(super) fn until(items: &[Item], seen: &Seen) -> DateTime<Utc> {
    items.iter().filter_map(|item| item.at).max().map_or(seen.until, |at| at.max(seen.until))
}

fn is_new(at: Option<DateTime<Utc>>, url: &str, seen: &Seen) -> bool {
    // What has no time cannot be told from what was answered before. Many comments may be of one second.
    let is_given = || seen.given.iter().any(|given| *given == one_line(url));
    at.is_some_and(|at| at > seen.until || (at == seen.until && !is_given()))
}

fn thread(thread: &Thread, seen: &Seen) -> Option<Item> {
    let said: Vec<&Said> = thread.comments.iter().filter(|said| said.can_write).collect();
    let last = said.iter().rev().find(|said| is_new(said.at, &said.url, seen))?;
    let mut text = String::new();
    if !thread.hunk.is_empty() {
        let _ =
            write!(text, "The lines that it is about, as they were:\n{}\n", plain_end(&thread.hunk, HUNK));
    }
    let mut shown: Vec<String> = Vec::new();
    // The newest count most.
    for said in said.iter().rev().take(COMMENTS) {
        let at = said.at.map(|at| format!(", {}", moment(at))).unwrap_or_default();
        let own = format!("\n{}{at}:\n{}\n", one_line(&said.author), plain(&said.body, BODY));
        if shown.iter().map(String::len).sum::<usize>() + own.len() > TOGETHER && !shown.is_empty() {
            break;
        }
        shown.push(own);
    }
    text.extend(shown.into_iter().rev());
    Some(Item {
        kind: AskedKind::Thread,
        by: Some(one_line(&last.author)),
        url: Some(one_line(&last.url)),
        path: Some(one_line(&thread.path)),
        line: thread.line,
        text,
        at: said.iter().filter_map(|said| said.at).max(),
    })
}

fn review(said: &Said) -> Item {
    Item {
        kind: AskedKind::Review,
        by: Some(one_line(&said.author)),
        url: Some(one_line(&said.url)),
        path: None,
        line: None,
        text: plain(&said.body, BODY),
        at: said.at,
    }
}

fn check(check: &Check) -> Item {
    let says = plain(&check.says, SAYS);
    Item {
        kind: AskedKind::Check,
        by: Some(one_line(&check.name)),
        url: Some(one_line(&check.url)).filter(|url| !url.is_empty()),
        path: None,
        line: None,
        text: format!("It came to {}.\n{says}", one_line(&check.came_to)),
        at: check.at,
    }
}

fn conflict(base: &str, files: &[String]) -> Item {
    let files: String = files.iter().map(|file| format!("{}\n", one_line(file))).collect();
    let text = format!(
        "{} was merged into the branch. What is left to decide stands in these files, between conflict markers:\n{files}\
         Decide it, and leave no marker.",
        one_line(base)
    );
    let by = Some(one_line(base));
    Item {
        kind: AskedKind::Conflict,
        by,
        url: None,
        path: None,
        line: None,
        text: plain(&text, SAYS),
        at: None,
    }
}

impl Item {
    /// Returns it with its number as an agent gets it.
    pub(super) fn attached(&self, number: usize) -> (String, String) {
        let what = match self.kind {
            AskedKind::Thread => "thread of a review",
            AskedKind::Review => "review",
            AskedKind::Check => "failed check",
            AskedKind::Conflict => "conflict with the base",
        };
        let place = self.path.as_ref().map(|path| match self.line {
            Some(line) => format!(" at {path}:{line}"),
            None => format!(" at {path}"),
        });
        let by = self.by.as_ref().map(|by| format!(", {by}")).unwrap_or_default();
        (clip(&format!("{number}, {what}{}{by}", place.unwrap_or_default()), NAME), self.text.clone())
    }

    /// Returns what the journal has of it.
    pub(super) fn recorded(&self, secrets: &Secrets) -> AskedFor {
        let text = |text: &Option<String>| text.as_ref().map(|text| Text::line(secrets, &clip(text, NAME)));
        AskedFor {
            kind: self.kind,
            by: text(&self.by),
            url: text(&self.url),
            path: text(&self.path),
            line: self.line,
        }
    }
}

/// Takes a text of others: nothing that acts on a terminal, or hides, and no more than so many bytes.
fn plain(text: &str, most: usize) -> String {
    let mut plain = String::new();
    for c in text.chars().filter(|c| !is_hidden(*c) || matches!(c, '\n' | '\t')) {
        if plain.len() + c.len_utf8() > most {
            plain.push_str("\n[cut here]");
            break;
        }
        plain.push(c);
    }
    plain.trim_end().to_owned()
}

/// The same of the end of a text.
fn plain_end(text: &str, most: usize) -> String {
    let from = (text.len().saturating_sub(most)..=text.len()).find(|at| text.is_char_boundary(*at));
    plain(text.get(from.unwrap_or(0)..).unwrap_or_default(), most)
}

fn one_line(text: &str) -> String {
    clip(&text.chars().filter(|c| !is_hidden(*c)).collect::<String>(), NAME)
}

fn clip(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::Oid;
    use crate::github::Standing;

    fn at(second: u32) -> DateTime<Utc> {
        format!("2026-01-01T00:00:{second:02}Z").parse().unwrap()
    }

    fn said(body: &str, can_write: bool, second: u32) -> Said {
        let url = format!("https://github.com/o/r/pull/9#discussion_r{second}");
        Said { author: "somebody".into(), can_write, body: body.into(), at: Some(at(second)), url }
    }

    /// A run that was given what was said until then.
    fn seen_by(second: u32) -> Seen {
        Seen { until: at(second), given: vec![said("", true, second).url] }
    }

    fn about(comments: Vec<Said>) -> Thread {
        Thread { path: "src/lib.rs".into(), line: Some(3), hunk: "@@ -1 +1 @@\n+x".into(), comments }
    }

    fn asked(threads: Vec<Thread>, reviews: Vec<Said>, checks: Vec<Check>) -> Vec<Item> {
        let (url, base) = Default::default();
        let standing = Standing::Open;
        let pull = PullRequest { url, standing, base, may_conflict: false, threads, reviews, checks };
        let tip = Oid::parse(&"0".repeat(40)).unwrap();
        of(&pull, &seen_by(10), &Stand { tip, others: None, conflict: None })
    }

    #[test]
    fn what_is_older_or_of_people_who_cannot_write_is_no_business_of_a_revision() {
        assert_eq!(asked(vec![about(vec![said("old", true, 9)])], vec![], vec![]), []);
        assert_eq!(asked(vec![about(vec![said("given", true, 10)])], vec![said("", false, 11)], vec![]), []);
        let same_second = Said { url: "another".into(), ..said("not given", true, 10) };
        assert_eq!(asked(vec![about(vec![same_second])], vec![], vec![]).len(), 1);
        assert_eq!(asked(vec![about(vec![said("outsider", false, 11)])], vec![], vec![]), []);
        let timeless = Said { at: None, ..said("x", true, 0) };
        assert_eq!(asked(vec![about(vec![timeless])], vec![], vec![]), []);
        let mixed = vec![said("first", true, 5), said("run rm -rf", false, 12), said("again", true, 11)];
        let items = asked(vec![about(mixed)], vec![], vec![]);
        let [item] = &items[..] else { panic!("{items:?}") };
        assert!(item.text.contains("first") && item.text.contains("again") && !item.text.contains("rm -rf"));
        assert_eq!(item.attached(1).0, "1, thread of a review at src/lib.rs:3, somebody");
        assert_eq!(until(&items, &seen_by(10)), at(11));
    }

    #[test]
    fn what_others_wrote_is_shown_in_bounds_and_acts_on_nothing() {
        let hostile = format!("\u{1b}[2J\u{7}a\r\nb\u{202e}c\u{200b}\u{9b}31m{}", "x".repeat(1 << 20));
        let check = Check {
            name: "ci\u{1b}]0;x\u{7}\n".into(),
            came_to: "FAILURE".into(),
            says: hostile.clone(),
            at: Some(at(20)),
            url: String::new(),
        };
        let items = asked(
            vec![about(vec![said(&hostile, true, 11); 100])],
            vec![said(&hostile, true, 12)],
            vec![check; 99],
        );
        assert_eq!(items.len(), MOST);
        for (number, item) in items.iter().enumerate() {
            let (name, text) = item.attached(number);
            assert!(name.chars().count() <= NAME && !name.contains(char::is_control), "{name:?}");
            assert!(text.len() <= TOGETHER + HUNK + 200, "{}", text.len());
            assert!(!text.chars().any(|c| is_hidden(c) && c != '\n' && c != '\t'), "{text:?}");
            assert!(text.contains("[2Ja\nbc31mx") && text.contains("[cut here]"));
        }
    }
}
