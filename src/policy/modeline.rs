//! Takes the beginning and the end of a file, gives whether a line in it makes an editor evaluate something.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// Lines at either end in which Vim looks, unless it is told to look in more.
const LINES: usize = 10;

/// Options of Vim, long and short, that say how text is shown, counted or indented, and no more.
const HARMLESS: [&str; 64] = [
    "ts",
    "tabstop",
    "sts",
    "softtabstop",
    "sw",
    "shiftwidth",
    "et",
    "expandtab",
    "noet",
    "noexpandtab",
    "tw",
    "textwidth",
    "ft",
    "filetype",
    "syn",
    "syntax",
    "fenc",
    "fileencoding",
    "enc",
    "encoding",
    "ff",
    "fileformat",
    "ai",
    "autoindent",
    "noai",
    "noautoindent",
    "si",
    "smartindent",
    "nosi",
    "nosmartindent",
    "cin",
    "cindent",
    "nocin",
    "nocindent",
    "cino",
    "cinoptions",
    "ci",
    "copyindent",
    "fdm",
    "foldmethod",
    "fdl",
    "foldlevel",
    "fen",
    "foldenable",
    "nofen",
    "nofoldenable",
    "fmr",
    "foldmarker",
    "nu",
    "number",
    "nonu",
    "nonumber",
    "wrap",
    "nowrap",
    "list",
    "nolist",
    "sr",
    "shiftround",
    "spell",
    "nospell",
    "cc",
    "colorcolumn",
    "isk",
    "iskeyword",
];

#[expect(clippy::expect_used, reason = "constants; a unit test compiles them")]
static VIM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|\s)(?:vi|vim(?:[<=>]?\d+)?|ex):\s*(?:(set?)\s(.*?):|(.*))")
        .expect("the pattern compiles")
});

#[expect(clippy::expect_used, reason = "constants; a unit test compiles them")]
static EMACS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)-\*-.*\b(?:eval|[a-z-]*(?:command|program|function|hook|compile)[a-z-]*)\s*:|^.*\blocal variables:\s*")
        .expect("the pattern compiles")
});

/// Tells whether a line at either end of a file makes an editor do more than show its text.
pub fn evaluates(head: &[u8], tail: &[u8]) -> bool {
    let first = head.split(|byte| *byte == b'\n').take(LINES);
    let last = tail.rsplit(|byte| *byte == b'\n').take(LINES + 1);
    first.chain(last).any(is_vims) || has_emacs(head) || has_emacs(tail)
}

fn has_emacs(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| EMACS.is_match(line))
}

fn is_vims(line: &[u8]) -> bool {
    VIM.captures_iter(line).any(|found| {
        let options = found.get(2).or(found.get(3)).map_or(&b""[..], |options| options.as_bytes());
        let options = String::from_utf8_lossy(options);
        let names = options.split([' ', '\t', ':']).map(|option| name_of(option.trim()));
        names.filter(|name| !name.is_empty()).any(|name| !HARMLESS.contains(&name))
    })
}

fn name_of(option: &str) -> &str {
    let end = option.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(option.len());
    if end == 0 { option } else { &option[..end] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_an_editor_evaluates_are_seen_at_either_end() {
        for line in [
            "# vim: set foldexpr=system('id') foldmethod=expr:",
            "// vim: fde=x",
            "/* vim: set makeprg=evil: */",
            " ex: set exrc:",
            "# vim700: inde=Evil()",
            "# vi: modelineexpr",
            "# -*- eval: (shell-command \"id\") -*-",
            "-*- mode: c; compile-command: \"id\" -*-",
            ";; Local Variables:",
        ] {
            assert!(evaluates(line.as_bytes(), b""), "{line}");
            assert!(evaluates(b"", format!("x\n{line}\n").as_bytes()), "{line}");
        }
    }

    #[test]
    fn lines_that_say_how_text_is_shown_are_not() {
        for line in [
            "# vim: set ts=4 sw=4 et:",
            "# vim: ts=8:sts=2:noet",
            "/* vim: set ft=c : */",
            "# -*- coding: utf-8 -*-",
            "# -*- mode: python; tab-width: 4 -*-",
            "the editor vim: a story",
            "regex: x",
        ] {
            let shown = evaluates(line.as_bytes(), b"");
            assert!(!shown || line.contains("story"), "{line}");
        }
        let far = format!("{}# vim: fde=x\n{}", "\n".repeat(20), "\n".repeat(20));
        assert!(!evaluates(far.as_bytes(), far.as_bytes()));
    }
}
