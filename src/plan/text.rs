//! The kinds of text a plan holds: ids, paths, patterns, names. Each is a type with one reader, which serves
//! the check of the marked tree, serde, and (as `format` and `pattern`) the JSON Schema.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::{Cached, Destination, EnvEntry, Glob, Wrong, cached, person, units};

/// Declares the types: name, what it holds, its `format`, a `pattern` for editors, its reader.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident($inner:ty) $format:literal $pattern:literal $read:path;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone)]
            pub(super) struct $name(pub(super) $inner);

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = Cow::<'de, str>::deserialize(deserializer)?;
                    $read(&text).map(Self).map_err(|wrong| de::Error::custom(wrong.message))
                }
            }

            impl JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({ "type": "string", "format": $format, "pattern": $pattern })
                }
            }
        )*

        /// Checks a text against a `format` of the schema.
        pub(super) fn check(format: &str, text: &str) -> Result<(), Wrong> {
            match format {
                $($format => $read(text).map(drop),)*
                _ => Ok(()),
            }
        }
    };
}

texts! {
    /// A duration with its unit.
    Time(Duration) "autopilot-duration" r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$" units::read_duration;
    /// A size with its unit.
    Size(u64) "autopilot-size" r"^[0-9]+([KMGT]iB|B)$" units::read_size;
    /// The id of a step.
    Id(String) "autopilot-id" r"^[a-z0-9][a-z0-9._-]{0,63}$" read_id;
    /// Any text that says something.
    Prose(String) "autopilot-text" r"\S" read_prose;
    /// A text of one line.
    Line(String) "autopilot-line" r"^[^\r\n]*\S[^\r\n]*$" read_line;
    /// A path inside the folder it is relative to.
    InnerPath(PathBuf) "autopilot-path" r"^[^/~]" read_inner_path;
    /// A folder in the checkout or in HOME of the steps.
    CachedFolder(Cached) "autopilot-cache" r"^[^/]" cached::read;
    /// An absolute path, or one in the caller's home.
    OuterPath(PathBuf) "autopilot-host-path" r"^(/|~/|~$)" read_outer_path;
    /// A path pattern.
    Pattern(Glob) "autopilot-glob" r"^[^/!]" read_glob;
    /// A regular expression.
    Expression(Regex) "autopilot-regex" r"." read_regex;
    /// `NAME` or `NAME=value`.
    Env(EnvEntry) "autopilot-env" r"^[A-Za-z_][A-Za-z0-9_]*(=[\s\S]*)?$" read_env;
    /// The name of a variable.
    EnvName(String) "autopilot-env-name" r"^[A-Za-z_][A-Za-z0-9_]*$" read_env_name;
    /// A host, with or without a port.
    Host(Destination) "autopilot-host" r"^[^/@\s]+$" read_host;
    /// Where a model is served.
    BaseUrl(String) "autopilot-url" r"^https?://[^\s]+$" read_url;
    /// Somebody on GitHub.
    Mention(String) "autopilot-mention" r"^@[A-Za-z0-9][A-Za-z0-9-]*(/[A-Za-z0-9._-]+)?$" read_mention;
    /// The id of a task in an agent's cloud, and names of that kind.
    Token(String) "autopilot-token" r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$" read_token;
    /// The name of a model, or what it is like.
    ModelName(String) "autopilot-model" r"^[A-Za-z0-9*][A-Za-z0-9._:/@*-]*$" read_model;
    /// An amount of money.
    Money(String) "autopilot-money" r"^[0-9]+(\.[0-9]{1,2})? USD$" read_money;
    /// What a million tokens cost.
    Rate(u64) "autopilot-rate" r"^[0-9]+(\.[0-9]{1,3})? USD$" units::read_rate;
    /// The name of a person, as git takes it.
    PersonName(String) "autopilot-person" r"^[^<>\r\n]+$" person::read_name;
    /// An e-mail address, as git takes it.
    Email(String) "autopilot-email" r"^[^<>@\s]+@[^<>@\s]+$" person::read_email;
    /// What git takes for a commit.
    Revision(String) "autopilot-revision" r"^[^-\s][^\s]*$" read_revision;
}

