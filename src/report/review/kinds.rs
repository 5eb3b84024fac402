//! Takes a path, gives what its name says it is: a test, or something that a program wrote. A guess, for people.

/// Folders of which all is a test.
const FOLDERS: [&str; 6] = ["test", "tests", "spec", "specs", "__tests__", "testdata"];

/// Tells whether a path is named as files with tests are.
pub(super) fn is_test(path: &str) -> bool {
    let path = path.to_lowercase();
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    let of_folder = folders.split('/').any(|folder| FOLDERS.contains(&folder));
    let inner = [".test.", ".spec.", ".tests."].iter().any(|part| name.contains(part));
    let begins = stem.starts_with("test_") || stem == "tests" || stem == "test";
    let ends = ["_test", "_tests", "_spec", "-test", "-spec"].iter().any(|end| stem.ends_with(end));
    of_folder || inner || begins || ends || is_of_a_class(name)
}

/// `ListTest.java`, `ListTests.cs`, `ListSpec.scala`: told by the language, since `latest.txt` ends so, too.
fn is_of_a_class(name: &str) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let languages = ["java", "kt", "scala", "groovy", "cs", "swift", "php"];
    languages.contains(&ending) && ["test", "tests", "spec", "testcase"].iter().any(|end| stem.ends_with(end))
}

/// Tells whether a path is named as files are that a program wrote.
pub(super) fn is_generated(path: &str) -> bool {
    let path = path.to_lowercase();
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", &path));
    let of_folder = folders
        .split('/')
        .any(|folder| ["dist", "generated", "__generated__", "node_modules"].contains(&folder));
    let parts =
        [".min.js", ".min.css", ".pb.go", ".pb.cc", ".pb.h", "_pb2.py", ".g.dart", ".designer.cs", ".snap"];
    let inner = [".generated.", "_generated.", ".gen."].iter().any(|part| name.contains(part));
    of_folder || inner || parts.iter().any(|end| name.ends_with(end)) || name.ends_with(".js.map")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_tests_and_what_programs_wrote() {
        for path in [
            "tests/it/a.rs",
            "src/test/java/A.java",
            "a_test.go",
            "src/list.test.ts",
            "test_a.py",
            "src/x/tests.rs",
            "spec/a_spec.rb",
            "src/ListTest.java",
            "__tests__/a.js",
        ] {
            assert!(is_test(path), "{path}");
        }
        for path in
            ["src/latest.rs", "contest/a", "src/attestation.java", "testing.md", "src/a.rs", "latest.txt"]
        {
            assert!(!is_test(path), "{path}");
        }
        assert!(is_generated("web/dist/app.js") && is_generated("a/x.pb.go") && is_generated("t/a.snap"));
        assert!(!is_generated("src/distance.rs") && !is_generated("generate.py"));
    }
}
