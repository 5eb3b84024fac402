//! Ids: takes a test's name as a report has it, gives one that can be shown, compared and kept.

/// More bytes of an id than are kept.
const LONGEST: usize = 512;

/// What can be shown of a name: nothing that moves a cursor, turns text around or hides, and no novel.
///
/// Names that differ only behind what is kept are one test, whose worse outcome counts.
pub(super) fn shown(name: &str) -> String {
    let mut shown = String::with_capacity(name.len().min(LONGEST));
    for char in name.trim().chars() {
        if shown.len() > LONGEST {
            shown.push('…');
            return shown;
        }
        if is_plain(char) { shown.push(char) } else { shown.extend(char.escape_unicode()) }
    }
    shown
}

fn is_plain(char: char) -> bool {
    !char.is_control()
        && !matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        && !matches!(char, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
