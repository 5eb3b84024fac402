use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use proptest::prelude::*;

use super::*;

#[test]
fn the_nearest_file_decides() {
    let mut rules = Rules::default();
    rules.add(b".gitignore".to_vec(), b"target/\n*.log\n/only-here\n");
    rules.add(b"keep/.gitignore".to_vec(), b"!*.log\nlocal/x\n");
    rules.add(b"module/.gitignore".to_vec(), b"own\n");
    rules.tops.insert(b"module".to_vec());
    for (path, folder, ignored) in [
        ("target", true, true),
        ("target", false, false),
        ("sub/target", true, true),
        ("a.log", false, true),
        ("keep/a.log", false, false),
        ("keep/deep/a.log", false, false),
        ("only-here", false, true),
        ("sub/only-here", false, false),
        ("keep/local/x", false, true),
        ("keep/deep/local/x", false, false),
        ("module/a.log", false, false),
        ("module/deep/a.log", false, false),
        ("module/own", false, true),
    ] {
        assert_eq!(rules.ignore(path.as_bytes(), folder), ignored, "{path}");
    }
}

/// A checkout whose git is asked what it ignores.
struct Asked {
    top: tempfile::TempDir,
    stars: Stars,
    paths: Vec<Vec<u8>>,
}

impl Asked {
    /// Makes the folders among these paths, and those above them; what is a file need not be there.
    fn about(paths: &[(Vec<u8>, bool)]) -> Self {
        static VERSION: OnceLock<String> = OnceLock::new();
        let top = tempfile::tempdir().unwrap();
        for folder in [".git/objects", ".git/refs"] {
            fs::create_dir_all(top.path().join(folder)).unwrap();
        }
        fs::write(top.path().join(".git/HEAD"), "ref: refs/heads/none\n").unwrap();
        let mut all: BTreeMap<Vec<u8>, bool> = paths.iter().map(|(path, _)| (path.clone(), false)).collect();
        for (path, is_folder) in paths {
            let above = (0..path.len()).filter(|at| path[*at] == b'/').map(|at| path[..at].to_vec());
            all.extend(above.chain(is_folder.then(|| path.clone())).map(|folder| (folder, true)));
        }
        for (folder, _) in all.iter().filter(|(_, is_folder)| **is_folder) {
            fs::create_dir_all(top.path().join(as_path(folder))).unwrap();
        }
        let version = VERSION.get_or_init(|| {
            let told = Command::new("git").arg("version").output().unwrap();
            String::from_utf8(told.stdout).unwrap()
        });
        Self { top, stars: Stars::of(version), paths: all.into_keys().collect() }
    }

    /// Asks git and the rules about each path with these `.gitignore` files, by their folders, and what the user ignores here
    /// and everywhere; returns where they differ.
    fn differ(&self, files: &[(&[u8], Vec<u8>)], [here, everywhere]: [&[u8]; 2]) -> Vec<String> {
        let mut rules = Rules { stars: self.stars, ..Rules::default() };
        fs::create_dir_all(self.top.path().join(".git/info")).unwrap();
        fs::write(self.top.path().join(".git/info/exclude"), here).unwrap();
        fs::write(self.top.path().join(".git/everywhere"), everywhere).unwrap();
        rules.tops.insert(Vec::new());
        let of_part = rules.take(PathBuf::new, here);
        rules.of_parts.insert(Vec::new(), of_part);
        rules.of_user = rules.take(PathBuf::new, everywhere);
        for (folder, text) in files {
            let path = [folder, b".gitignore".as_slice()].concat();
            fs::create_dir_all(self.top.path().join(as_path(folder))).unwrap();
            fs::write(self.top.path().join(as_path(&path)), text).unwrap();
            rules.add(path, text);
        }
        let paths: Vec<&[u8]> = self.paths.iter().map(Vec::as_slice).collect();
        // To git a path that begins with a colon is magic.
        let named: Vec<Vec<u8>> = paths.iter().map(|path| [b"./", *path].concat()).collect();
        let told = self.ask(named.join(&0));
        let fields: Vec<&[u8]> = told.split(|&byte| byte == 0).collect();
        assert_eq!(fields.len(), 4 * paths.len() + 1, "git told of every path");
        let mut differ = Vec::new();
        for (said, path) in fields.chunks(4).zip(&paths) {
            let by_git = !said[2].is_empty() && !said[2].starts_with(b"!");
            // A folder that a rule file lies in, too.
            let by_rules = rules.ignore_within(path, self.top.path().join(as_path(path)).is_dir());
            if by_git != by_rules {
                let (path, rule) = (path.escape_ascii(), said[2].escape_ascii());
                let text = |(_, text): &(_, Vec<u8>)| text.escape_ascii().to_string();
                let files = files.iter().map(text).collect::<Vec<_>>().join(" | ");
                differ.push(format!("{path}: git {by_git} by “{rule}”, we {by_rules}; {files}"));
            }
        }
        differ
    }