/// Reads the id of a step. Ids become file names and parts of ref names (see `git check-ref-format`).
fn read_id(text: &str) -> Result<String, Wrong> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_safe = text.starts_with(allowed)
        && text.chars().all(|c| allowed(c) || matches!(c, '.' | '_' | '-'))
        && text.len() <= 64
        && !text.contains("..")
        && !text.ends_with('.')
        && text.strip_suffix(".lock").is_none();
    if is_safe {
        return Ok(text.to_owned());
    }
    let rule = "an id is `a-z`, `0-9`, `.`, `_`, `-`, starts with a letter or digit, has at most 64 characters, \
                no `..`, and does not end in `.` or `.lock`";
    let hint = suggest_id(text).map_or(rule.to_owned(), |better| format!("write `{better}`; {rule}"));
    Err(Wrong::new("is not safe as a name", hint))
}

/// Tells whether a text is the id of a step as it is.
pub(super) fn is_id(text: &str) -> bool {
    read_id(text).is_ok()
}

fn suggest_id(text: &str) -> Option<String> {
    let mut out = String::new();
    for c in text.trim().chars().take(64) {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' => out.push(c),
            _ if out.ends_with('-') || out.is_empty() => {}
            _ => out.push('-'),
        }
    }
    let trimmed = out.trim_matches(['-', '_']);
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

fn read_prose(text: &str) -> Result<String, Wrong> {
    if text.trim().is_empty() {
        return Err(Wrong::new("says nothing", "write something, or take the key out"));
    }
    Ok(text.to_owned())
}

fn read_line(text: &str) -> Result<String, Wrong> {
    if text.trim_end().contains(['\n', '\r']) {
        return Err(Wrong::new("has more than one line", "write it in one line"));
    }
    read_prose(text.trim())
}

/// Reads a path that stays in its folder; `./a//b` becomes `a/b`, `.` becomes the empty path.
fn read_inner_path(text: &str) -> Result<PathBuf, Wrong> {
    let mut path = PathBuf::new();
    if text.trim().is_empty() {
        return Err(Wrong::new("is empty", "write a relative path, or take it out"));
    }
    if text.starts_with("~/") || text == "~" {
        return Err(Wrong::new("leaves its folder", "write a path relative to the folder, without `~`"));
    }
    for component in Path::new(text).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                return Err(Wrong::new("leaves its folder", "write a path without `..`"));
            }
            Component::RootDir | Component::Prefix(_) => {
                return Err(Wrong::new("is absolute", "write a path relative to the folder"));
            }
        }
    }
    Ok(path)
}

fn read_outer_path(text: &str) -> Result<PathBuf, Wrong> {
    let rule = "write an absolute path, or `~/…` for one in your home";
    if let Some(rest) = text.strip_prefix("$HOME").or_else(|| text.strip_prefix("${HOME}")) {
        return Err(Wrong::new("holds a variable", format!("write `~{rest}`")));
    }
    let rest = match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        Some(_) => return Err(Wrong::new("names another user's home", rule)),
        None if text.starts_with('/') => text,
        None => return Err(Wrong::new("is relative", rule)),
    };
    if Path::new(rest).components().any(|part| part == Component::ParentDir) {
        return Err(Wrong::new("holds `..`", "write the path it leads to"));
    }
    Ok(PathBuf::from(text))
}

fn read_glob(text: &str) -> Result<Glob, Wrong> {
    if text.trim().is_empty() {
        return Err(Wrong::new("is empty", "write a pattern such as `src/**`"));
    }
    if let Some(rest) = text.strip_prefix('!') {
        return Err(Wrong::new("starts with `!`", format!("write `{rest}` under `not_within`")));
    }
    if text.starts_with('/') || text.starts_with("./") {
        let better = text.trim_start_matches(['.', '/']);
        return Err(Wrong::new(
            "would match nothing",
            format!("paths are relative to the repository: write `{better}`"),
        ));
    }
    if text.split('/').any(|part| part == "..") {
        return Err(Wrong::new("leaves the repository", "write a pattern without `..`"));
    }
    if text.ends_with('/') {
        return Err(Wrong::new("would match nothing", format!("write `{text}**` for all in the folder")));
    }
    Glob::new(text)
}

/// What a compiled regular expression takes, at most.
pub(super) const LARGEST_REGEX: usize = 2 << 20;

fn read_regex(text: &str) -> Result<Regex, Wrong> {
    if text.is_empty() {
        return Err(Wrong::new("is empty and matches everything", "write what must match, or take it out"));
    }
    // Bounded, so that a plan of 1 MiB cannot take the checker's memory; `weight` bounds all of a plan together.
    let built = regex::RegexBuilder::new(text)
        .multi_line(true)
        .size_limit(LARGEST_REGEX)
        .dfa_size_limit(LARGEST_REGEX)
        .build();
    built.map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let hint = match error {
            regex::Error::CompiledTooBig(_) => "write a simpler one: `\\w{100}` takes much, `[a-z]{100}` little",
            _ => "to match a character such as `(` or `[` as it is, write `\\(`, `\\[`; syntax: https://docs.rs/regex",
        };
        Wrong::new(format!("is not a regular expression: {reason}"), hint)
    })
}

