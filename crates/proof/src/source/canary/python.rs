//! Python: takes a test file, gives functions, and a class where it has unittest's, behind everything.

use tree_sitter::Node;

use super::{Plan, called, ways};
use crate::source::tree::{self, Walk};

/// Methods of `unittest.TestCase`, with arguments with which they fail.
const METHODS: &[(&str, &str)] = &[
    ("assertAlmostEqual", "1, 2"),
    ("assertCountEqual", "[1], [2]"),
    ("assertDictEqual", "{1: 1}, {}"),
    ("assertEqual", "1, 2"),
    ("assertFalse", "True"),
    ("assertGreater", "1, 2"),
    ("assertGreaterEqual", "1, 2"),
    ("assertIn", "1, []"),
    ("assertIs", "1, None"),
    ("assertIsInstance", "1, str"),
    ("assertIsNone", "1"),
    ("assertIsNot", "None, None"),
    ("assertIsNotNone", "None"),
    ("assertLess", "2, 1"),
    ("assertLessEqual", "2, 1"),
    ("assertListEqual", "[1], [2]"),
    ("assertMultiLineEqual", "'a', 'b'"),
    ("assertNotEqual", "1, 1"),
    ("assertNotIn", "1, [1]"),
    ("assertRaises", "ValueError, int"),
    ("assertRaisesRegex", "ValueError, 'a', int"),
    ("assertRegex", "'a', 'b'"),
    ("assertSequenceEqual", "[1], [2]"),
    ("assertSetEqual", "{1}, {2}"),
    ("assertTrue", "False"),
    ("assertTupleEqual", "(1,), (2,)"),
    ("fail", "'must fail'"),
];

/// Functions that assert, of pytest and `numpy.testing`.
const FUNCTIONS: &[(&str, &str)] = &[
    ("approx", ""),
    ("assert_allclose", "1, 2"),
    ("assert_almost_equal", "1, 2"),
    ("assert_array_equal", "[1], [2]"),
    ("assert_equal", "1, 2"),
    ("fail", "'must fail'"),
    ("raises", "ValueError, int"),
];

pub(super) fn plan(root: Node<'_>, text: &str, name: &str, is_pytest: bool) -> Option<Plan> {
    let found = Found::in_file(root, text);
    let mut plan = Plan::at(text.len());
    let used = called(root, text, "call", "function");
    // pytest runs functions, and both run the classes of unittest.
    if is_pytest && (found.has_tests || found.case.is_some()) {
        let functions = used.iter().copied().filter(|name| !name.starts_with("self."));
        let mut all = vec!["assert False, 'must fail'".to_owned()];
        all.extend(ways(functions, FUNCTIONS, |name, args| match args {
            "" => format!("assert 1 == {name}(2)"),
            args => format!("{name}({args})"),
        }));
        plan.add(name, all, |id, way| format!("\n\ndef test_{id}():\n    {way}\n"));
    }
    if let Some(case) = found.case {
        let methods = used.into_iter().filter(|name| name.starts_with("self."));
        let mut all = vec!["raise AssertionError('must fail')".to_owned()];
        all.extend(ways(methods, METHODS, |name, args| format!("{name}({args})")));
        plan.tests.push_str(&format!("\n\nclass Test_{name}({case}):\n"));
        plan.add(name, all, |id, way| format!("    def test_{id}(self):\n        {way}\n\n"));
    }
    (!plan.ids.is_empty()).then_some(plan)
}

/// What tests a file has.
#[derive(Default)]
struct Found<'text> {
    /// Functions or classes that pytest takes for tests.
    has_tests: bool,
    /// What the classes of unittest are made of, as the file writes it.
    case: Option<&'text str>,
}

impl<'text> Found<'text> {
    fn in_file(root: Node<'_>, text: &'text str) -> Self {
        let mut found = Self::default();
        tree::walk(root, |node, above| {
            let name =
                node.child_by_field_name("name").map(|name| tree::text(name, text)).unwrap_or_default();
            match node.kind() {
                "function_definition" => {
                    // `test_client` of a conftest.py is a fixture, and nothing looks for tests there.
                    let is_fixture = above.last().is_some_and(|above| {
                        above.kind() == "decorated_definition"
                            && tree::named(*above).iter().any(|part| {
                                part.kind() == "decorator" && tree::text(*part, text).contains("fixture")
                            })
                    });
                    found.has_tests |= name.starts_with("test") && !is_fixture;
                    return Walk::Past;
                }
                "class_definition" => {
                    // What is in a block has its name only now and then.
                    let is_outermost =
                        above.iter().all(|above| matches!(above.kind(), "module" | "decorated_definition"));
                    found.case = found.case.or_else(|| case(node, text).filter(|_| is_outermost));
                }
                _ => {}
            }
            Walk::Into
        });
        found
    }
}

/// The `TestCase` that a class is made of.
fn case<'text>(class: Node<'_>, text: &'text str) -> Option<&'text str> {
    let made_of = tree::named(class.child_by_field_name("superclasses")?);
    made_of
        .into_iter()
        .filter(|node| matches!(node.kind(), "identifier" | "attribute"))
        .map(|node| tree::text(node, text))
        .find(|name| name.ends_with("TestCase"))
}