    fn ask(&self, paths: Vec<u8>) -> Vec<u8> {
        let mut git = Command::new("git");
        git.args(["-c", "core.excludesFile=.git/everywhere"]);
        git.args(["check-ignore", "--no-index", "--stdin", "-z", "-v", "-n"]);
        git.current_dir(self.top.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        let mut git = git.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = git.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(&paths).unwrap());
        let told = git.wait_with_output().unwrap().stdout;
        writer.join().unwrap();
        told
    }
}

fn as_path(bytes: &[u8]) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    Path::new(std::ffi::OsStr::from_bytes(bytes))
}

const NAMES: [&str; 24] = [
    "a",
    "b",
    "ab",
    "A",
    "foo",
    "foo.log",
    ".env",
    "a b",
    "a ",
    "x-y",
    "-",
    "!",
    "!a",
    "#a",
    "[a]",
    "a\\b",
    "{a,b}",
    "a\tb",
    "é",
    "a*b",
    "?",
    "]",
    "foo\r",
    "\u{feff}a",
];

fn paths() -> Vec<(Vec<u8>, bool)> {
    let mut paths = vec![(b"\xff\x01".to_vec(), false), (b"d/\x80/e".to_vec(), false)];
    for name in NAMES {
        for at in ["", "foo/", "foo/a/", "a/b/ab/", "x/foo/"] {
            paths.push((format!("{at}{name}").into_bytes(), false));
        }
        paths.push((format!("folders/{name}").into_bytes(), true));
    }
    paths
}

#[test]
fn what_people_and_attackers_write_means_what_it_means_to_git() {
    let asked = Asked::about(&paths());
    for text in [
        "{a,b}\n",
        "*.{log,txt}\n",
        "[!a]\n",
        "[^a]\n",
        "[!-]\n",
        "[a-]\n",
        "[]a]\n",
        "[]-]\n",
        "[!]a]\n",
        "[a",
        "[a\n",
        "[[:alpha:]]\n",
        "[[:digit:][:space:]]\n",
        "[[:nobody:]]\n",
        "[[:alpha:\n",
        "[[:]]\n",
        "[[::]]\n",
        "[\\]]\n",
        "[a-\\c]\n",
        "[z-a]\n",
        "[/]\n",
        "foo[/]a\n",
        "\u{feff}a\n",
        "\u{feff}\u{feff}a\n",
        "!\n",
        "!a\n",
        "\\!a\n",
        "\\#a\n",
        "#a\n",
        " #a\n",
        "a \n",
        "a\\ \n",
        "a\\\\ \n",
        "a\t\n",
        "a\tb\n",
        "a b  \n",
        "a\r\n",
        "a\r",
        "foo\r\r\n",
        "\r\n",
        "a\0b\n",
        "\0\n",
        "/\n",
        "//\n",
        "/a\n",
        "a/\n",
        "a//\n",
        "//a\n",
        "/a/\n",
        "foo/\n!foo/a\n",
        "foo/*\n!foo/a\n",
        "*\n!*/\n!*.log\n",
        "**\n",
        "**/\n",
        "/**\n",
        "**/a\n",
        "a/**\n",
        "a/**/ab\n",
        "foo**\n",
        "foo**/a\n",
        "foo/**a\n",
        "fo**o/a\n",
        "x/**foo/**/a\n",
        "***\n",
        "***/a\n",
        "a***/ab\n",
        "*/\n",
        "*/a\n",
        "/*\n!/foo\n/foo/*\n!/foo/a\n",
        "?\n",
        "??\n",
        "\\a\n",
        "a\\\n",
        "a\\b\n",
        "a\\\\b\n",
        "\\*\n",
        "a\\*b\n",
        "-\n",
        "é\n",
        "?é\n",
        "A\n",
        "/foo/**/\n",
        "foo/\\a\n",
        "foo\\/a\n",
        "**\\/a\n",
        "*a*\n",
        "*a*b*\n",
        "[[a]\n",
        "[[]\n",
        "[a][b]\n",
        "[!!]\n",
        "[!^]\n",
        "[\\!]\n",
    ] {
        let (text, none) = (text.as_bytes(), b"".as_slice());
        assert_eq!(asked.differ(&[(b"", text.to_vec())], [none; 2]), Vec::<String>::new());
        assert_eq!(asked.differ(&[], [text, none]), Vec::<String>::new());
        assert_eq!(asked.differ(&[], [none, text]), Vec::<String>::new());
    }
}

