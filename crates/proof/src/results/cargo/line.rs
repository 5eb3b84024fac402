//! A line of what cargo and libtest print: takes it, tells what it is.

/// A binary with tests.
pub(super) struct Target {
    /// The file that it is made of; of doc tests, the library's name.
    pub(in crate::results) path: String,
    /// What stands before the names of its tests.
    prefix: String,
    pub(in crate::results) is_doc: bool,
}

/// What a test is called.
pub(super) enum Name {
    /// This.
    Test(String),
    /// It is in the docs of an item, at a line that moves with whatever is written above.
    Doc { item: String, line: u32 },
}

/// What a line says.
pub(super) enum Line<'a> {
    /// A binary begins.
    Target(Target),
    /// A binary failed.
    TargetFailed,
    /// So many tests begin.
    Group(usize),
    /// A test, and how it came out, or what it printed before that was known.
    Test(&'a str, &'a str),
    /// What failed tests printed begins.
    Captured,
    /// The tests' summary.
    Summary(&'a str),
    /// Anything else.
    Other(&'a str),
}

/// Tells what a line is.
pub(super) fn of(line: &str) -> Line<'_> {
    if let Some(target) = line.strip_prefix("     Running ").and_then(Target::of) {
        Line::Target(target)
    } else if let Some(library) = line.strip_prefix("   Doc-tests ") {
        Line::Target(Target { path: format!("doc tests of {library}"), prefix: String::new(), is_doc: true })
    } else if line.starts_with("error: test failed, to rerun pass") {
        Line::TargetFailed
    } else if let Some(tests) = line.strip_prefix("running ").and_then(tests) {
        Line::Group(tests)
    } else if let Some((name, rest)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) {
        Line::Test(name, rest)
    } else if let Some(summary) = line.strip_prefix("test result: ") {
        Line::Summary(summary)
    } else if matches!(line, "failures:" | "successes:") {
        Line::Captured
    } else {
        Line::Other(line)
    }
}

fn tests(rest: &str) -> Option<usize> {
    rest.strip_suffix(" tests").or_else(|| rest.strip_suffix(" test"))?.parse().ok()
}

impl Target {
    /// `unittests src/lib.rs (target/debug/deps/dur-8e20c855fbcfbf2e)`
    fn of(rest: &str) -> Option<Self> {
        let (source, binary) = rest.strip_suffix(')')?.rsplit_once(" (")?;
        let (path, is_unit) = source.strip_prefix("unittests ").map_or((source, false), |path| (path, true));
        let name = binary.rsplit('/').next().unwrap_or(binary);
        let name = name.rsplit_once('-').map_or(name, |(name, _)| name);
        let stem = path.rsplit('/').next().and_then(|file| file.strip_suffix(".rs"));
        let prefix =
            if !is_unit && stem == Some(name) { format!("{path}::") } else { format!("{name} {path}::") };
        Some(Self { path: path.to_owned(), prefix, is_doc: false })
    }

    /// What one of its tests is called.
    pub(in crate::results) fn name(target: Option<&Self>, name: &str) -> Name {
        let name = without_marks(name);
        match target {
            Some(target) if !target.is_doc => Name::Test(format!("{}{name}", target.prefix)),
            _ => doc(name).unwrap_or_else(|| Name::Test(name.to_owned())),
        }
    }
}

/// A test's name without how it is run.
fn without_marks(name: &str) -> &str {
    let marks = [" - should panic", " - compile fail", " - compile"];
    marks.into_iter().find_map(|mark| name.strip_suffix(mark)).unwrap_or(name)
}

/// A doc test's name and its line: `src/lib.rs - add (line 10)`.
fn doc(name: &str) -> Option<Name> {
    let (name, line) = name.strip_suffix(')')?.rsplit_once("(line ")?;
    let item = name.trim_end().trim_end_matches(" -").to_owned();
    Some(Name::Doc { item, line: line.parse().ok()? })
}
