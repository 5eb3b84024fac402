//! Reports that somebody wrote who wants them to be read as something else, and such that were cut short.

use proptest::prelude::*;

use super::*;

fn junit(text: &str) -> Result<Results, Unreadable> {
    read(Format::Junit, text.as_bytes(), "/w")
}

fn cargo(text: &str) -> Results {
    read(Format::Cargo, text.as_bytes(), "/w").unwrap()
}

const HEAD: &str = "     Running tests/a.rs (target/debug/deps/a-0123456789abcdef)\n\n";

#[test]
fn a_report_that_is_cut_short_is_none() {
    for text in [
        "<testsuites>",
        "<testsuites><testsuite name='a'><testcase name='x'/>",
        "<testsuites",
        "<!-- -->",
        "",
    ] {
        assert!(junit(text).is_err(), "{text}");
    }
    for format in [Format::MochaJson, Format::JestJson] {
        for text in ["{", "{\"passes\": [", "[]", "{}", "", "nothing"] {
            assert!(read(format, text.as_bytes(), "").is_err(), "{text}");
        }
    }
    let cut = "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}\n{\"Action\":\"pa";
    assert!(matches!(read(Format::GoJson, cut.as_bytes(), ""), Err(Unreadable::Cut(_))));
}

#[test]
fn output_of_a_build_that_failed_is_no_report() {
    let output =
        b"   Compiling dur v1.0.0\nerror[E0425]: cannot find function\nerror: could not compile `dur`\n";
    assert_eq!(read(Format::Cargo, output, ""), Err(Unreadable::Nothing));
    assert_eq!(read(Format::GoJson, b"FAIL\tp [build failed]\n", ""), Err(Unreadable::Nothing));
}

#[test]
fn the_worse_outcome_of_an_id_counts() {
    let results = junit(
        "<testsuite name='s'><testcase classname='c' name='x'/><testcase classname='c' name='x'><failure/></testcase>\
         <testcase classname='c' name='x'/></testsuite>",
    );
    assert_eq!(lines(&results.unwrap()), ["failed c::x ×3"]);
}

#[test]
fn a_test_that_passes_at_the_second_try_does_not_pass() {
    let surefire =
        junit("<testsuite name='s'><testcase classname='c' name='x'><flakyFailure/></testcase></testsuite>");
    assert_eq!(lines(&surefire.unwrap()), ["failed c::x"]);
    let mocha =
        r#"{"passes":[{"fullTitle":"x","file":"/w/a.js","currentRetry":1}],"failures":[],"pending":[]}"#;
    assert_eq!(lines(&read(Format::MochaJson, mocha.as_bytes(), "/w").unwrap()), ["failed a.js::x"]);
    let jest = r#"{"testResults":[{"name":"/w/a.js","status":"passed","assertionResults":[
        {"title":"x","status":"passed","invocations":2}]}]}"#;
    assert_eq!(lines(&read(Format::JestJson, jest.as_bytes(), "/w").unwrap()), ["failed a.js::x"]);
}

#[test]
fn what_says_that_it_did_not_run_is_skipped() {
    let results = junit("<testsuite name='s'><testcase classname='c' name='x' status='notrun'/></testsuite>");
    assert_eq!(lines(&results.unwrap()), ["skipped c::x"]);
}

#[test]
fn an_error_outside_of_tests_breaks_their_suite() {
    assert_eq!(lines(&junit("<testsuite name='s'><error/></testsuite>").unwrap()), ["broken s"]);
    let jest = r#"{"testResults":[{"name":"/w/a.js","status":"failed","assertionResults":[
        {"title":"x","status":"passed"}]}]}"#;
    assert_eq!(
        lines(&read(Format::JestJson, jest.as_bytes(), "/w").unwrap()),
        ["passed a.js::x", "broken a.js"]
    );
}

