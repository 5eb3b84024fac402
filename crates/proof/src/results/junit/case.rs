//! One `testcase`: takes its attributes and what is in it, gives its id and its outcome.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;

use super::odd;
use crate::results::{Outcome, Unreadable, path};

/// What libtest prints behind the last test of a process.
const LIBTEST_ENDED: &str = "\ntest result: ok. ";

/// More attributes than any element has. Each is compared with all before it.
const ATTRIBUTES: usize = 64;

/// The attributes that matter.
#[derive(Default)]
pub(super) struct Attributes {
    pub(in crate::results) name: String,
    class: String,
    file: String,
    message: String,
    status: String,
}

impl Attributes {
    pub(in crate::results) fn of(start: &BytesStart<'_>) -> Result<Self, Unreadable> {
        let mut attributes = Self::default();
        for (count, attribute) in start.attributes().enumerate() {
            if count >= ATTRIBUTES {
                return Err(odd("an element has too many attributes"));
            }
            let attribute = attribute.map_err(|error| odd(&error.to_string()))?;
            let kept = match attribute.key.as_ref() {
                "name" => &mut attributes.name,
                "classname" => &mut attributes.class,
                "file" => &mut attributes.file,
                "message" => &mut attributes.message,
                "status" => &mut attributes.status,
                _ => continue,
            };
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| odd(&error.to_string()))?;
            *kept = value.into_owned();
        }
        Ok(attributes)
    }
}

/// A test, as it is reported.
pub(super) struct Case {
    named: Attributes,
    is_failed: bool,
    is_skipped: bool,
    /// pytest could not even load the file.
    is_uncollected: bool,
    printed: String,
}

impl Case {
    pub(in crate::results) fn of(named: Attributes) -> Self {
        let is_skipped = matches!(named.status.as_str(), "notrun" | "skipped" | "disabled" | "ignored");
        Self { named, is_failed: false, is_skipped, is_uncollected: false, printed: String::new() }
    }

    /// Notes an element that is in it.
    pub(in crate::results) fn child(
        &mut self,
        element: &str,
        attributes: impl FnOnce() -> Result<Attributes, Unreadable>,
    ) -> Result<(), Unreadable> {
        match element {
            "skipped" => self.is_skipped = true,
            "error" => {
                self.is_failed = true;
                self.is_uncollected |=
                    self.named.class.is_empty() && attributes()?.message == "collection failure";
            }
            // A test that passes when it is tried again does not pass.
            "failure" | "flakyFailure" | "flakyError" | "rerunFailure" | "rerunError" => {
                self.is_failed = true;
            }
            "testcase" | "testsuite" | "testsuites" => return Err(odd("there is a test in a test")),
            _ => {}
        }
        Ok(())
    }

    /// Notes what it printed.
    pub(in crate::results) fn printed(&mut self, text: &str) {
        self.printed.push_str(text);
    }

    /// It stands for a file, or a class, that could not be loaded.
    pub(in crate::results) fn is_broken(&self) -> bool {
        let Attributes { name, class, .. } = &self.named;
        // Surefire has a class that cannot be set up as a test without a name, or with the name of the class.
        let is_class =
            name.is_empty() || (name == class && class != "test" && !name.contains(char::is_whitespace));
        !self.is_skipped && (self.is_uncollected || (self.is_failed && is_class))
    }

    /// What could not be loaded.
    pub(in crate::results) fn what(&self, root: &str) -> String {
        let file = path::below(root, &self.named.file);
        let named = [file.as_ref(), &self.named.name, &self.named.class];
        named.into_iter().find(|name| !name.is_empty()).unwrap_or("a test without a name").to_owned()
    }

    /// How it came out. What is skipped and failed was expected to fail: a `todo` of `node --test`.
    ///
    /// nextest gives each test a process and believes its exit code; libtest has to have said that it came to its end.
    pub(in crate::results) fn outcome(&self, is_nextest: bool) -> Outcome {
        match (self.is_skipped, self.is_failed) {
            (true, _) => Outcome::Skipped,
            (false, true) => Outcome::Failed,
            (false, false) if is_nextest && !self.printed.contains(LIBTEST_ENDED) => Outcome::Failed,
            (false, false) => Outcome::Passed,
        }
    }

    /// Its id: pytest's own, where the report has what it is made of; else class and name; else suites and name.
    pub(in crate::results) fn id(&self, suites: &[&str], root: &str) -> String {
        let Attributes { name, class, file, .. } = &self.named;
        let file = path::below(root, file);
        let name = path::below(root, name);
        let suites = if suites.is_empty() { String::new() } else { format!("{} > ", suites.join(" > ")) };
        match (file.as_ref(), class.as_str()) {
            // `node --test` has one class for all.
            ("", "" | "test") => format!("{suites}{name}"),
            ("", class) => format!("{class}::{name}"),
            (file, "" | "test") => format!("{file}::{suites}{name}"),
            (file, class) => format!("{file}{}::{name}", below_module(file, class)),
        }
    }
}

/// The classes that a test of pytest is in, which are written behind its module: `::TestA::TestB`.
fn below_module<'a>(file: &str, class: &'a str) -> Cow<'a, str> {
    let module = file.strip_suffix(".py").unwrap_or(file).replace('/', ".");
    match class.strip_prefix(module.as_str()) {
        Some("") => Cow::Borrowed(""),
        Some(classes) if classes.starts_with('.') => Cow::Owned(classes.replace('.', "::")),
        _ => Cow::Owned(format!("::{class}")),
    }
}
