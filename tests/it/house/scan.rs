//! Takes the text of a source file, gives what it declares and what it names: its modules, its `use` items and the
//! paths in its code. Reads tokens, not grammar, so that code inside macros is seen, too; code for tests is left out.

/// A word, `::`, or one other character; text in quotes and comments are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

/// One name that a `use` item brings into scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    /// What it is called here; `*` for all.
    pub(super) name: String,
    pub(super) path: Vec<String>,
    /// Whether others find it here: it has a visibility of its own.
    pub(super) is_public: bool,
    pub(super) line: usize,
}

/// What one file declares and names.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) modules: Vec<String>,
    pub(super) uses: Vec<Use>,
    /// Paths of two words and more in its code, each with its line.
    pub(super) paths: Vec<(Vec<String>, usize)>,
    /// Words of its code that stand alone, or as the first of a path.
    pub(super) words: Vec<String>,
}

impl Source {
    pub(super) fn read(text: &str) -> Self {
        let tokens = without_tests(&tokens(text));
        let mut source = Self::default();
        let mut at = 0;
        while at < tokens.len() {
            at = source.item(&tokens, at);
        }
        source
    }

    /// Takes what begins here, and returns where to go on.
    fn item(&mut self, tokens: &[Token], at: usize) -> usize {
        let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
        let before = at.checked_sub(1).map_or("", text);
        match text(at) {
            "mod" if is_word(text(at + 1)) && text(at + 2) == ";" => {
                self.modules.push(text(at + 1).into());
                at + 3
            }
            "use" if text(at + 1) != "<" => {
                let is_public = before == "pub" || before == ")";
                let mut reader = Reader { tokens, at: at + 1, is_public, uses: &mut self.uses };
                reader.tree(&mut Vec::new());
                reader.at
            }
            // `pub(in crate::room)` says who may look, and takes nothing.
            "pub" if text(at + 1) == "(" => at + 1 + distance(&tokens[at + 1..], ")") + 1,
            word if is_word(word) && before != "::" && before != "." => self.path(tokens, at),
            _ => at + 1,
        }
    }

    fn path(&mut self, tokens: &[Token], at: usize) -> usize {
        let mut path = vec![tokens[at].text.clone()];
        let mut end = at + 1;
        while let [colons, word, ..] = &tokens[end..]
            && colons.text == "::"
            && is_word(&word.text)
        {
            path.push(word.text.clone());
            end += 2;
        }
        let is_called = tokens.get(end).is_some_and(|next| next.text == "(" || next.text == "!");
        let is_defined = at > 0 && tokens[at - 1].text == "fn";
        if path.len() > 1 {
            self.paths.push((path, tokens[at].line));
        } else if !is_defined && (is_called || path[0].starts_with(char::is_uppercase)) {
            self.words.push(path.remove(0));
        }
        end
    }
}

/// Reads the tree of one `use` item.
struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    is_public: bool,
    uses: &'a mut Vec<Use>,
}

impl Reader<'_> {
    fn next(&mut self) -> &str {
        self.at += 1;
        self.tokens.get(self.at - 1).map_or(";", |token| &token.text)
    }

    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or(";", |token| &token.text)
    }

    /// Reads one branch, below what was read before it; stops at what ends it.
    fn tree(&mut self, prefix: &mut Vec<String>) {
        let depth = prefix.len();
        loop {
            match self.peek() {
                "{" => {
                    self.next();
                    while self.peek() != "}" && self.peek() != ";" {
                        self.tree(prefix);
                        if self.peek() == "," {
                            self.next();
                        }
                    }
                    self.next();
                    break;
                }
                "::" => drop(self.next().len()),
                "*" => {
                    self.next();
                    self.add("*".into(), prefix.clone());
                    break;
                }
                word if is_word(word) => {
                    let word = self.next().to_owned();
                    // `a::{self}` is `a`; a leading `self` is this module.
                    if word != "self" || prefix.is_empty() {
                        prefix.push(word);
                    }
                    if self.peek() != "::" {
                        let mut name = prefix.last().cloned().unwrap_or_default();
                        if self.peek() == "as" {
                            self.next();
                            name = self.next().to_owned();
                        }
                        self.add(name, prefix.clone());
                        break;
                    }
                }
                _ => break,
            }
        }
        prefix.truncate(depth);
    }

    fn add(&mut self, name: String, path: Vec<String>) {
        let line = self.tokens.get(self.at.saturating_sub(1)).map_or(0, |token| token.line);
        self.uses.push(Use { name, path, is_public: self.is_public, line });
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Returns how far the closing bracket of the one that begins here is.
fn distance(tokens: &[Token], closing: &str) -> usize {
    let opening = &tokens[0].text;
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        if token.text == *opening {
            depth += 1;
        } else if token.text == closing {
            depth -= 1;
            if depth == 0 {
                return at;
            }
        }
    }
    tokens.len() - 1
}

