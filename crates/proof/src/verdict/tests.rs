//! A case for every rule: runs in short words, and what they come to.

use super::*;
use crate::results::{Outcome, Results};

/// `a:pass b:fail c:skip`.
fn ran(text: &str) -> Ran {
    let tests = text.split_whitespace().map(|word| {
        let (id, outcome) = word.split_once(':').unwrap();
        let outcome = match outcome {
            "pass" => Outcome::Passed,
            "fail" => Outcome::Failed,
            "skip" => Outcome::Skipped,
            other => panic!("{other}"),
        };
        (id.to_owned(), outcome)
    });
    Ran::whole(tests.collect::<Results>())
}

fn twice(text: &str) -> [Ran; 2] {
    [ran(text), ran(text)]
}

fn canary(seen: Option<Outcome>) -> Canary {
    Canary { file: "tests/x.py".to_owned(), id: Some("::canary".to_owned()), seen }
}

fn mutant(text: &str) -> Mutant {
    let (at, what) = ("src/x.py:3".to_owned(), "3 became 4".to_owned());
    Mutant { at, what, ran: ran(text), within: None, is_edge: false }
}

/// An honest change: `old` stays, `new` fails without it.
fn honest() -> Runs {
    Runs {
        base: ran("old:pass"),
        tests: twice("old:pass new:fail"),
        result: twice("old:pass new:pass"),
        old_tests: Some(ran("old:pass")),
        canaried: Some(ran("old:pass new:pass canary:fail")),
        canaries: vec![canary(Some(Outcome::Failed))],
        mutants: vec![mutant("old:pass new:fail")],
        ..Runs::default()
    }
}

fn terms() -> Terms {
    Terms { mutants: 10, ..Terms::default() }
}

fn except(name: &str) -> Terms {
    Terms { except: vec![name.to_owned()], ..terms() }
}

/// The refusals in their own short words.
fn refusals(runs: &Runs, terms: &Terms) -> Vec<String> {
    let kind =
        |refusal: &Refusal| serde_json::to_value(refusal).unwrap()["refusal"].as_str().unwrap().to_owned();
    decide(runs, terms).refusals.iter().map(kind).collect()
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Runs), expected: &[&str]) {
    let mut runs = honest();
    change(&mut runs);
    assert_eq!(refusals(&runs, &terms()), expected);
}

#[test]
fn an_honest_change_is_accepted() {
    let verdict = decide(&honest(), &terms());
    assert_eq!(verdict.refusals, []);
    assert_eq!(verdict.proved, BTreeSet::from(["new".to_owned()]));
    assert_eq!(verdict.noticed[0].by, BTreeSet::from(["new".to_owned()]));
    assert_eq!(verdict.notes, []);
}

#[test]
fn a_test_that_passes_without_the_change_proves_nothing() {
    refused(
        |runs| runs.tests = twice("old:pass new:pass"),
        &["passes_before", "nothing_proved", "proof_untouched"],
    );
    let words = Refusal::PassesBefore { id: "tests/x.rs::y".to_owned() }.to_string();
    assert_eq!(words, "tests/x.rs::y passes without your change: it does not test it");
}

#[test]
fn a_test_that_is_skipped_without_or_with_the_change_proves_nothing() {
    refused(|runs| runs.tests = twice("old:pass new:skip"), &["nothing_proved", "proof_untouched"]);
    refused(|runs| runs.result = twice("old:pass new:skip"), &["nothing_proved", "proof_untouched"]);
}

#[test]
fn a_test_has_to_come_out_the_same_twice() {
    refused(|runs| runs.tests[1] = ran("old:pass new:pass"), &["nothing_proved", "proof_untouched"]);
    let mut runs = honest();
    runs.result[1] = ran("old:pass new:fail");
    assert!(refusals(&runs, &terms()).contains(&"flaky".to_owned()));
    runs.result[1] = ran("old:fail new:pass");
    assert_eq!(refusals(&runs, &terms()), ["flaky"]);
}