#[test]
fn a_pattern_that_git_would_try_for_ever_is_tried_once() {
    let text = format!("{}x\n{}y\n", "**/".repeat(60), "*a".repeat(60));
    let mut rules = Rules::default();
    rules.add(b".gitignore".to_vec(), text.as_bytes());
    assert_eq!(rules.unread, []);
    assert!(!rules.ignore("a/".repeat(1900).trim_end_matches('/').as_bytes(), false));
    assert!(!rules.ignore("a".repeat(3900).as_bytes(), false));
    assert!(
        rules.ignore(b"a/b/x", false)
            && rules.ignore([&b"a".repeat(70)[..], b"y"].concat().as_slice(), false)
    );
    rules.add(b"b/.gitignore".to_vec(), format!("a\n{}", "*a".repeat(65)).as_bytes());
    assert!(rules.refuse_unread().unwrap_err().to_string().contains("b/.gitignore of the base, line 2"));
}

#[test]
fn stars_behind_text_mean_what_they_mean_to_the_git_that_is_there() {
    let pattern = &pattern::read(b"foo**/a\n").unwrap()[0];
    assert!(pattern.depends_on_version());
    assert!(pattern.matches(b"foo/x/a", false, Stars::of("git version 2.47.3")));
    assert!(!pattern.matches(b"foo/x/a", false, Stars::of("git version 2.53.0")));
    assert!(pattern.matches(b"foox/a", false, Stars::of("git version 3.0")));
    for plain in ["foo/**/a\n", "**/a\n", "/**\n", "foo**\n", "f?**/a\n"] {
        assert!(!pattern::read(plain.as_bytes()).unwrap()[0].depends_on_version(), "{plain}");
    }
}

/// A line as somebody may write it who knows where patterns end, and where they do not.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(NAMES.to_vec()).prop_map(|name| name.as_bytes().to_vec()),
        6 => prop::sample::select(vec!["*", "**", "?", "/", "**/", "/**", "!", "#", " ", "\\", "[", "]", "[a", "[!", "[^", "-", "a-f", "[:alpha:]", "[:space:]", "[:x:]", "\r", "\t", "\0", "{", "}", ","])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => any::<u8>().prop_filter("a line", |byte| *byte != b'\n').prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat())
}

/// A path that has something to do with the patterns, and whether it is a folder.
fn path() -> impl Strategy<Value = (Vec<u8>, bool)> {
    let byte = prop_oneof![
        8 => prop::sample::select(b"aabbfo.-] \t!#\\[*?{,}A0".to_vec()),
        1 => any::<u8>().prop_filter("a name", |byte| !matches!(byte, 0 | b'/')),
    ];
    let name = prop_oneof![
        2 => prop::sample::select(NAMES.to_vec()).prop_map(|name| name.as_bytes().to_vec()),
        1 => prop::collection::vec(byte, 1..6),
    ];
    let is_name = |name: &Vec<u8>| !matches!(name.as_slice(), b"." | b"..");
    let names = prop::collection::vec(name.prop_filter("a name", is_name), 1..5);
    (names.prop_map(|names| names.join(&b'/')), any::<bool>())
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(line(), 0..8).prop_map(|lines| lines.join(&b'\n'))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 5))]

    /// Each case is a hundred paths by up to thirty patterns.
    #[test]
    fn rules_are_gits_own(
        top in text(), foo in text(), deep in text(), a in text(), here in text(), everywhere in text(), paths in prop::collection::vec(path(), 40),
    ) {
        let asked = Asked::about(&paths);
        let files = [(b"".as_slice(), top), (b"foo/", foo), (b"foo/ab/", deep), (b"a/", a)];
        let differ = asked.differ(&files, [&here, &everywhere]);
        prop_assert!(differ.is_empty(), "{}", differ.join("\n"));
    }
}
