//! Reports of real runners, versions in the files' names.

use super::*;

const REPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/reports");

/// Compares what a report is read as with the lines in the file beside it.
fn reads(name: &str, format: Format, root: &str) {
    let bytes = std::fs::read(format!("{REPORTS}/{name}")).unwrap();
    let read = lines(&read(format, &bytes, root).unwrap()).join("\n") + "\n";
    let expected = format!("{REPORTS}/{name}.read");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&expected, &read).unwrap();
    }
    assert_eq!(read, std::fs::read_to_string(expected).unwrap(), "{name}");
}

#[test]
fn pytest() {
    reads("pytest-9.2.0.xml", Format::Junit, "/home/dev/py");
    reads("pytest-9.2.0-xunit2.xml", Format::Junit, "/home/dev/py");
}

#[test]
fn node() {
    reads("node-20.20.2.xml", Format::Junit, "/home/dev/nt");
}

#[test]
fn surefire() {
    reads("surefire-2.22.3-ParseTest.xml", Format::Junit, "/home/dev/mv");
    reads("surefire-2.22.3-SetupTest.xml", Format::Junit, "/home/dev/mv");
}

#[test]
fn nextest_whose_test_left_its_process_early() {
    reads("nextest-0.9.143.xml", Format::Junit, "/home/dev/rsn");
}

#[test]
fn cargo_with_forged_lines_and_an_early_exit() {
    reads("cargo-1.95.txt", Format::Cargo, "/home/dev/rs");
    reads("cargo-1.95-stdout.txt", Format::Cargo, "/home/dev/rs");
}

#[test]
fn go() {
    reads("go-1.19.json", Format::GoJson, "/home/dev/go");
}

#[test]
fn mocha() {
    reads("mocha-12.0.3.json", Format::MochaJson, "/home/dev/js");
}

#[test]
fn jest_and_vitest() {
    reads("jest-30.5.2.json", Format::JestJson, "/home/dev/js/je");
    reads("vitest-4.1.12.json", Format::JestJson, "/home/dev/js/vi");
}
