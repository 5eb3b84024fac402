//! Takes a patch as git writes it, gives its lines marked: added, removed, headings. Neighbours of one kind are one node.

use maud::{Markup, html};

use crate::words::Words;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Same,
    Added,
    Removed,
    Place,
    File,
}

/// Shows a patch.
pub(crate) fn show(patch: &Words) -> Markup {
    html! {
        pre class="patch" {
            @for (kind, text) in blocks(patch.as_str()) {
                @match kind {
                    Kind::Same => (text),
                    Kind::Added => ins { (text) },
                    Kind::Removed => del { (text) },
                    Kind::Place => span class="place" { (text) },
                    Kind::File => b { (text) },
                }
            }
        }
    }
}

/// Joins neighbouring lines of one kind. Inside of a hunk a line is what its first character says, whatever follows.
fn blocks(patch: &str) -> Vec<(Kind, String)> {
    let mut blocks: Vec<(Kind, String)> = Vec::new();
    let mut in_hunk = false;
    for line in patch.split_inclusive('\n') {
        in_hunk = (in_hunk || line.starts_with("@@")) && !line.starts_with("diff --git ");
        let kind = match line.as_bytes().first() {
            _ if !in_hunk => Kind::File,
            Some(b'@') => Kind::Place,
            Some(b'+') => Kind::Added,
            Some(b'-') => Kind::Removed,
            _ => Kind::Same,
        };
        match blocks.last_mut() {
            Some((last, text)) if *last == kind => text.push_str(line),
            _ => blocks.push((kind, line.to_owned())),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_what_they_begin_with() {
        let patch =
            "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n a\n-b\n+c\n+++ d\ndiff --git a/y b/y\n";
        let told: Vec<(Kind, String)> = blocks(patch);
        let kinds: Vec<Kind> = told.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Kind::File, Kind::Place, Kind::Same, Kind::Removed, Kind::Added, Kind::File]);
        assert_eq!(told[4].1, "+c\n+++ d\n");
    }
}
