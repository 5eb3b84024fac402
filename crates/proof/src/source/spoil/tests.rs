//! Tests that are made to fail.

use super::*;

#[test]
fn tests_fail_behind_all_that_they_do() {
    for (language, source, wanted, names) in [
        (
            Language::Python,
            "def test_a():\n    assert f()\n\n\nclass TestB:\n    def test_b(self):\n        with x:\n            y()\n",
            "def test_a():\n    assert f()\n    raise AssertionError(\"must fail\")\n\n\nclass TestB:\n    def test_b(self):\n        with x:\n            y()\n        raise AssertionError(\"must fail\")\n",
            "test_a test_b",
        ),
        (
            Language::Python,
            "def test_a():\n    if f():\n        return\n    assert g()\n",
            "def test_a():\n    raise AssertionError(\"must fail\")\n    if f():\n",
            "test_a",
        ),
        (
            Language::Python,
            "def test_a():\n\tif f():\n\t\treturn\n\tassert g()\n",
            "def test_a():\n\traise AssertionError(\"must fail\")\n\tif f():\n",
            "test_a",
        ),
        (
            Language::Python,
            "def test_a(): assert 1\n",
            "test_a(): raise AssertionError(\"must fail\"); assert",
            "test_a",
        ),
        (
            Language::JavaScript,
            "test('a', () => f(1));\nit('b', async () => {\n  await g();\n});\n",
            "test('a', async () => { await (f(1)); throw new Error('must fail'); });\nit('b', async () => {\n  await g();\nthrow new Error('must fail');\n\n});\n",
            "a b",
        ),
        (Language::JavaScript, "test('a', () => { f() })", "{ f();\nthrow new Error('must fail');\n })", "a"),
        (
            Language::Rust,
            "#[test]\nfn a() {\n    assert!(x)\n}\n#[test]\n#[should_panic]\nfn b() { f(); }\n",
            "    assert!(x);\nif true { panic!(\"must fail\"); }\n\n}\n#[test]\n#[should_panic]\nfn b() { f(); }\n",
            "a",
        ),
        (
            Language::JavaScript,
            "test('a', (t) => t.test('b', () => f()));\n",
            "test('a', async (t) => { await (t.test('b', async () => { await (f()); throw new Error('must fail'); })); throw new Error('must fail'); });\n",
            "a b",
        ),
        (
            Language::JavaScript,
            "test('a', async (t) => {\n  await t.test('b', () => { g(); });\n});\nit('c', { skip: false }, () => h(), 100);\n",
            "  await t.test('b', () => { g();\nthrow new Error('must fail');\n });\nthrow new Error('must fail');\n\n});\nit('c', { skip: false }, async () => { await (h()); throw",
            "a b c",
        ),
        (
            Language::JavaScript,
            "test('a', async (t) => {\n  if (x) return;\n  await t.test('b', () => f());\n});\n",
            "test('a', async (t) => {\n  if (x) return;\n  await t.test('b', async () => { await (f()); throw",
            "b",
        ),
        (
            Language::Rust,
            "#[tokio::test(flavor = \"multi_thread\", worker_threads = 2)]\nasync fn a() { f().await }\n",
            "f().await;\nif true { panic!(\"must fail\"); }\n }",
            "a",
        ),
        (
            Language::Rust,
            "#[rstest]\n#[case(1)]\nfn a(#[case] b: u32) -> Result<(), E> {\n    f(b)?;\n    Ok(())\n}\n",
            "    f(b)?;\n    if true { panic!(\"must fail\"); }\nOk(())\n",
            "a a::",
        ),
        (
            Language::Rust,
            "#[quickcheck]\nfn a(b: u32) -> bool {\n    if b == 0 { return true; }\n    b > 0\n}\n",
            "-> bool { if true { panic!(\"must fail\"); }\n    if b == 0",
            "a",
        ),
        (
            Language::Rust,
            "proptest! {\n    #![proptest_config(c())]\n    #[test]\n    fn a(b in 0..9u32) {\n        prop_assert!(b < 9)\n    }\n\n    fn helper() {}\n\n    #[test]\n    fn c(b: bool) { if b { return Ok(()); } f(b); }\n}\n",
            "        prop_assert!(b < 9)\n    \n;if true { panic!(\"must fail\"); }\n}\n\n    fn helper() {}\n\n    #[test]\n    fn c(b: bool) { if true { panic!(\"must fail\"); } if b",
            "a c",
        ),
        (
            Language::Go,
            "package a\n\nfunc TestA(t *testing.T) {\n\tf()\n}\n",
            "\tf()\n\nt.Error(\"must fail\")\n}\n",
            "TestA",
        ),
    ] {
        let found = spoiled(language, source).unwrap();
        assert!(found.text.contains(wanted), "{}", found.text);
        assert_eq!(found.names.into_iter().collect::<Vec<_>>().join(" "), names);
    }
}

#[test]
fn what_cannot_be_made_to_fail_has_no_name() {
    for (language, source) in [
        (Language::Python, "def helper():\n    pass\n"),
        (Language::JavaScript, "test('a', (t, done) => f(done));\n"),
        (Language::JavaScript, "test(`a ${b}`, () => f());\n"),
        (Language::Rust, "#[testing]\nfn a() {}\n"),
        (Language::Rust, "other! { #[test] fn a() { f(); } }\n"),
        (Language::Java, "class A { @Test void a() {} }"),
    ] {
        assert_eq!(spoiled(language, source), None, "{source}");
    }
}
