//! Which values are changed, and into what.

use proptest::prelude::*;

use super::*;

fn all(language: Language, before: Option<&str>, after: &str) -> Vec<String> {
    mutations(language, before, after).iter().map(|own| format!("{}: {}", own.line, own.what)).collect()
}

#[test]
fn values_on_changed_lines_of_rust() {
    let before = "fn unit(c: char) -> Option<u64> {\n    match c {\n        's' => Some(1),\n        _ => None,\n    }\n}\n";
    let after = before.replace("        _ =>", "        'h' => Some(3600),\n        _ =>");
    assert_eq!(
        all(Language::Rust, Some(before), &after),
        ["4: Some(3600) became None", "4: 3600 became 3601", "1: unit does nothing"]
    );
    let (before, after) = ("const A: [u8; 1] = [1];\n", "const A: [u8; 1] = [1, 2]; // 5\n");
    assert_eq!(all(Language::Rust, Some(before), after), ["1: 2 became 3"], "of a line, what is new");
    assert_eq!(all(Language::JavaScript, None, "function a() {}\n"), ["1: a fails"]);
    let code = "fn a(x: u8) -> bool { x < 0x0f && !false }\n";
    let found = all(Language::Rust, None, code);
    for expected in [
        "1: 0x0f became 0x10",
        "1: false became true",
        "1: < became <=",
        "1: && became ||",
        "1: ! became ",
        "1: a does nothing",
    ] {
        assert!(found.contains(&expected.to_owned()), "{expected}: {found:?}");
    }
}

#[test]
fn values_within_macros_are_values() {
    let found = all(
        Language::Rust,
        None,
        "fn a() -> Vec<u8> { vec![1, 2] }\nfn b(s: u64) -> String { format!(\"{}m\", s / 60) }\n",
    );
    for expected in ["1: 1 became 2", "1: 2 became 3", "2: 60 became 61", "2: \"{}m\" became \"autopilot\""] {
        assert!(found.contains(&expected.to_owned()), "{expected}: {found:?}");
    }
}

#[test]
fn tests_words_types_and_comments_are_left() {
    for (language, code) in [
        (
            Language::Rust,
            "// 1\nuse a::b;\ntype A = [u8; 3];\n#[cfg(test)]\nmod tests { fn a() -> u8 { 1 } }\n#[test]\nfn t() { let a = 1; }\nfn x() { println!(\"{}\", 1); }\n",
        ),
        (Language::Python, "\"\"\"Version 1.\"\"\"\nimport a\n"),
        (Language::JavaScript, "// 1\nimport a from 'a1';\nconsole.log('x', 1);\n"),
        (Language::TypeScript, "type A = 1 | 2;\ninterface B { a: 3 }\n"),
    ] {
        let found = all(language, None, code);
        let is_body = |own: &String| own.ends_with("does nothing");
        assert!(found.iter().all(is_body), "{language:?}: {found:?}");
    }
}

#[test]
fn values_of_other_languages() {
    let python = "UNITS = {\"s\": 1, \"h\": 3600}\n\ndef parse(text):\n    \"\"\"Parses 5.\"\"\"\n    if text is None and not text:\n        return True\n    return None\n";
    let script = "const UNITS = { h: 3600 };\nfunction parse(text) { if (text === null) return false; return Number(text) * 2; }\nmodule.exports = { parse };\n";
    let go = "package a\n\nfunc A(x int) bool { return x+1 > 3 }\n";
    let java = "class A { boolean a(int x) { return x + 1 > 3 && true; } }\n";
    for (language, code, expected) in [
        (
            Language::Python,
            python,
            &[
                "1: 3600 became 3601",
                "6: True became False",
                "5: and became or",
                "7: None became 1",
                "3: parse does nothing",
            ][..],
        ),
        (
            Language::JavaScript,
            script,
            &[
                "1: 3600 became 3601",
                "2: false became true",
                "2: === became !==",
                "2: * became +",
                "2: parse does nothing",
            ],
        ),
        (Language::TypeScript, script, &["1: 3600 became 3601"]),
        (Language::Go, go, &["3: 3 became 4", "3: > became >="]),
        (Language::Java, java, &["1: 3 became 4", "1: true became false"]),
    ] {
        let found = all(language, None, code);
        for one in expected {
            assert!(found.contains(&(*one).to_owned()), "{language:?}, {one}: {found:?}");
        }
        assert!(!found.iter().any(|own| own.contains("5 became")), "{found:?}");
    }
}

