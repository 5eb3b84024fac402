//! Takes what a step printed, gives runs of text with the colours that it asked for. Nothing is swallowed: whatever is no colour is
//! spelled, and no colour hides a word, since the style sheet alone says what goes with what.

use std::sync::LazyLock;

use regex::Regex;

use crate::words::Words;

/// Colours and weights, and the clearing of what is behind the end of a line, which shows nothing here.
#[expect(clippy::expect_used, reason = "a constant; a unit test compiles it")]
static ASKED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("\x1b\\[([0-9;:]{0,64})(m|K)").expect("the pattern of colours compiles"));

/// Text in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// Names of the style sheet; empty of plain text.
    pub(crate) class: String,
    pub(crate) text: Words,
}

/// What was asked for so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Style {
    ink: Option<u16>,
    paper: Option<u16>,
    bold: bool,
    dim: bool,
    italic: bool,
    underlined: bool,
    struck: bool,
    turned: bool,
}

/// Splits text by its colours.
pub(crate) fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let (mut style, mut at) = (Style::default(), 0);
    for asked in ASKED.captures_iter(text) {
        let (Some(whole), Some(codes), Some(what)) = (asked.get(0), asked.get(1), asked.get(2)) else {
            continue;
        };
        let clears = what.as_str() == "K";
        if clears && !matches!(codes.as_str(), "" | "0") {
            continue;
        }
        push(&mut runs, style, text.get(at..whole.start()).unwrap_or_default());
        at = whole.end();
        if !clears {
            style.obey(codes.as_str());
        }
    }
    push(&mut runs, style, text.get(at..).unwrap_or_default());
    runs
}

fn push(runs: &mut Vec<Run>, style: Style, text: &str) {
    let class = style.class();
    match runs.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.class == class => last.text.push(text),
        _ => runs.push(Run { class, text: text.into() }),
    }
}

impl Style {
    fn obey(&mut self, codes: &str) {
        let numbers = |part: &str| part.split(':').map(|n| n.parse().unwrap_or(0)).collect::<Vec<u16>>();
        let all: Vec<Vec<u16>> = codes.split(';').map(numbers).collect();
        let mut rest = all.as_slice();
        while let Some((code, behind)) = rest.split_first() {
            rest = behind;
            match code.first().copied().unwrap_or(0) {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                3 => self.italic = true,
                4 => self.underlined = code.get(1) != Some(&0),
                7 => self.turned = true,
                9 => self.struck = true,
                22 => (self.bold, self.dim) = (false, false),
                23 => self.italic = false,
                24 => self.underlined = false,
                27 => self.turned = false,
                29 => self.struck = false,
                n @ (30..=37 | 90..=97) => self.ink = Some(basic(n, 30)),
                n @ (40..=47 | 100..=107) => self.paper = Some(basic(n, 40)),
                38 => self.ink = wide(code, &mut rest).or(self.ink),
                48 => self.paper = wide(code, &mut rest).or(self.paper),
                39 => self.ink = None,
                49 => self.paper = None,
                _ => {}
            }
        }
    }

    fn class(self) -> String {
        let (ink, paper) =
            if self.turned { (self.paper, self.ink.or(Some(7))) } else { (self.ink, self.paper) };
        let mut names = Vec::new();
        // On a colour the style sheet says how to write.
        match (ink, paper) {
            (_, Some(paper)) => names.push(format!("b{paper}")),
            (Some(ink), None) => names.push(format!("f{ink}")),
            (None, None) => {}
        }
        let words = [
            (self.bold, "o"),
            (self.dim, "d"),
            (self.italic, "i"),
            (self.underlined, "u"),
            (self.struck, "s"),
        ];
        names.extend(words.iter().filter(|(is_on, _)| *is_on).map(|(_, name)| (*name).to_owned()));
        names.join(" ")
    }
}

/// Numbers one of the sixteen.
fn basic(code: u16, first: u16) -> u16 {
    if code >= 90 { code - 60 - first + 8 } else { code - first }
}