#[test]
fn of_the_second_run_only_the_tests_of_chosen_files_are_owed() {
    let of = |second: &str| {
        let mut runs = honest();
        runs.base = ran("old:pass far:pass");
        runs.result = [ran("old:pass new:pass far:pass"), Ran { part: true, ..ran(second) }];
        for own in runs.tests.iter_mut().chain(&mut runs.old_tests) {
            own.part = true;
        }
        runs
    };
    let mut runs = of("old:pass new:pass");
    assert_eq!(refusals(&runs, &terms()), Vec::<String>::new());
    assert!(decide(&runs, &terms()).proved.contains("new"));
    assert_eq!(refusals(&of("old:pass new:fail"), &terms())[0], "flaky");
    assert_eq!(refusals(&of("old:fail new:pass"), &terms()), ["flaky"]);
    assert_eq!(refusals(&of("new:pass"), &terms()), ["old_test_lost"]);
    assert_eq!(refusals(&of("old:pass"), &terms())[0], "report_short");
    // What fails elsewhere fails in the first run, which asks for all.
    runs.result[0] = ran("old:pass new:pass far:fail");
    assert_eq!(refusals(&runs, &terms()), ["fails"]);
    runs.result[0] = ran("old:pass new:pass");
    assert_eq!(refusals(&runs, &terms()), ["old_test_lost"]);
    runs.result[0] = ran("old:pass new:pass far:skip");
    assert_eq!(refusals(&runs, &terms()), ["old_test_skipped"]);
    // Where the tests do not build without the change, the old ones tell which files were chosen.
    let mut runs = of("new:pass");
    runs.tests = Default::default();
    assert_eq!(refusals(&runs, &terms()), ["old_test_lost"]);
    // A test that the second run lacks proves nothing, however new it is.
    let mut runs = of("old:pass");
    runs.tests = [0, 1].map(|_| Ran { part: true, ..ran("old:pass") });
    assert_eq!(refusals(&runs, &terms())[0], "nothing_proved");
}

#[test]
fn of_a_name_in_several_files_the_second_run_has_the_chosen_one() {
    let two = |text: &str| {
        let mut results = ran(text).results;
        results.join(ran("old:pass").results).unwrap();
        Ran::whole(results)
    };
    let mut runs = honest();
    runs.base = two("old:pass");
    runs.result = [two("old:pass new:pass"), Ran { part: true, ..ran("old:pass new:pass") }];
    runs.tests.iter_mut().for_each(|own| own.part = true);
    runs.old_tests = None;
    assert_eq!(refusals(&runs, &terms()), Vec::<String>::new());
    runs.result[0] = ran("old:pass new:pass");
    assert_eq!(refusals(&runs, &terms()), ["old_test_lost"], "gone from one of the files");
}

#[test]
fn what_passed_has_to_pass() {
    refused(|runs| runs.result = twice("old:fail new:pass"), &["fails"]);
    refused(|runs| runs.result = twice("old:pass new:pass more:fail"), &["fails"]);
    let mut runs = honest();
    runs.result = twice("old:fail new:pass");
    assert_eq!(refusals(&runs, &except("old")), ["fails"], "a plan cannot excuse a test that fails");
}

#[test]
fn what_failed_before_may_fail() {
    let mut runs = honest();
    runs.base = ran("old:pass drift:fail");
    runs.tests = twice("old:pass drift:fail new:fail");
    runs.result = twice("old:pass drift:fail new:pass");
    let verdict = decide(&runs, &terms());
    assert_eq!(verdict.refusals, []);
    assert_eq!(verdict.notes, [Note::FailsBefore { id: "drift".to_owned() }]);
}

#[test]
fn an_old_test_that_is_skipped_or_gone_needs_the_plans_word() {
    let mut runs = honest();
    runs.result = twice("old:skip new:pass");
    assert_eq!(refusals(&runs, &terms()), ["old_test_skipped"]);
    assert_eq!(refusals(&runs, &except("old")), Vec::<String>::new());
    runs.result = twice("new:pass");
    assert_eq!(refusals(&runs, &terms()), ["old_test_lost"]);
    let verdict = decide(&runs, &except("old"));
    assert!(verdict.is_accepted());
    assert_eq!(verdict.named, BTreeSet::from(["old".to_owned()]));
}

