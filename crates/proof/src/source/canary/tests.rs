//! What a file gets for canaries.

use proptest::prelude::*;

use super::canary;
use crate::runner::CanaryRunner as R;
use crate::source::Language as L;

const NODE: &str = "const test = require('node:test');\nconst assert = require('node:assert');\n\
    test('a', () => assert.strictEqual(f(), 1));\n";
const RUST: &str =
    "fn f() {}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {\n        assert_eq!(1, 1);\n    }\n}\n";

#[test]
fn each_file_gets_a_failure_by_itself_and_one_by_each_of_its_assertions() {
    let table: &[(L, R, &str, &[&str])] = &[
        (L::Python, R::Pytest, "def test_a():\n    assert f() == 1", &["def test_x_0():\n    assert False"]),
        (
            L::Python,
            R::Pytest,
            "import pytest\ndef test_a():\n    with pytest.raises(ValueError):\n        f()\n",
            &["def test_x_0()", "def test_x_1():\n    pytest.raises(ValueError, int)\n"],
        ),
        (
            L::Python,
            R::Unittest,
            "import unittest\nclass A(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(1, 1)\n",
            &["(unittest.TestCase):", "def test_x_0(self)", "self.assertEqual(1, 2)"],
        ),
        (
            L::JavaScript,
            R::NodeTest,
            NODE,
            &[";test('x_0', () => { throw", ";test('x_1', () => assert.strictEqual(1, 2));"],
        ),
        (
            L::JavaScript,
            R::NodeTest,
            "import { it as check } from 'node:test';\nimport { equal } from 'node:assert/strict';\ncheck('a', () => equal(1, 1));\n",
            &[";check('x_0'", ";check('x_1', () => equal(1, 2));"],
        ),
        (
            L::TypeScript,
            R::Vitest,
            "import { expect, it } from 'vitest';\nit('a', () => { expect(f(1)).toBe(1); });\n",
            &[";it('x_0'", "expect(1).toBe(2)"],
        ),
        (
            L::Rust,
            R::Cargo,
            "#[test]\nfn a() {\n    assert!(true);\n}\n",
            &["fn x_0() { let none", "fn x_1() { assert!(false); }"],
        ),
        (L::Rust, R::Cargo, RUST, &["fn x_0()", "fn x_1() { assert_eq!(1, 2); }\n\n}\n"]),
        (
            L::Go,
            R::Go,
            "package a\nimport \"testing\"\nfunc TestA(t *testing.T) { t.Errorf(\"a\") }\n",
            &["func Test_x_0(t *testing.T) {\n\tt.Fatal(\"must fail\")", "t.Errorf(\"must fail\")"],
        ),
        (
            L::Java,
            R::Junit5,
            "class ATest {\n    @Test void a() { Assertions.assertEquals(1, 1); }\n}\n",
            &["@Test\n    public void x_0() {", "Assertions.assertEquals(1, 2);"],
        ),
    ];
    for (language, runner, text, wanted) in table {
        let planted = canary(*language, *runner, text, "x").unwrap_or_else(|| panic!("nothing in {text}"));
        let own = planted.ids[0].trim_end_matches('0');
        for wanted in *wanted {
            let wanted = wanted.replace("x_", own);
            assert!(planted.text.contains(&wanted), "no {wanted} in {}", planted.text);
        }
        assert!(planted.ids.iter().all(|id| planted.text.contains(id.as_str())), "{:?}", planted.ids);
    }
}

#[test]
fn a_file_without_tests_gets_none() {
    let table = [
        (L::Python, R::Pytest, "def helper():\n    return 1\n"),
        (L::Python, R::Pytest, "import pytest\n@pytest.fixture()\ndef test_client():\n    return 1\n"),
        (L::JavaScript, R::NodeTest, "module.exports = { a: 1 };\n"),
        (L::Rust, R::Cargo, "pub fn helper() {}\n"),
        (L::Go, R::Go, "package a\nfunc TestMain(m *testing.M) {}\n"),
        (L::Java, R::Junit5, "class A { void a() {} }\n"),
        (L::Python, R::Cargo, "def test_a():\n    pass\n"),
    ];
    for (language, runner, text) in table {
        assert_eq!(canary(language, runner, text, "x"), None, "{text}");
    }
}

#[test]
fn files_of_one_change_have_ids_of_their_own() {
    let ids = |text| canary(L::Rust, R::Cargo, text, "x").map(|planted| planted.ids);
    assert_ne!(ids(RUST), ids("#[test]\nfn a() {}\n"));
}

#[test]
fn a_name_that_is_none_is_not_written_into_a_file() {
    assert_eq!(canary(L::JavaScript, R::NodeTest, NODE, "x'); exit('"), None);
}

proptest! {
    #[test]
    fn any_text_is_taken(text in any::<String>(), cut in 0..RUST.len()) {
        for language in L::ALL {
            for runner in [R::Pytest, R::NodeTest, R::Cargo, R::Go, R::Junit5] {
                let _ = canary(language, runner, &text, "x");
                let _ = canary(language, runner, &RUST[..cut], "x");
                let _ = canary(language, runner, NODE.get(..cut).unwrap_or(NODE), "x");
            }
        }
    }
}
