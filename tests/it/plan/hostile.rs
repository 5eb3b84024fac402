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

fn faults_of(text: &str) -> Vec<plan::Fault> {
    super::parse(text).map(|_| ()).expect_err("is valid").into()
}

#[test]
fn patterns_that_are_too_large_have_their_place() {
    let plan = |pattern: &str| {
        format!(
            "version: 1\nissue: 653\ntitle: t\nsteps:\n- id: a\n  command: b\n  expectation:\n    changes:\n      \
             keep: ['a', '{pattern}']\n"
        )
    };
    for (pattern, expected) in [
        ("{".repeat(250) + &"}".repeat(250), "braces nested deeper than 16 levels"),
        ("?".repeat(131_070), "is a pattern of 131070 bytes; it may have 4096"),
        ("{".repeat(52_183), "is a pattern of 52183 bytes; it may have 4096"),
    ] {
        let faults = faults_of(&plan(&pattern));
        assert_eq!((faults.len(), faults[0].line, faults[0].column), (1, 9, 19), "{faults:?}");
        assert!(faults[0].message.contains(expected), "{}", faults[0].message);
    }
    super::parse(&plan("{src,tests}/{a,{b,c}}/**")).unwrap();
}

/// Each is within its bound; thousands would take all memory and time.
#[test]
fn patterns_that_are_too_large_together_are_one_fault() {
    let plan = |pattern: &str, count: usize| {
        let entries = format!("    - '{pattern}'\n").repeat(count);
        format!(
            "version: 1\nissue: 653\ntitle: t\nsteps:\n- id: a\n  command: b\n  expectation:\n    \
             output_matches:\n{entries}"
        )
    };
    let faults = faults_of(&plan(r"\w{40}", 3000));
    assert_eq!((faults.len(), faults[0].column), (1, 7), "{faults:?}");
    assert!(faults[0].message.contains("too large together") && faults[0].line < 200, "{faults:?}");
    super::parse(&plan("x+", 300)).unwrap();
    super::parse(&plan(r"\w+", 30)).unwrap();
}

#[test]
fn anchors_and_aliases_copy_no_more_than_their_bound() {
    let nested = format!("{}{}{}", "&a [".repeat(20), "x,".repeat(400_000), "]".repeat(20));
    let many = format!("a: &a 1\nb: [{}]\n", "*a, ".repeat(20_000));
    let small = format!("a: &a [{}]\nb: [{}]\n", "1, ".repeat(300), "*a, ".repeat(9000));
    for (text, line, expected) in
        [(nested, 1, "anchors make"), (many, 2, "aliases make"), (small, 2, "aliases make")]
    {
        let faults = faults_of(&text);
        assert_eq!((faults.len(), faults[0].line), (1, line), "{faults:?}");
        assert!(faults[0].message.contains(expected), "{faults:?}");
    }
}

/// At each bound itself a plan is still read, and one beyond it is not.
#[test]
fn what_copies_as_much_as_it_may_is_read() {
    let aliases = |count: usize| format!("a: &a 1\nb: [{}]\n", "*a, ".repeat(count));
    // A node takes 64 bytes beside its text; an anchor keeps what it names once more.
    let copied = |text: usize, count: usize| {
        format!("a: &a {}\nb: [{}]\n", "x".repeat(text - 64), "*a, ".repeat(count))
    };
    let anchors = |text: usize| format!("{}{}{}", "&a [".repeat(16), "x".repeat(text - 64), "]".repeat(16));
    let alias_in = |depth: usize| {
        let (open, close) = ("[".repeat(20), "]".repeat(20));
        format!("a: &a {open}x{close}\nb: {}*a{}\n", "[".repeat(depth), "]".repeat(depth))
    };
    let nested = |depth: usize| format!("{}x{}", "[".repeat(depth), "]".repeat(depth));
    for (what, at, beyond, said) in [
        ("aliases", aliases(10_000), aliases(10_001), "aliases make"),
        ("bytes of aliases", copied(4096, 1023), copied(4096, 1024), "aliases make"),
        ("bytes of anchors", anchors(261_600), anchors(261_601), "anchors make"),
        ("an alias in depth", alias_in(2), alias_in(3), "aliases make"),
        ("depth", nested(24), nested(25), "nested deeper than 24"),
    ] {
        let says = |text: &str| faults_of(text).iter().any(|fault| fault.message.contains(said));
        assert!(!says(&at), "{what}: {:?}", faults_of(&at));
        assert!(says(&beyond), "{what}: {:?}", faults_of(&beyond));
    }
}

/// Every fault lies inside the file, and the rendering shows its line.
fn inspect(bytes: &[u8]) {
    let Err(faults) = plan::parse(bytes, Path::new("p"), Path::new("."), Some(ISSUE)) else { return };
    assert!(faults.count() > 0);
    inside(bytes, &faults);
    assert!(!faults.to_string().contains("this is a bug in autopilot"), "{faults}");
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

#[test]
fn a_plan_of_a_repository_is_no_link_out_of_it() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let (top, plans) = (folder.path(), folder.path().join(".ai/plans"));
    let plan = "version: 1\nissue: 653\ntitle: t\nsteps:\n- {id: a, command: b}\n";
    fs::create_dir_all(outside.path().join("plans/653")).unwrap();
    fs::write(outside.path().join("plans/653/Autopilot.yaml"), "top-secret: hunter2\n").unwrap();
    fs::create_dir_all(plans.join("1")).unwrap();
    symlink(outside.path().join("plans/653/Autopilot.yaml"), plans.join("1/Autopilot.yaml")).unwrap();
    symlink(outside.path().join("plans/653"), plans.join("2")).unwrap();
    for path in [plans.join("1/Autopilot.yaml"), plans.join("2/Autopilot.yaml")] {
        let said = refuse(&path);
        assert!(said.contains("leads out of the repository") && !said.contains("hunter2"), "{said}");
    }
    fs::rename(top.join(".ai"), top.join("kept")).unwrap();
    symlink(outside.path(), top.join(".ai")).unwrap();
    assert!(refuse(&plans.join("653/Autopilot.yaml")).contains("leads out of the repository"));
    // Within the repository a link is as good as a file.
    fs::remove_file(top.join(".ai")).unwrap();
    symlink("kept", top.join(".ai")).unwrap();
    fs::write(top.join("plan.yaml"), plan).unwrap();
    fs::create_dir(plans.join("653")).unwrap();
    symlink("../../../plan.yaml", plans.join("653/Autopilot.yaml")).unwrap();
    plan::load(&plans.join("653/Autopilot.yaml"), Some(ISSUE)).unwrap();
}

#[test]
fn invisible_and_look_alike_characters_are_named() {
    let plan = |step: &str| format!("version: 1\nissue: 653\ntitle: t\nsteps:\n{step}\n");
    for (step, expected) in [
        ("\u{a0} - {id: a, command: b}", "U+00A0, a no-break space"),
        ("  - {id: a, \u{441}ommand: b}", "U+0441, which looks like `c` and is not: did you mean `command`?"),
        ("  - {id: a, com\u{200b}mand: b}", "U+200B, which is invisible: did you mean `command`?"),
    ] {
        let said: String = faults_of(&plan(step)).iter().map(|fault| fault.hint.clone() + "\n").collect();
        assert!(said.contains(expected), "{said}");
    }
}
