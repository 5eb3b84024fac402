//! What the repository of the demo holds.

/// A program with a fault, a test that shows it, and what runs all tests and reports them.
pub(super) const FILES: [(&str, &str); 5] = [
    ("greet.sh", "#!/bin/sh\n# Greets whoever is named.\necho \"Hullo, ${1:-world}\"\n"),
    ("test.sh", "#!/bin/sh\nset -e\ntest \"$(sh greet.sh you)\" = 'Hello, you'\necho 'greet.sh is right'\n"),
    ("tests/world.sh", "sh greet.sh | grep -q world\n"),
    ("run-tests.sh", RUN_TESTS),
    (".gitignore", "report.xml\n"),
];

const RUN_TESTS: &str = r#"#!/bin/sh
# Runs each of tests/, and reports as JUnit does.
failed=0
{
  echo '<testsuite name="greet">'
  for test in tests/*.sh; do
    echo "<testcase name=\"$test\">"
    sh "$test" || { failed=1; echo '<failure/>'; }
    echo '</testcase>'
  done
  echo '</testsuite>'
} >report.xml
exit $failed
"#;