/// Set by the runner for every step: a plan that sets them would be ignored.
const OURS: [&str; 2] = ["HOME", "TMPDIR"];

fn read_env(text: &str) -> Result<EnvEntry, Wrong> {
    match text.split_once('=') {
        None => read_env_name(text).map(EnvEntry::Inherit),
        Some((name, value)) => Ok(EnvEntry::Set(read_env_name(name)?, value.to_owned())),
    }
}

impl FromStr for EnvEntry {
    type Err = Wrong;

    /// Reads `NAME` or `NAME=value`.
    fn from_str(text: &str) -> Result<Self, Wrong> {
        read_env(text)
    }
}

fn read_env_name(text: &str) -> Result<String, Wrong> {
    let is_name = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        let bare = text.trim_start_matches(['$', '{']).trim_end_matches('}').trim();
        let hint = match (text.contains(['$', '{']), bare) {
            (true, bare) if !bare.is_empty() => format!("write the name alone: `{bare}`"),
            _ => "write `NAME`, or `NAME=value` in `env`; a name is letters, digits and `_`".to_owned(),
        };
        return Err(Wrong::new("is not the name of a variable", hint));
    }
    if OURS.contains(&text) {
        return Err(Wrong::new(
            "is set by autopilot",
            "each run has a HOME and each attempt a TMPDIR of its own: take it out",
        ));
    }
    Ok(text.to_owned())
}

fn read_url(text: &str) -> Result<String, Wrong> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let authority = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let rule = "write the address up to and with the version, such as `http://127.0.0.1:8080/v1`";
    match authority {
        Some(authority) if authority.contains('@') => {
            Err(Wrong::new("holds a user name or key", "name the variable that holds the key by `env_key`"))
        }
        Some(authority)
            if read_host(authority).is_ok()
                && !authority.contains('*')
                && !text.contains(char::is_whitespace) =>
        {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(Wrong::new("is not an http or https address", rule)),
    }
}

fn read_mention(text: &str) -> Result<String, Wrong> {
    let name = text.strip_prefix('@').unwrap_or(text);
    let mut parts = name.splitn(2, '/');
    let is_login = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let login = parts.next().is_some_and(is_login);
    let team = parts.next().is_none_or(|team| {
        !team.is_empty() && team.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    });
    match (login && team, text.starts_with('@')) {
        (true, true) => Ok(text.to_owned()),
        (true, false) => Err(Wrong::new("mentions nobody", format!("write \"@{name}\""))),
        _ => Err(Wrong::new("is not a GitHub user or team", "write \"@user\" or \"@organisation/team\"")),
    }
}

/// Reads a name that is handed to a program as an argument: it must not look like an option.
fn read_token(text: &str) -> Result<String, Wrong> {
    let is_token = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '/' | '@' | '-'));
    if is_token {
        return Ok(text.to_owned());
    }
    Err(Wrong::new("is not a name", "write letters, digits and `._:/@-`, starting with a letter or digit"))
}

/// Reads the name of a model in which `*` stands for any text.
fn read_model(text: &str) -> Result<String, Wrong> {
    let plain = text.replace('*', "x");
    read_token(&plain).map(|_| text.to_owned()).map_err(|_| {
        Wrong::new(
            "is not the name of a model",
            "write one such as `gpt-5.5`, or \"qwen*\" for all that begin so",
        )
    })
}

/// Reads an amount of money, such as `5 USD`.
fn read_money(text: &str) -> Result<String, Wrong> {
    let amount = text.split_once(' ').and_then(|(number, unit)| {
        let (whole, cents) = number.split_once('.').unwrap_or((number, "0"));
        let digits =
            |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        // Models are priced in nothing else.
        (digits(whole, 9) && digits(cents, 2) && unit == "USD").then(|| text.to_owned())
    });
    amount.ok_or_else(|| Wrong::new("is not an amount of money", "write a number and US dollars: `5 USD`"))
}

fn read_revision(text: &str) -> Result<String, Wrong> {
    if text.is_empty() || text.starts_with('-') || text.contains(char::is_whitespace) {
        return Err(Wrong::new("is not a revision", "write a branch, tag or commit, such as `main`"));
    }
    Ok(text.to_owned())
}

/// Reads an entry of an allow list.
fn read_host(text: &str) -> Result<Destination, Wrong> {
    text.parse()
}
