//! What the repository of the demo holds.

/// A program with a fault, and the test that shows it.
pub(super) const FILES: [(&str, &str); 2] = [
    ("greet.sh", "#!/bin/sh\n# Greets whoever is named.\necho \"Hullo, ${1:-world}\"\n"),
    ("test.sh", "#!/bin/sh\nset -e\ntest \"$(sh greet.sh you)\" = 'Hello, you'\necho 'greet.sh is right'\n"),
];