#[test]
fn names_show_what_they_hide() {
    let results =
        junit("<testsuite name='s'><testcase classname='c' name='&#x1b;[2J\u{202e}x\u{200b}'/></testsuite>");
    assert_eq!(lines(&results.unwrap()), [r"passed c::\u{1b}[2J\u{202e}x\u{200b}"]);
    let long =
        format!("<testsuite name='s'><testcase classname='c' name='{}'/></testsuite>", "é".repeat(10_000));
    let (id, _) = junit(&long).unwrap().tests.pop_first().unwrap();
    assert!(id.len() < 600 && id.ends_with('…'), "{id}");
}

#[test]
fn elements_do_not_lie_endlessly_deep_nor_have_endless_attributes() {
    assert!(junit(&"<testsuite name='a'>".repeat(100_000)).is_err());
    let many = (0..100_000).map(|n| format!(" a{n}='1'")).collect::<String>();
    assert!(junit(&format!("<testsuite{many}/>")).is_err());
}

#[test]
fn entities_are_not_expanded() {
    let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><testsuite name='&b;'/>";
    assert!(junit(bomb).is_err());
}

#[test]
fn deep_json_is_refused() {
    let deep = format!("{{\"passes\":{}", "[".repeat(1_000_000));
    assert!(read(Format::MochaJson, deep.as_bytes(), "").is_err());
}

#[test]
fn more_tests_than_are_read_are_refused() {
    let many = (0..=MOST).map(|n| format!("{{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"T{n}\"}}\n"));
    assert_eq!(read(Format::GoJson, many.collect::<String>().as_bytes(), ""), Err(Unreadable::Many));
    let lines = (0..=MOST).map(|n| format!("test t{n} ... ok\n")).collect::<String>();
    let output = format!("{HEAD}running 1 test\n{lines}");
    assert_eq!(read(Format::Cargo, output.as_bytes(), ""), Err(Unreadable::Many));
}

#[test]
fn a_target_whose_process_ended_before_its_tests_is_broken() {
    let early = format!("{HEAD}running 2 tests\ntest before ... ok\n");
    assert_eq!(lines(&cargo(&early)), ["passed tests/a.rs::before", "broken tests/a.rs"]);
    let next = format!("{early}{}running 0 tests\n\n{}", HEAD.replace("a.rs", "b.rs"), summary(0, 0));
    assert_eq!(lines(&cargo(&next)), ["passed tests/a.rs::before", "broken tests/a.rs"]);
}

fn summary(passed: usize, failed: usize) -> String {
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    format!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n"
    )
}

#[test]
fn a_line_that_a_test_printed_does_not_add_up() {
    let forged =
        format!("{HEAD}running 1 test\ntest made_up ... ok\ntest real ... FAILED\n{}", summary(0, 1));
    assert!(cargo(&forged).broken().eq(["tests/a.rs"]));
    let hidden = format!("{HEAD}running 2 tests\ntest real ... ok\n{}", summary(1, 0));
    assert!(cargo(&hidden).broken().eq(["tests/a.rs"]));
}

#[test]
fn what_failed_tests_printed_is_no_test() {
    let output = format!(
        "{HEAD}running 1 test\ntest real ... FAILED\n\nfailures:\n\n---- real stdout ----\ntest other ... ok\n\
         running 1 test\ntest third ... ok\n{}\nfailures:\n    real\n{}",
        summary(1, 0),
        summary(0, 1)
    );
    let read = cargo(&output);
    assert_eq!(read.get("tests/a.rs::real"), Some(Outcome::Failed));
    assert_eq!(read.get("tests/a.rs::other"), None);
    assert!(read.get("tests/a.rs::third").is_none() || read.broken().next().is_some());
}

#[test]
fn an_outcome_may_stand_below_what_the_test_printed() {
    let output = format!("{HEAD}running 1 test\ntest real ... hello\nworld\nok\n{}", summary(1, 0));
    assert_eq!(lines(&cargo(&output)), ["passed tests/a.rs::real"]);
    let forged = format!("{HEAD}running 1 test\ntest real ... hello\nok\nFAILED\n{}", summary(0, 1));
    assert!(cargo(&forged).broken().eq(["tests/a.rs"]));
}

