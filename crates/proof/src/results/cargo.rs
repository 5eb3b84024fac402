//! `cargo test`: takes what it and libtest print, gives the results.
//!
//! The form is stable, but anything that runs can print such lines, too: how many tests a group says to have, and how
//! many of them passed, has to be what was counted. A group that does not end, or does not add up, is broken.

mod group;
mod line;

use super::{MOST, Outcome, Results, Unreadable};
use group::{Counted, Group};
use line::{Line, Name, Target};

/// Reads what was printed.
pub(super) fn read(text: &str) -> Result<Results, Unreadable> {
    let mut output = Output::default();
    for line in text.lines() {
        output.line(line)?;
    }
    output.end()
}

#[derive(Default)]
struct Output {
    /// The target that runs; none, where cargo's own words are not in the output.
    target: Option<Target>,
    /// The target has said how many tests it has.
    has_group: bool,
    /// cargo says that the target failed.
    has_failed: bool,
    group: Option<Group>,
    /// The doc tests of the target: item, line, outcome.
    docs: Vec<(String, u32, Outcome)>,
    /// Something ran.
    has_run: bool,
    results: Results,
}

impl Output {
    fn line(&mut self, line: &str) -> Result<(), Unreadable> {
        match line::of(line) {
            Line::Target(target) => {
                self.close_target()?;
                self.target = Some(target);
                self.has_run = true;
            }
            Line::Group(tests) => {
                self.close_group()?;
                self.group = Some(Group::of(tests));
                self.has_group = true;
                self.has_run = true;
            }
            Line::TargetFailed => self.has_failed = true,
            line => self.in_group(line)?,
        }
        Ok(())
    }

    fn in_group(&mut self, line: Line<'_>) -> Result<(), Unreadable> {
        let Some(group) = &mut self.group else { return Ok(()) };
        match group.line(line) {
            Counted::Test(name, outcome) => self.test(&name, outcome),
            Counted::Nothing => Ok(()),
            Counted::End { adds_up } => {
                self.group = None;
                if adds_up { Ok(()) } else { self.broken() }
            }
        }
    }

    fn test(&mut self, name: &str, outcome: Outcome) -> Result<(), Unreadable> {
        match Target::name(self.target.as_ref(), name) {
            Name::Test(id) => self.results.add(&id, outcome),
            Name::Doc { item, line } => {
                self.docs.push((item, line, outcome));
                if self.docs.len() > MOST { Err(Unreadable::Many) } else { Ok(()) }
            }
        }
    }

    /// Names doc tests by their place among those of the same item, as lines move.
    fn close_docs(&mut self) -> Result<(), Unreadable> {
        let mut docs = std::mem::take(&mut self.docs);
        docs.sort();
        let (mut last, mut place) = (String::new(), 0);
        for (item, _, outcome) in docs {
            place = if item == last { place + 1 } else { 1 };
            let id = if place > 1 { format!("{item} #{place}") } else { item.clone() };
            self.results.add(&id, outcome)?;
            last = item;
        }
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), Unreadable> {
        if self.group.take().is_some() { self.broken() } else { Ok(()) }
    }

    fn broken(&mut self) -> Result<(), Unreadable> {
        let what = self.target.as_ref().map_or("a target", |target| target.path.as_str());
        self.results.add_broken(what)
    }

    fn close_target(&mut self) -> Result<(), Unreadable> {
        self.close_group()?;
        self.close_docs()?;
        let has_group = std::mem::take(&mut self.has_group);
        let has_failed = std::mem::take(&mut self.has_failed);
        match self.target.take() {
            // It has a harness of its own, or none: it is one test.
            Some(target) if !has_group && !target.is_doc => {
                self.results.add(&target.path, if has_failed { Outcome::Failed } else { Outcome::Passed })
            }
            _ => Ok(()),
        }
    }

    fn end(mut self) -> Result<Results, Unreadable> {
        self.close_target()?;
        if self.has_run { Ok(self.results) } else { Err(Unreadable::Nothing) }
    }
}