#[test]
fn conditions_are_turned_round() {
    for (language, code, expected) in [
        (Language::Rust, "fn a(x: A) -> u8 { if x.b() { c() } else { d() } }\n", "if !(x.b()) {"),
        (Language::Python, "def a(x):\n    if x:\n        return b()\n    return c()\n", "if (not (x)):"),
        (Language::JavaScript, "function a(x) { if (x) return b(); return c(); }\n", "if (!(x)) return"),
        (Language::TypeScript, "const a = (x: A) => x.b ? c : d;\n", "=> !(x.b) ? c"),
        (Language::Go, "package a\n\nfunc a(x bool) int { if x { return b() }; return c() }\n", "if !(x) {"),
        (
            Language::Java,
            "class A { int a(boolean x) { if (x) return b(); return c(); } }\n",
            "if (!(x)) return",
        ),
    ] {
        let found = mutations(language, None, code);
        assert!(found.iter().any(|own| own.text.contains(expected)), "{language:?}: {found:?}");
    }
    let pattern = all(Language::Rust, None, "fn a(x: A) { if let Some(b) = x { c(b) } }\n");
    assert_eq!(pattern, ["1: a does nothing"]);
}

#[test]
fn a_condition_that_was_there_is_left() {
    let before = "def a(x):\n    if x:\n        b()\n";
    let found = all(Language::Python, Some(before), &before.replace("b()", "b(1)"));
    assert!(found.iter().all(|own| !own.contains("turned round")), "{found:?}");
}

#[test]
fn a_body_that_does_nothing_fails() {
    for (language, code) in [
        (Language::Python, "def a():\n    \"\"\"Says 1.\"\"\"\n    pass\n"),
        (Language::Python, "def a():\n    \"\"\"Says 1.\"\"\"\n"),
        (Language::Python, "def a(): ...\n"),
        (Language::JavaScript, "function a() { return; }\n"),
        (Language::Rust, "fn a() { /* none */ }\n"),
    ] {
        assert_eq!(all(language, None, code), ["1: a fails"], "{language:?}: {code}");
    }
}

#[test]
fn a_large_file_has_few() {
    assert_eq!([most(0), most(1_000), most(1 << 20), most(4 << 20)], [MOST, MOST, 32, 8]);
}

#[test]
fn words_for_people_are_left() {
    for (language, code) in [
        (Language::Python, "def f(a):\n    raise ValueError(f\"unknown {a!r}\")\n"),
        (Language::Python, "option(help=\"Says so.\")\n"),
        (Language::JavaScript, "function f() { throw new RangeError(`unknown`); }\n"),
        (Language::Rust, "fn f() -> Result<(), E> { Err(E::new(\"unknown\")) }\nfn g() { bail!(\"no\") }\n"),
    ] {
        let found = all(language, None, code);
        assert!(found.iter().all(|own| own.ends_with("does nothing")), "{language:?}: {found:?}");
    }
}

