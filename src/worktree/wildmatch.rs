//! Takes a pattern of git's and a text, gives whether they match: git's `wildmatch`, rule for rule, so that here a
//! pattern means what it means there. What git tries again and again is tried once.

use std::collections::HashMap;

/// How a try ended. Git tells the last two apart from the second to give up early, and what it gives up on is a part
/// of what its patterns mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Match,
    /// Not here.
    No,
    /// Not here, nor further on in this folder.
    NoneInFolder,
    /// Not here, nor anywhere further on.
    NoneAtAll,
}

/// What texts a `*` runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// Names: there is no folder in them.
    Name,
    /// Paths: only `**` runs over a slash.
    Path,
}

/// Tells whether a pattern matches a text as a whole.
pub(super) fn matches(pattern: &[u8], text: &[u8], of: Of) -> bool {
    Wild { pattern, text, of, tried: HashMap::new() }.from(0, 0) == End::Match
}

/// Tells whether a byte of a pattern stands for more than itself.
pub(super) fn is_special(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[' | b'\\')
}

/// Counts the places of a pattern from which it is tried anew: as deep goes the stack.
pub(super) fn stars(pattern: &[u8]) -> usize {
    let begins =
        |at: &usize| pattern.get(*at) == Some(&b'*') && (*at == 0 || pattern.get(at - 1) != Some(&b'*'));
    (0..pattern.len()).filter(begins).count()
}

struct Wild<'a> {
    pattern: &'a [u8],
    text: &'a [u8],
    of: Of,
    /// What came of each try, by where it began.
    tried: HashMap<(usize, usize), End>,
}

/// What a `*` comes to.
enum Star {
    /// The whole try.
    End(End),
    /// It goes on behind this byte of the text and this one of the pattern.
    Goes(usize, usize),
}

impl Wild<'_> {
    /// Returns a byte of the pattern; behind its end 0, which no pattern has.
    fn p(&self, at: usize) -> u8 {
        self.pattern.get(at).copied().unwrap_or(0)
    }

    /// Returns a byte of the text; behind its end 0, which no path has.
    fn t(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn has_slash(&self, from: usize) -> Option<usize> {
        (from..self.text.len()).find(|at| self.t(*at) == b'/')
    }

    fn in_path(&self) -> bool {
        self.of == Of::Path
    }

    /// Tries a rest of the pattern on a rest of the text, for the first time only.
    fn again(&mut self, pattern: usize, text: usize) -> End {
        if let Some(end) = self.tried.get(&(pattern, text)) {
            return *end;
        }
        let end = self.from(pattern, text);
        self.tried.insert((pattern, text), end);
        end
    }

    fn from(&mut self, start: usize, text: usize) -> End {
        let (mut p, mut t) = (start, text);
        while self.p(p) != 0 {
            let (wanted, there) = (self.p(p), self.t(t));
            if there == 0 && wanted != b'*' {
                return End::NoneAtAll;
            }
            match wanted {
                b'?' if self.in_path() && there == b'/' => return End::No,
                b'?' => {}
                b'*' => match self.star(start, p, t) {
                    Star::End(end) => return end,
                    Star::Goes(behind_t, behind_p) => (t, p) = (behind_t, behind_p),
                },
                b'[' => match class(self.pattern, p, there) {
                    None => return End::NoneAtAll,
                    Some((false, _)) => return End::No,
                    Some((true, _)) if self.in_path() && there == b'/' => return End::No,
                    Some((true, end)) => p = end,
                },
                wanted => {
                    let is_escape = wanted == b'\\';
                    p += usize::from(is_escape);
                    if self.p(p) != there {
                        return End::No;
                    }
                }
            }
            (p, t) = (p + 1, t + 1);
        }
        if t >= self.text.len() { End::Match } else { End::No }
    }

    /// Tries stars, the first of which is at `p`, in a pattern that is tried from `start` on.
    fn star(&mut self, start: usize, first: usize, text: usize) -> Star {
        let behind = (first..self.pattern.len()).find(|at| self.p(*at) != b'*').unwrap_or(self.pattern.len());
        let is_double = behind > first + 1;
        let begins = first == start || self.p(first - 1) == b'/';
        let next = (self.p(behind), self.p(behind + 1));
        let ends = matches!(next, (0 | b'/', _) | (b'\\', b'/'));
        let crosses = !self.in_path() || (is_double && begins && ends);
        // `**/` stands for no folder, too.
        let is_folders = self.in_path() && crosses && next.0 == b'/';
        if is_folders && self.again(behind + 1, text) == End::Match {
            return Star::End(End::Match);
        }
        if next.0 == 0 {
            let is_beyond = !crosses && self.has_slash(text).is_some();
            return Star::End(if is_beyond { End::NoneInFolder } else { End::Match });
        }
        if !crosses && next.0 == b'/' {
            // The slash itself is taken by whoever goes on.
            return self.has_slash(text).map_or(Star::End(End::NoneAtAll), |slash| Star::Goes(slash, behind));
        }
        Star::End(self.run(behind, text, crosses))
    }

    /// Tries what is behind stars at every byte that they can run to.
    fn run(&mut self, behind: usize, text: usize, crosses: bool) -> End {
        let mut t = text;
        while self.t(t) != 0 {
            if !is_special(self.p(behind)) {
                while self.t(t) != 0 && self.t(t) != self.p(behind) && (crosses || self.t(t) != b'/') {
                    t += 1;
                }
                if self.t(t) != self.p(behind) {
                    return if crosses { End::NoneAtAll } else { End::NoneInFolder };
                }
            }
            match self.again(behind, t) {
                End::No if !crosses && self.t(t) == b'/' => return End::NoneInFolder,
                End::No => {}
                End::NoneInFolder if crosses => {}
                end => return end,
            }
            t += 1;
        }
        End::NoneAtAll
    }
}