#[test]
fn an_old_test_that_got_another_name_may_go_if_it_passes_where_it_is_put_back() {
    let mut runs = honest();
    runs.tests = twice("other:pass new:fail");
    runs.result = twice("other:pass new:pass");
    let verdict = decide(&runs, &terms());
    assert_eq!(verdict.refusals, []);
    assert_eq!(verdict.vanished, BTreeSet::from(["old".to_owned()]));
    runs.old_tests = Some(ran("old:fail"));
    assert_eq!(refusals(&runs, &terms()), ["old_test_fails"]);
    runs.old_tests = Some(ran(""));
    assert_eq!(refusals(&runs, &terms()), ["old_test_lost"]);
}

#[test]
fn a_weakened_old_test_is_not_excused() {
    refused(|runs| runs.old_tests = Some(ran("old:fail")), &["old_test_fails"]);
}

#[test]
fn an_old_test_whose_new_version_fails_before_is_excused_beside_a_proof() {
    let mut runs = honest();
    runs.old_tests = Some(ran("old:fail"));
    runs.tests = twice("old:fail new:fail");
    let verdict = decide(&runs, &terms());
    assert_eq!(verdict.refusals, []);
    assert_eq!(verdict.excused, BTreeSet::from(["old".to_owned()]));
    runs.data = vec!["tests/expected.json".to_owned()];
    assert_eq!(
        refusals(&runs, &terms()),
        ["old_test_fails"],
        "a snapshot that was written anew excuses nothing"
    );
}

#[test]
fn changed_old_tests_alone_prove_by_the_plans_word_only() {
    let mut runs = honest();
    runs.base = ran("old:pass");
    runs.tests = twice("old:fail");
    runs.result = twice("old:pass");
    runs.old_tests = Some(ran("old:fail"));
    runs.canaried = Some(ran("old:pass canary:fail"));
    runs.mutants = vec![mutant("old:fail")];
    assert_eq!(refusals(&runs, &terms()), ["only_old_tests"]);
    assert_eq!(refusals(&runs, &except("old")), Vec::<String>::new());
}

#[test]
fn a_report_that_lacks_what_ran_without_the_change_is_short() {
    let mut runs = honest();
    runs.tests = twice("old:pass new:fail second:fail");
    assert_eq!(refusals(&runs, &terms()), ["report_short"]);
}

#[test]
fn a_run_without_a_report_is_refused() {
    refused(|runs| runs.base = Ran::default(), &["no_report"]);
    refused(|runs| runs.old_tests = Some(Ran::default()), &["no_report", "old_test_lost"]);
    let mut runs = honest();
    runs.result[1] = Ran::default();
    assert!(refusals(&runs, &terms()).contains(&"no_report".to_owned()));
}

#[test]
fn a_base_without_a_test_that_passes_can_tell_nothing() {
    refused(|runs| runs.base = ran("old:fail"), &["base_has_no_passing_test"]);
    let mut first = honest();
    first.base = ran("");
    first.old_tests = None;
    first.tests = twice("new:fail");
    first.result = twice("new:pass");
    assert_eq!(refusals(&first, &terms()), Vec::<String>::new(), "the first test of all");
}

#[test]
fn failures_have_to_show() {
    refused(|runs| runs.canaries = vec![canary(Some(Outcome::Passed))], &["canary_passed"]);
    refused(|runs| runs.canaries = vec![canary(Some(Outcome::Skipped))], &["canary_passed"]);
    refused(|runs| runs.canaries = vec![canary(None)], &["canary_missing"]);
    refused(|runs| runs.canaried = Some(ran("old:pass new:fail canary:fail")), &["disturbed"]);
    let mut runs = honest();
    runs.canaries = vec![Canary { file: "a.json".to_owned(), id: None, seen: None }];
    let verdict = decide(&runs, &terms());
    assert_eq!(verdict.notes, [Note::NotCanaried { file: "a.json".to_owned() }]);
    assert!(verdict.is_accepted());
}

