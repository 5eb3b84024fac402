//! Files that are no plans at all, by accident or on purpose: a fault each, never a crash, never a wait.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use autopilot::plan::{self, Faults};
use proptest::prelude::*;

use super::{ISSUE, fixtures};

fn refuse(path: &Path) -> String {
    plan::load(path, Some(ISSUE)).map(|_| ()).expect_err("is valid").to_string()
}

fn refuse_bytes(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Autopilot.yaml");
    fs::write(&path, bytes).unwrap();
    let text = refuse(&path);
    text.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::os::unix::fs::symlink("/dev/zero", at("zero")).unwrap();
    std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    assert!(refuse(folder.path()).contains("is a folder"));
    assert!(refuse(&at("fifo")).contains("is not a regular file"));
    assert!(refuse(&at("zero")).contains("is not a regular file"));
    assert!(refuse(&at("socket")).contains("cannot be opened"));
    assert!(refuse(&at("nothing")).contains("there is no such file"));
}

#[test]
fn a_file_over_a_mebibyte_is_refused() {
    let mut bytes = b"version: 1\n".to_vec();
    bytes.resize((1 << 20) + 1, b'#');
    assert!(refuse_bytes(&bytes).contains("larger than 1MiB"));
    bytes.pop();
    assert!(!refuse_bytes(&bytes).contains("larger than 1MiB"));
}

#[test]
fn bad_characters_have_their_place() {
    for (bytes, expected) in [
        (&b"version: 1\ntitle: f\xfcr\n"[..], "Autopilot.yaml:2:9: the text is not UTF-8"),
        (b"\xef\xbb\xbfa: \xff", "Autopilot.yaml:1:4: the text is not UTF-8"),
        (b"\xff\xfev\0", "looks like UTF-16"),
        (b"version: 1\nissue: \x00", "Autopilot.yaml:2:8: the text holds a NUL character"),
        (b"title: \x1b[31mred", "Autopilot.yaml:1:8: the text holds the control character U+001B"),
        ("title: a\u{202e}b".as_bytes(), "Autopilot.yaml:1:9: the text holds U+202E"),
    ] {
        let text = refuse_bytes(bytes);
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains(['\x1b', '\u{202e}', '\0']), "{text:?}");
    }
}

#[test]
fn files_beside_the_plan_are_there_and_stay_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let plan = at("Autopilot.yaml");
    std::os::unix::fs::symlink("/etc/passwd", at("link")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("there.patch"), "").unwrap();
    for (name, expected) in [
        ("there.patch", None),
        ("gone.patch", Some("is not there")),
        ("link", Some("leads out")),
        ("folder", Some("is not a file")),
    ] {
        for action in [format!("apply: {name}"), format!("codex: {{prompt_file: {name}}}")] {
            let text = format!("version: 1\nissue: 653\ntitle: t\nsteps:\n  - {{id: a, {action}}}\n");
            fs::write(&plan, text).unwrap();
            match (plan::load(&plan, None), expected) {
                (Ok(_), None) => {}
                (Err(faults), Some(expected)) => {
                    assert!(faults.to_string().contains(expected), "{faults}");
                    assert!(faults.iter().all(|fault| fault.line == 5 && fault.text == name), "{faults}");
                }
                (result, _) => panic!("{name}: {result:?}"),
            }
        }
    }
}

/// What costs a careless parser most: memory, stack, or time that grows with the square.
#[test]
fn large_nonsense_is_a_fault() {
    let head = "version: 1\nissue: 653\ntitle: t\n";
    let many = |text: &str| text.repeat((1 << 18) / text.len());
    let numbered = |pattern: fn(usize) -> String| (0..5_000).map(pattern).collect::<String>();
    let mut bomb = format!("a: &a {}\nb: [", "x".repeat(400_000));
    let _ = writeln!(bomb, "{}]", "*a, ".repeat(100_000));
    let files = [
        many("["),
        many("{a: "),
        many("- "),
        many("? "),
        many(": "),
        many("-\n"),
        many("&a "),
        many("!a "),
        many("\""),
        many("\n"),
        many("#\n"),
        many("|\n"),
        bomb,
        format!("{head}steps:\n{}", numbered(|n| format!("- {{id: s{n}, command: b, needs: [x{n}]}}\n"))),
        format!("{head}{}", numbered(|n| format!("key{n}: 1\n"))),
        format!("{{{}}}", numbered(|n| format!("key{n}: 1, "))),
        format!("{head}steps: [{{id: a, command: b, needs: [{}]}}]", numbered(|n| format!("s{n},"))),
        format!("{head}steps:\n{}", numbered(|_| "- {}\n".to_owned())),
    ];
    for (index, text) in files.iter().enumerate() {
        let faults = super::parse(text).map(|_| ()).expect_err("is valid");
        assert!(faults.to_string().len() < 50_000, "file {index}: {} bytes", faults.to_string().len());
    }
}

/// Every fault lies inside the file, and the rendering shows its line.
fn inspect(bytes: &[u8]) {
    let Err(faults) = plan::parse(bytes, Path::new("p"), Path::new("."), Some(ISSUE)) else { return };
    assert!(faults.count() > 0);
    inside(bytes, &faults);
    assert!(!faults.to_string().contains("this is a fault of autopilot"), "{faults}");
}

fn inside(bytes: &[u8], faults: &Faults) {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = text.split('\n').collect();
    for fault in faults {
        assert!((1..=lines.len()).contains(&fault.line), "{fault}");
        assert!((1..=lines[fault.line - 1].chars().count() + 1).contains(&fault.column), "{fault}");
    }
}

fn samples() -> Vec<Vec<u8>> {
    fixtures("valid").into_iter().chain(fixtures("invalid")).map(|path| fs::read(path).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        inspect(&bytes);
    }

    #[test]
    fn random_yaml_never_panics(text in "([a-z]{1,3}|[-:?,{}\\[\\]&*!|>'\"%@`#\n\r\t ~<.0-9é]|version: 1\n|steps:\n  - ){0,80}") {
        inspect(text.as_bytes());
    }

    #[test]
    fn mutated_plans_never_panic(
        pick in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4u8, any::<u8>(), 0..30usize), 1..6),
    ) {
        let samples = samples();
        let mut bytes = pick.get(&samples).clone();
        for (place, kind, byte, length) in edits {
            let at = place.index(bytes.len() + 1);
            let end = (at + length).min(bytes.len());
            match kind {
                0 => bytes.insert(at, byte),
                1 => drop(bytes.drain(at..end)),
                2 => { let copy = bytes[at..end].to_vec(); bytes.splice(at..at, copy); }
                _ => bytes.insert(at, b"{}[]:,-&*!|>'\"#\n\t ~%@"[usize::from(byte) % 21]),
            }
        }
        inspect(&bytes);
    }
}
