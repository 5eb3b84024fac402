//! JUnit's XML: takes a report as pytest, `node --test`, Surefire, nextest and most others write it, gives the results.
//!
//! There is no standard, only habits: where a test's name is, and what an error outside of a test means, is read as the
//! writers named above mean it.

mod case;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Format, Results, Unreadable};
use case::{Attributes, Case};

/// How deep elements may lie in one another.
const DEEPEST: usize = 64;

/// Reads a report; ids lose `root`, the folder that the tests ran in.
pub(super) fn read(text: &str, root: &str) -> Result<Results, Unreadable> {
    let mut reader = Reader::from_str(text);
    let mut report = Report { root, ..Report::default() };
    loop {
        match reader.read_event().map_err(|error| odd(&error.to_string()))? {
            Event::Start(start) => report.open(&start)?,
            Event::Empty(start) => {
                report.open(&start)?;
                report.close()?;
            }
            Event::End(_) => report.close()?,
            Event::Text(text) => report.text(&text),
            Event::CData(text) => report.text(&text),
            Event::Eof => return report.end(),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::GeneralRef(_) => {}
        }
    }
}

fn odd(why: &str) -> Unreadable {
    Unreadable::Odd { format: Format::Junit, why: why.to_owned() }
}

/// An element that is open.
enum Open {
    Suites,
    Suite(String),
    Case(Case),
    /// What a test printed.
    Output,
    Other,
}

#[derive(Default)]
struct Report<'a> {
    root: &'a str,
    open: Vec<Open>,
    /// nextest wrote it.
    is_nextest: bool,
    has_root: bool,
    results: Results,
}

impl Report<'_> {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Unreadable> {
        if self.open.len() >= DEEPEST {
            return Err(odd("its elements lie too deep in one another"));
        }
        let name = start.local_name();
        let opened = match name.as_ref() {
            "testsuites" if self.open.is_empty() => {
                self.is_nextest = Attributes::of(start)?.name == "nextest-run";
                Open::Suites
            }
            "testsuite" if self.holds_suites() => Open::Suite(Attributes::of(start)?.name),
            "testcase" if self.holds_suites() => Open::Case(Case::of(Attributes::of(start)?)),
            "system-out" => Open::Output,
            element if self.open.is_empty() => {
                return Err(odd(&format!("it begins with `{element}`")));
            }
            element => {
                self.child(element, start)?;
                Open::Other
            }
        };
        if self.open.is_empty() && std::mem::replace(&mut self.has_root, true) {
            return Err(odd("it holds two reports"));
        }
        self.open.push(opened);
        Ok(())
    }

    fn holds_suites(&self) -> bool {
        matches!(self.open.last(), None | Some(Open::Suites | Open::Suite(_)))
    }

    /// What an element says about the one that it is in.
    fn child(&mut self, element: &str, start: &BytesStart<'_>) -> Result<(), Unreadable> {
        match self.open.last_mut() {
            Some(Open::Case(case)) => case.child(element, || Attributes::of(start))?,
            Some(Open::Suite(name)) if matches!(element, "error" | "failure") => {
                self.results.add_broken(name)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let [.., Open::Case(case), Open::Output] = self.open.as_mut_slice() {
            case.printed(text);
        }
    }

    fn close(&mut self) -> Result<(), Unreadable> {
        let Some(Open::Case(case)) = self.open.pop() else { return Ok(()) };
        let suites: Vec<&str> = self
            .open
            .iter()
            .filter_map(|open| if let Open::Suite(name) = open { Some(name.as_str()) } else { None })
            .collect();
        if case.is_broken() {
            return self.results.add_broken(&case.what(self.root));
        }
        let outcome = case.outcome(self.is_nextest);
        self.results.add(&case.id(&suites, self.root), outcome)
    }

    fn end(self) -> Result<Results, Unreadable> {
        match (self.has_root, self.open.is_empty()) {
            (true, true) => Ok(self.results),
            (true, false) => Err(Unreadable::Cut("an element is not closed".to_owned())),
            (false, _) => Err(Unreadable::Nothing),
        }
    }
}