#[test]
fn each_changed_value_has_to_be_noticed() {
    refused(|runs| runs.mutants.push(mutant("old:pass new:pass")), &["mutant_survived"]);
    // One reason is enough: that nothing noticed any is said by those that survived.
    refused(|runs| runs.mutants = vec![mutant("old:pass new:pass")], &["mutant_survived"]);
    refused(
        |runs| runs.mutants = vec![mutant("old:pass new:pass"), mutant("old:fail new:pass")],
        &["mutant_survived"],
    );
    refused(|runs| runs.mutants = vec![mutant("old:fail new:pass")], &["proof_untouched"]);
    let unbuilt = Mutant { ran: Ran::default(), ..mutant("") };
    refused(|runs| runs.mutants = vec![unbuilt.clone()], &["mutants_unjudged"]);
    let mut runs = honest();
    runs.mutants.push(unbuilt);
    assert!(decide(&runs, &terms()).is_accepted(), "a failure to build does not count");
    runs.mutants.clear();
    assert_eq!(decide(&runs, &terms()).notes, [Note::NothingToMutate]);
    assert_eq!(decide(&runs, &Terms::default()).notes, [Note::NoMutants]);
}

/// Changed values of one function, each by what the tests say: `+` a test that proves notices it, `o` an old one, `-` none, `e`
/// none, on the edge of a comparison.
fn of_function(tried: &str) -> Vec<Mutant> {
    let one = |(nth, own)| {
        let text = match own {
            '+' => "old:pass new:fail",
            'o' => "old:fail new:pass",
            _ => "old:pass new:pass",
        };
        let what = format!("{nth} became {}", nth + 1);
        Mutant { what, within: Some((1, 9)), is_edge: own == 'e', ..mutant(text) }
    };
    tried.chars().enumerate().map(one).collect()
}

#[test]
fn a_value_that_no_test_notices_is_noted_where_tests_notice_most_of_the_same_function() {
    for (tried, refused, noted) in [
        ("+e", 0, 1),
        ("+eee", 0, 3),
        ("e", 1, 0),
        ("++++-", 0, 1),
        ("+++-", 1, 0),
        ("+++++++--", 2, 0),
        ("++++++++--", 0, 2),
        ("++++-ee", 0, 3),
        ("+-e", 1, 1),
        ("oooo-", 1, 0),
        ("+oe", 0, 1),
    ] {
        let verdict = decide(&Runs { mutants: of_function(tried), ..honest() }, &terms());
        let survived = |refusal: &&Refusal| matches!(refusal, Refusal::MutantSurvived { .. });
        assert_eq!(
            verdict.refusals.iter().filter(survived).count(),
            refused,
            "{tried}: {:?}",
            verdict.refusals
        );
        let is_noted = |note: &&Note| matches!(note, Note::Survived { .. });
        assert_eq!(verdict.notes.iter().filter(is_noted).count(), noted, "{tried}: {:?}", verdict.notes);
        assert_eq!(verdict.is_accepted(), refused == 0, "{tried}: {:?}", verdict.refusals);
    }
    let with = |more: Mutant| Runs { mutants: [of_function("++++"), vec![more]].concat(), ..honest() };
    let survivor = of_function("-").remove(0);
    let other = [
        Mutant { within: Some((10, 12)), ..survivor.clone() },
        Mutant { at: "src/y.py:3".to_owned(), ..survivor.clone() },
        Mutant { within: None, ..survivor.clone() },
    ];
    for other in other {
        let is_unheard = other.within.is_some();
        assert_eq!(refusals(&with(other.clone()), &terms()), ["mutant_survived"], "{other:?}");
        assert_eq!(unheard(&with(other)).len(), usize::from(is_unheard));
    }
    assert_eq!(unheard(&with(survivor)), []);
    let alone = Runs { mutants: of_function("-"), ..honest() };
    assert_eq!(unheard(&alone), [], "more would not help");
}

#[test]
fn comments_alone_cannot_be_proved() {
    refused(|runs| runs.code = Code::Comments, &["only_comments"]);
}

#[test]
fn what_does_not_build_on_the_base_needs_canary_and_mutants() {
    let mut runs = honest();
    runs.tests = [Ran::default(), Ran::default()];
    assert_eq!(refusals(&runs, &terms()), Vec::<String>::new());
    let supported = runs.clone();
    runs.mutants.clear();
    assert_eq!(refusals(&runs, &terms()), ["not_built_on_base_and_unsupported"]);
    runs = supported.clone();
    runs.canaries.clear();
    assert_eq!(refusals(&runs, &terms()), ["not_built_on_base_and_unsupported"]);
    runs = supported;
    runs.result = twice("old:pass");
    assert!(refusals(&runs, &terms()).contains(&"nothing_proved".to_owned()), "an old test is no proof");
}