/// Reads one of many colours, in either spelling, and gives that of the sixteen which is nearest.
fn wide(code: &[u16], rest: &mut &[Vec<u16>]) -> Option<u16> {
    let mut next = || {
        let (first, behind) = rest.split_first()?;
        *rest = behind;
        first.first().copied()
    };
    let of_code = |from_end: usize| code.len().checked_sub(from_end).and_then(|at| code.get(at)).copied();
    match if code.len() > 1 { code.get(1).copied() } else { next() } {
        Some(5) => Some(of_256(if code.len() > 1 { of_code(1)? } else { next()? })),
        Some(2) if code.len() > 4 => Some(nearest(of_code(3)?, of_code(2)?, of_code(1)?)),
        Some(2) => Some(nearest(next()?, next()?, next()?)),
        _ => None,
    }
}

fn of_256(index: u16) -> u16 {
    match index {
        0..16 => index,
        16..232 => {
            let step = |n: u16| if n == 0 { 0 } else { 55 + n * 40 };
            nearest(step((index - 16) / 36), step((index - 16) / 6 % 6), step((index - 16) % 6))
        }
        232..256 => nearest(8 + (index - 232) * 10, 8 + (index - 232) * 10, 8 + (index - 232) * 10),
        _ => 7,
    }
}

/// Names one of the sixteen: which parts are strong, and whether it is bright.
fn nearest(red: u16, green: u16, blue: u16) -> u16 {
    let most = red.max(green).max(blue);
    if most < 48 {
        return 0;
    }
    let bit = |part: u16, place: u16| u16::from(part * 2 > most) << place;
    let colour = bit(red, 0) | bit(green, 1) | bit(blue, 2);
    match colour {
        7 if most < 150 => 8,
        _ => colour + if most > 220 { 8 } else { 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, String)> {
        runs(text).into_iter().map(|run| (run.class, run.text.to_string())).collect()
    }

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(class, text)| ((*class).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn colours_become_names() {
        let text =
            "a\x1b[1;31mb\x1b[0mc\x1b[38;5;196md\x1b[38;2;0;0;255me\x1b[38:2::0:128:0mf\x1b[m\x1b[Kg\x1b[7mh";
        let expected = [
            ("", "a"),
            ("f1 o", "b"),
            ("", "c"),
            ("f9", "d"),
            ("f12", "e"),
            ("f2", "f"),
            ("", "g"),
            ("b7", "h"),
        ];
        assert_eq!(told(text), pairs(&expected));
    }

    #[test]
    fn nothing_is_swallowed_and_no_colour_hides() {
        // A title that never ends, a screen that is cleared, a line that is wiped, hidden ink, black on black.
        let text = "\x1b]0;all\n\x1b[2J\x1b[1Kb\x1b[8mc\x1b[30;40md\x1b[38;5mz\x1bPq\u{9b}31m";
        let expected = [("", "␛]0;all\n␛[2J␛[1Kbc"), ("b0", "dz␛Pq⟨U+009B⟩31m")];
        assert_eq!(told(text), pairs(&expected));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_shown(text in "(\\PC|\x1b|\\[|[0-9;:]|m|K|\n){0,80}") {
            let shown: String = runs(&text).iter().map(|run| run.text.to_string()).collect();
            let expected = ASKED.replace_all(&text, |asked: &regex::Captures<'_>| {
                let kept = &asked[2] == "K" && !matches!(&asked[1], "" | "0");
                if kept { asked[0].to_owned() } else { String::new() }
            });
            proptest::prop_assert_eq!(shown, Words::from(&*expected).to_string());
            let known = |class: &str| class.split(' ').all(|name| {
                name.is_empty() || "oidus".contains(name)
                    || name[1..].parse::<u16>().is_ok_and(|n| n < 16 && "fb".contains(&name[..1]))
            });
            proptest::prop_assert!(runs(&text).iter().all(|run| known(&run.class)));
        }
    }
}