#[test]
fn they_are_spread_over_files_and_lines() {
    let one = |line| Mutation {
        line,
        what: String::new(),
        text: line.to_string(),
        within: (1, 9),
        is_edge: false,
        is_body: false,
    };
    let all = vec![
        ("a".to_owned(), one(1)),
        ("a".to_owned(), one(1)),
        ("a".to_owned(), one(2)),
        ("b".to_owned(), one(1)),
    ];
    let lines = |count| -> Vec<(String, u32)> {
        spread(all.clone()).into_iter().take(count).map(|(path, own)| (path, own.line)).collect()
    };
    let of = |path: &str, line| (path.to_owned(), line);
    assert_eq!(lines(3), [of("a", 1), of("b", 1), of("a", 2)]);
    assert_eq!(lines(9).len(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_a_file_is_each_differs_from_it(noise in "(?s).{0,80}", at in 0..100usize) {
        let code = "fn a(x: u8) -> u8 { if x > 1 { 2 } else { x + 3 } } // é\n def f(): return [1, 'a']\n";
        let at = (0..=at.min(code.len())).rev().find(|at| code.is_char_boundary(*at)).unwrap();
        let text = format!("{noise}{}", &code[..at]);
        for language in Language::ALL {
            for mutation in mutations(language, None, &text) {
                prop_assert_ne!(&mutation.text, &text);
            }
        }
    }
}

#[test]
fn what_only_the_machine_tells_is_left() {
    for (language, code) in [
        (Language::Python, "if sys.version_info >= (3, 8):\n    pass\n"),
        (Language::Python, "if not sys.platform.startswith('win'):\n    pass\n"),
        (Language::Python, "time.sleep(3)\nf(timeout=None)\n"),
        (
            Language::Python,
            "__all__ = ['a', 'b']\n__version__ = '1.2'\nVERSION = '1.2.3'\nT = TypeVar('T')\n",
        ),
        (Language::Python, "if TYPE_CHECKING:\n    a = 1\nif __name__ == '__main__':\n    f(1)\n"),
        (
            Language::Python,
            "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    A = f()\nelse:\n    A = object\n__version_tuple__ = version_tuple = (1, 2)\n",
        ),
        (Language::Python, "try:\n    import a\nexcept ImportError:\n    a = None\n"),
        (
            Language::Python,
            "class A:\n    @abstractmethod\n    def b(self): ...\n    @typing.overload\n    def c(self):\n        pass\n",
        ),
        (Language::JavaScript, "if (process.platform === 'win32') { f(); }\nsetTimeout(f, 100);\n"),
        (Language::JavaScript, "const VERSION = '1.2.3';\n"),
        (Language::Rust, "const VERSION: &str = \"1.2\";\nstatic A: Vec<u8> = Vec::with_capacity(16);\n"),
    ] {
        assert_eq!(all(language, None, code), Vec::<String>::new(), "{code}");
    }
    for (language, code, expected) in [
        (Language::Python, "if sys.version_info >= (3, 8) and f(1):\n    pass\n", "1: 1 became 2"),
        (Language::Python, "f(wait=3, b=lambda: 4)\n", "1: 3 became 4"),
        (Language::Python, "@abstractmethod\ndef a():\n    return 1\n", "3: 1 became 2"),
        (Language::Python, "__getattr__ = f(1)\nA_VERSION = 2\n", "2: 2 became 3"),
        (Language::JavaScript, "setTimeout(() => { f(1); }, 100);\n", "1: 1 became 2"),
    ] {
        let found = all(language, None, code);
        assert!(found.contains(&expected.to_owned()), "{code}: {found:?}");
    }
}

#[test]
fn edges_are_known_and_each_has_its_function() {
    let python = "A = 1\n\ndef f(n):\n    if n < 0 or n > -1:\n        return 2\n    return n == 3\n\nclass C:\n    def g(self):\n        return 4\n";
    let rust = "const A: u8 = 1;\nfn f(n: i8) -> bool {\n    n >= 5 && n != 6\n}\nfn g(a: bool) -> u8 {\n    if !(a || h()) { 7 } else { 8 }\n}\n";
    for (language, code, expected) in [
        (
            Language::Python,
            python,
            [
                "1 became 2 in 1–1",
                "0 became 1 in 3–6, an edge",
                "< became <= in 3–6, an edge",
                "1 became 2 in 3–6, an edge",
                "2 became 3 in 3–6",
                "3 became 4 in 3–6",
                "4 became 5 in 9–10",
                "or became and in 3–6, an edge",
            ]
            .as_slice(),
        ),
        (
            Language::Rust,
            rust,
            &[
                "1 became 2 in 1–1",
                "5 became 6 in 2–4, an edge",
                ">= became > in 2–4, an edge",
                "6 became 7 in 2–4",
                "&& became || in 2–4",
                "|| became && in 5–7, an edge",
                "f does nothing in 2–4",
            ],
        ),
    ] {
        let shown = |own: &Mutation| {
            let edge = if own.is_edge { ", an edge" } else { "" };
            format!("{} in {}–{}{edge}", own.what, own.within.0, own.within.1)
        };
        let found: Vec<String> = mutations(language, None, code).iter().map(shown).collect();
        for own in expected {
            assert!(found.contains(&(*own).to_owned()), "{own}: {found:?}");
        }
    }
}