/// Reads a class `[…]` that begins at a byte of a pattern: whether it holds a byte, and where it ends. Nothing if
/// it has no end, or names a class of characters that nobody knows.
fn class(pattern: &[u8], begin: usize, byte: u8) -> Option<(bool, usize)> {
    let p = |at: usize| pattern.get(at).copied().unwrap_or(0);
    let is_negated = matches!(p(begin + 1), b'!' | b'^');
    let mut at = begin + 1 + usize::from(is_negated);
    let (mut before, mut holds) = (0, false);
    loop {
        // What a range can begin with; nothing can behind a range or a named class.
        let mut this = p(at);
        match this {
            0 => return None,
            b'\\' => {
                at += 1;
                this = Some(p(at)).filter(|byte| *byte != 0)?;
                holds |= byte == this;
            }
            b'-' if before != 0 && !matches!(p(at + 1), 0 | b']') => {
                at += 1;
                let mut last = p(at);
                if last == b'\\' {
                    at += 1;
                    last = Some(p(at)).filter(|byte| *byte != 0)?;
                }
                holds |= (before..=last).contains(&byte);
                this = 0;
            }
            b'[' if p(at + 1) == b':' => {
                let end = (at + 2..pattern.len()).find(|at| p(*at) == b']')?;
                if end >= at + 3 && p(end - 1) == b':' {
                    holds |= is_of(pattern.get(at + 2..end - 1)?, byte)?;
                    (at, this) = (end, 0);
                } else {
                    holds |= byte == b'[';
                }
            }
            this => holds |= byte == this,
        }
        before = this;
        at += 1;
        if p(at) == b']' {
            return Some((holds != is_negated, at));
        }
    }
}

/// Tells whether a byte is of a named class, as git counts them: in ASCII, and with four kinds of space.
fn is_of(class: &[u8], byte: u8) -> Option<bool> {
    let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    Some(match class {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => (b' '..=b'~').contains(&byte) && !is_space,
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => (b' '..=b'~').contains(&byte),
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => is_space,
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => return None,
    })
}