#[test]
fn a_refactoring_owes_what_passed() {
    let terms = Terms { kind: Kind::Refactor, ..Terms::default() };
    let mut runs = Runs { base: ran("old:pass"), result: twice("old:pass more:pass"), ..Runs::default() };
    assert_eq!(refusals(&runs, &terms), Vec::<String>::new());
    runs.result = twice("more:pass");
    assert_eq!(refusals(&runs, &terms), ["old_test_lost"]);
    runs.old_tests = Some(ran("old:pass"));
    assert_eq!(refusals(&runs, &terms), ["old_test_lost"], "nothing vanishes");
}

#[test]
fn names_are_whole_parts() {
    let named = |name: &str, id: &str| names::names(name, id);
    assert!(named("test_x", "tests/a.py::test_x"));
    assert!(named("test_x", "tests/a.py::test_x[1]"));
    assert!(named("api::old", "tests/api.rs::api::old"));
    assert!(named("tests/a.py::*", "tests/a.py::test_x"));
    assert!(!named("x", "tests/a.py::test_x"));
    assert!(!named("*", "tests/a.py::test_x"));
    assert!(!named("", "tests/a.py::test_x"));
}

#[test]
fn early_refusals_hold_nothing_against_what_has_not_run() {
    let mut runs = honest();
    runs.canaried = None;
    runs.canaries = vec![canary(None)];
    runs.mutants.clear();
    assert!(!is_refused_already(&runs, &terms()));
    runs.tests = [Ran::default(), Ran::default()];
    assert!(!is_refused_already(&runs, &terms()));
    runs.result = twice("old:fail new:pass");
    assert!(is_refused_already(&runs, &terms()));
}

#[test]
fn a_verdict_is_kept_as_it_was() {
    let mut runs = honest();
    runs.canaries.clear();
    runs.mutants.push(mutant("old:pass new:pass"));
    let verdict = decide(&runs, &terms());
    let kept = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&kept).unwrap(), verdict);
}

#[test]
fn a_test_that_proves_fails_where_it_is_made_to() {
    let spoiled = |text: &str| Runs {
        spoils: vec!["new".to_owned(), "none".to_owned()],
        spoiled: (!text.is_empty()).then(|| ran(text)),
        ..honest()
    };
    for (text, expected) in [
        ("old:pass new:fail", [].as_slice()),
        ("old:pass new:pass", &["spoiled_passed"]),
        ("old:pass new:skip", &["spoiled_passed"]),
        ("old:pass", &["report_short"]),
        ("", &["no_report"]),
    ] {
        assert_eq!(refusals(&spoiled(text), &terms()), expected, "{text}");
    }
    let named = Runs { spoils: vec!["other".to_owned()], ..spoiled("old:pass new:pass") };
    assert_eq!(refusals(&named, &terms()), [""; 0], "of which it is not known how is left alone");
}

#[test]
fn a_file_that_could_not_be_loaded_need_not_be_named_when_it_can() {
    let runs = |id: &str| Runs {
        base: ran("old:pass"),
        tests: twice(&format!("old:pass {id}:fail")),
        result: twice("old:pass new:pass"),
        canaries: vec![canary(Some(Outcome::Failed))],
        canaried: Some(ran("old:pass new:pass canary:fail")),
        mutants: vec![mutant("old:pass new:fail")],
        ..Runs::default()
    };
    assert_eq!(refusals(&runs("test/new.test.mjs"), &terms()), [""; 0]);
    assert_eq!(refusals(&runs("test_new"), &terms()), ["report_short"]);
}

#[test]
fn what_was_not_run_on_is_not_held_against_it() {
    let runs =
        Runs { canaried: None, canaries: vec![canary(None)], tests: twice("old:pass new:pass"), ..honest() };
    let found = refusals(&runs, &terms());
    assert!(!found.contains(&"canary_missing".to_owned()), "{found:?}");
    let runs = Runs { canaried: None, canaries: vec![canary(None)], ..honest() };
    assert_eq!(refusals(&runs, &terms()), ["canary_missing"]);
}