#[test]
fn a_target_without_a_harness_is_one_test() {
    let passes = format!("{HEAD}whatever\n");
    assert_eq!(lines(&cargo(&passes)), ["passed tests/a.rs"]);
    let fails = format!("{HEAD}whatever\nerror: test failed, to rerun pass `--test a`\n");
    assert_eq!(lines(&cargo(&fails)), ["failed tests/a.rs"]);
}

#[test]
fn doc_tests_of_an_item_are_told_apart_without_their_lines() {
    let output = |lines: [u32; 2]| {
        let [first, second] = lines;
        format!(
            "   Doc-tests dur\n\nrunning 2 tests\ntest src/lib.rs - add (line {second}) - should panic ... FAILED\n\
             test src/lib.rs - add (line {first}) ... ok\n{}",
            summary(1, 1)
        )
    };
    let read = cargo(&output([9, 12]));
    assert_eq!(lines(&read), ["passed src/lib.rs - add", "failed src/lib.rs - add #2"]);
    assert_eq!(read, cargo(&output([99, 102])));
}

#[test]
fn a_package_of_go_whose_process_left_is_broken_and_its_open_test_failed() {
    let output =
        "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}\n{\"Action\":\"pass\",\"Package\":\"p\"}\n";
    let results = read(Format::GoJson, output.as_bytes(), "").unwrap();
    assert_eq!(lines(&results), ["failed p::T", "broken p"]);
}

#[test]
fn reports_of_one_run_are_joined() {
    let mut all = junit("<testsuite name='s'><testcase classname='c' name='x'/></testsuite>").unwrap();
    all.join(
        junit("<testsuite name='s'><testcase classname='c' name='x'><error/></testcase></testsuite>")
            .unwrap(),
    )
    .unwrap();
    assert_eq!(lines(&all), ["failed c::x ×2"]);
}

#[test]
fn results_are_kept_as_they_were() {
    let results = junit(
        "<testsuite name='s'><error/><testcase classname='c' name='x'/><testcase classname='c' name='x'/></testsuite>",
    );
    let results = results.unwrap();
    let kept = serde_json::to_string(&results).unwrap();
    assert_eq!(serde_json::from_str::<Results>(&kept).unwrap(), results);
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(vec![
        Format::Junit,
        Format::Cargo,
        Format::GoJson,
        Format::MochaJson,
        Format::JestJson,
    ])
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(format in format(), bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(format, &bytes, "/w");
    }

    /// A report that was cut never has a test that the whole one does not have, nor one that came out better.
    #[test]
    fn a_cut_report_never_says_more(which in 0..REAL.len(), at in 0.0..1.0f64) {
        let (name, format) = REAL[which];
        let bytes = std::fs::read(format!("{}/tests/fixtures/reports/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let whole = read(format, &bytes, "").unwrap();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let cut = &bytes[..(bytes.len() as f64 * at) as usize];
        if let Ok(read) = read(format, cut, "") {
            let passed: Vec<&str> = read.passed().collect();
            let grown: Vec<&&str> = passed.iter().filter(|id| whole.get(id).is_none()).collect();
            prop_assert!(grown.is_empty() || read.broken().next().is_some(), "{grown:?}");
            prop_assert!(cut.len() == bytes.len() || format == Format::Cargo || format == Format::GoJson);
        }
    }
}

const REAL: [(&str, Format); 6] = [
    ("cargo-1.95.txt", Format::Cargo),
    ("go-1.19.json", Format::GoJson),
    ("jest-30.5.2.json", Format::JestJson),
    ("mocha-12.0.3.json", Format::MochaJson),
    ("node-20.20.2.xml", Format::Junit),
    ("pytest-9.2.0.xml", Format::Junit),
];
