//! Evidence that was altered anywhere never passes an audit that knows the head, and never ends it.
#![no_main]

use std::fs;
use std::path::Path;

use arbitrary::Arbitrary;
use autopilot::audit::{Audit, Heads, Scope};
use autopilot::evidence::{Files, mask::Secrets};
use libfuzzer_sys::fuzz_target;

/// What is done to one of the files.
#[derive(Debug, Arbitrary)]
struct Edit {
    file: u8,
    at: u32,
    cut: u16,
    put: Vec<u8>,
}

const GOOD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/journals/v1/success/logs");

fn copy(from: &Path, to: &Path, files: &mut Vec<std::path::PathBuf>) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the fixture") {
        let entry = entry.expect("an entry").path();
        let to = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy(&entry, &to, files);
        } else {
            fs::copy(&entry, &to).expect("a copy");
            files.push(to);
        }
    }
    files.sort();
}

fuzz_target!(|edits: Vec<Edit>| {
    let top = tempfile::tempdir().expect("a folder");
    let mut files = Vec::new();
    copy(Path::new(GOOD), &top.path().join(".ai/logs"), &mut files);
    let runs = Files::runs(top.path()).expect("the runs");
    let journal = Files::of(top.path(), runs[0]).journal();
    let head = autopilot::evidence::read(&journal).expect("a journal").expect("a run").head.expect("a head");
    let heads = Heads::parse(&format!("{} {head}\n", runs[0])).expect("a head");
    let before: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("a file")).collect();
    for edit in edits {
        let file = &files[usize::from(edit.file) % files.len()];
        let mut bytes = fs::read(file).expect("a file");
        let at = edit.at as usize % (bytes.len() + 1);
        let end = (at + usize::from(edit.cut)).min(bytes.len());
        bytes.splice(at..end, edit.put);
        fs::write(file, bytes).expect("written");
    }
    let is_same = files.iter().zip(&before).all(|(file, before)| fs::read(file).expect("a file") == *before);
    let secrets = Secrets::default();
    let audit = Audit { top: top.path(), host: None, secrets: &secrets, heads: Some(&heads) };
    let passes = audit.run(&Scope::Runs(runs)).expect("an audit").passes();
    assert_eq!(passes, is_same);
});