/// Leaves out each item below `#[cfg(test)]`.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let length = if tokens[at].text == "#" { attribute(&tokens[at..]) } else { None };
        if let Some((length, true)) = length {
            at += length + item_length(&tokens[at + length..]);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Returns how long the attribute is that begins here, if it is one, and whether it keeps an item for tests.
fn attribute(tokens: &[Token]) -> Option<(usize, bool)> {
    let open = 1 + usize::from(tokens.get(1)?.text == "!");
    if tokens.get(open)?.text != "[" {
        return None;
    }
    let length = open + distance(&tokens[open..], "]") + 1;
    let words: Vec<&str> = tokens[open + 1..length].iter().map(|token| token.text.as_str()).collect();
    let is_for_tests = words.first() == Some(&"cfg") && words.contains(&"test") && !words.contains(&"not");
    Some((length, is_for_tests))
}

/// Returns how long the item is that begins here: to its `;`, or to the end of its block.
fn item_length(tokens: &[Token]) -> usize {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            ";" => return at + 1,
            "(" => at += distance(&tokens[at..], ")"),
            "[" => at += distance(&tokens[at..], "]"),
            "{" => return at + distance(&tokens[at..], "}") + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Cuts a text into tokens. Comments, texts, characters and lifetimes are left out, but for the path in a text that
/// names what serde is to use: `serialize_with = "show::duration"`.
fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let (mut rest, mut line, mut in_path) = (text, 1, false);
    while let Some(first) = rest.chars().next() {
        let names = matches!(&found[..], [.., key, is] if is.text == "=" && key.text.ends_with("with"));
        if first == '"' && (names || in_path) {
            in_path = !in_path;
            rest = &rest[1..];
            continue;
        }
        let length = skipped(rest).unwrap_or_else(|| {
            let length = match first {
                ':' if rest.starts_with("::") => 2,
                c if c.is_alphanumeric() || c == '_' => {
                    rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
                }
                c => c.len_utf8(),
            };
            if !first.is_whitespace() {
                found.push(Token { text: rest[..length].into(), line });
            }
            length
        });
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

/// Returns how long what begins here is, if it is no code: a comment, a text, a character or a lifetime.
fn skipped(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(comment(rest));
    }
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|after| {
            let hashes = if prefix.ends_with('r') { after.trim_start_matches('#') } else { after };
            hashes.starts_with('"') || (matches!(*prefix, "b" | "") && after.starts_with('\''))
        })
    })?;
    let body = &rest[prefix.len()..];
    let length = match body.chars().next()? {
        '\'' => character(body),
        _ if prefix.ends_with('r') => {
            let end = format!("\"{}", &body[..body.find('"')?]);
            let begin = end.len();
            begin + body[begin..].find(&end)? + end.len()
        }
        _ => quoted(body, '"'),
    };
    Some(prefix.len() + length)
}

fn comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let step = match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (1, 2),
            [b'*', b'/', ..] => (-1, 2),
            _ => (0, 1),
        };
        depth += step.0;
        at += step.1;
        if depth == 0 {
            break;
        }
    }
    at
}

/// Returns the length of a character, or of the name of a lifetime.
fn character(body: &str) -> usize {
    let mut inside = body.chars().skip(1);
    match (inside.next(), inside.next()) {
        (Some('\\'), _) => quoted(body, '\''),
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => 1 + body[1..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(body.len() - 1),
    }
}

fn quoted(body: &str, quote: char) -> usize {
    let mut is_escaped = true;
    for (at, c) in body.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    body.len()
}

#[test]
#[expect(clippy::needless_raw_string_hashes, reason = "a raw string in it ends with a quote and a hash")]
fn each_way_to_name_something_is_seen_and_nothing_else() {
    let source = Source::read(
        r##"
        //! crate::no::comment
        mod child;
        #[serde(rename = "crate::no::name", serialize_with = "far::serialize")]
        pub(crate) use child::{Shown, deep::{self, Er as Renamed}};
        use super::super::{far, near::*};
        #[cfg(test)]
        use crate::no::test;
        pub(in crate::no) fn call<'a>(x: &'a str) -> impl Sized + use<'a> {
            let _ = ('\'', '"', "crate::no::text \" ", r#"crate::no::raw""#, b'"', br"\");
            println!("{}", crate::yes::macros(far::away::Item::new(x.crate_)));
        }
        #[cfg(test)]
        mod tests { use crate::no::test; fn f() { crate::no::test() } }
        "##,
    );
    let uses: Vec<String> = source
        .uses
        .iter()
        .map(|each| {
            format!("{} {}{}", each.path.join("::"), each.name, if each.is_public { " pub" } else { "" })
        })
        .collect();
    let expected = [
        "child::Shown Shown pub",
        "child::deep deep pub",
        "child::deep::Er Renamed pub",
        "super::super::far far",
        "super::super::near *",
    ];
    assert_eq!(uses, expected);
    assert_eq!(source.modules, ["child"]);
    let paths: Vec<String> =
        source.paths.iter().map(|(path, line)| format!("{line} {}", path.join("::"))).collect();
    assert_eq!(paths, ["4 far::serialize", "11 crate::yes::macros", "11 far::away::Item::new"]);
    assert!(source.words.contains(&"Sized".into()) && !source.words.contains(&"call".into()));
}
