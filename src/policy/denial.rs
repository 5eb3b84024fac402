//! Infers from a failed command's output what its grant refused, and which line of the plan would allow it.

use std::path::{Path, PathBuf};

use super::grant::{Grant, Reach};
use crate::plan::Network;

/// What was probably refused, and what would allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The path or host, as the command named it.
    pub what: String,
    /// What its grant says about it.
    pub why: String,
    /// The line for the plan's step.
    pub allow: String,
}

/// Ends of error messages that a refused file gives.
const FILES: [&str; 8] = [
    "permission denied",
    "operation not permitted",
    "read-only file system",
    "no such file or directory",
    "eacces",
    "eperm",
    "erofs",
    "enoent",
];

/// Hosts that are named at most.
const MOST_HOSTS: usize = 8;

/// Ends of error messages that a refused connection or name gives.
const NETWORK: [&str; 19] = [
    "could not reach host",
    "unknown host",
    "unknownhostexception",
    "no such host",
    "nodename nor servname",
    "nxdomain",
    "getaddrinfo",
    "network is unreachable",
    "could not resolve host",
    "couldn't resolve host",
    "temporary failure in name resolution",
    "name or service not known",
    "enotfound",
    "eai_again",
    "enetunreach",
    "failed to lookup address",
    "dns error",
    "no route to host",
    "address family not supported",
];

/// What the command sees as its own: the worktree, HOME and TMPDIR, as it sees them.
#[derive(Debug, Clone)]
pub struct Own<'a> {
    /// Its worktree.
    pub worktree: &'a Path,
    /// Its HOME.
    pub home: &'a Path,
    /// Its TMPDIR.
    pub tmp: &'a Path,
}

/// Explains the first refusal that the last output of a failed command tells of. A guess, by its nature: the
/// command chooses what it prints.
pub fn explain_denial(output_tail: &[u8], grant: &Grant, own: &Own<'_>) -> Option<Denial> {
    let text = String::from_utf8_lossy(output_tail);
    text.lines().find_map(|line| network(line, &text, grant).or_else(|| file(line, grant, own)))
}

fn network(line: &str, text: &str, grant: &Grant) -> Option<Denial> {
    if *grant.network() != Reach::None || !is_of_network(line) {
        return None;
    }
    let hosts = hosts_in(text);
    let what = match hosts.as_slice() {
        [] => "the network".to_owned(),
        [host] => format!("host {host}"),
        hosts => format!("hosts {}", hosts.join(", ")),
    };
    let why = "the step has `network: none`".into();
    let allow = if hosts.is_empty() { Network::allowing(["example.org"]) } else { Network::allowing(&hosts) };
    Some(Denial { what, why, allow })
}

fn is_of_network(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    NETWORK.iter().any(|each| lower.contains(each))
}

/// Names the hosts that the output complains of: those in lines of a resolver, else the first in an address beside them.
fn hosts_in(text: &str) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for host in text.lines().filter(|line| is_of_network(line)).filter_map(host_in) {
        if hosts.len() < MOST_HOSTS && !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    if hosts.is_empty() {
        let after = |line: &'_ str| Some(line.split_once("://")?.1.to_owned());
        hosts.extend(text.lines().filter_map(after).find_map(|rest| host_in(&rest)));
    }
    hosts
}

/// Returns the first word that reads like a host name or an address.
fn host_in(line: &str) -> Option<String> {
    let words =
        line.split(|letter: char| !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | ':')));
    words
        .map(|word| word.trim_matches(['.', ':', '-']))
        .map(|word| word.rsplit_once("://").map_or(word, |(_, rest)| rest))
        .find(|word| {
            let name = word.split(':').next().unwrap_or_default();
            let last = name.rsplit('.').next().unwrap_or_default();
            let address = name.parse::<std::net::Ipv4Addr>().is_ok();
            let letters = last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_lowercase());
            name.contains('.') && (address || (letters && !FILE_ENDINGS.contains(&last)))
        })
        .map(str::to_owned)
}

/// Endings that read like a domain and are a file's.
const FILE_ENDINGS: [&str; 14] =
    ["rs", "py", "js", "ts", "go", "sh", "toml", "json", "yaml", "yml", "lock", "txt", "md", "c"];

fn file(line: &str, grant: &Grant, own: &Own<'_>) -> Option<Denial> {
    let lower = line.to_ascii_lowercase();
    let sign = FILES.iter().find(|each| lower.contains(*each))?;
    let path = paths_in(line).find(|path| !within(path, [own.worktree, own.home, own.tmp]))?;
    let readable = within(
        &path,
        [grant.system(), grant.toolchains(), grant.read()].into_iter().flatten().map(PathBuf::as_path),
    );
    let writable = within(&path, grant.write().iter().map(PathBuf::as_path));
    // Granted already: the file system's own permissions, or the file is simply not there.
    if writable || (readable && sign.starts_with("no such")) || (readable && *sign == "enoent") {
        return None;
    }
    let shown = path.display();
    let (why, key) = if readable || *sign == "read-only file system" || *sign == "erofs" {
        (format!("the step may read {shown}, not write it"), "write")
    } else {
        (format!("{shown} is not among what the step may see"), "read")
    };
    Some(Denial { what: format!("path {shown}"), why, allow: granting(key, [&path]) })
}

/// Writes the line of a plan by which a step may read what has these paths.
pub fn reading<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> String {
    granting("read", paths)
}

fn granting<P: AsRef<Path>>(key: &str, paths: impl IntoIterator<Item = P>) -> String {
    let paths: Vec<String> =
        paths.into_iter().map(|path| format!("\"{}\"", path.as_ref().display())).collect();
    format!("filesystem: {{{key}: [{}]}}", paths.join(", "))
}

fn within<'a>(path: &Path, folders: impl IntoIterator<Item = &'a Path>) -> bool {
    folders.into_iter().any(|folder| path.starts_with(folder))
}

/// Returns the absolute paths in a line of output, without the signs around them.
fn paths_in(line: &str) -> impl Iterator<Item = PathBuf> + '_ {
    line.split(|letter: char| {
        letter.is_whitespace() || matches!(letter, '"' | '\'' | '`' | '(' | ')' | '=' | ',' | '‘' | '’')
    })
    .map(|word| word.trim_end_matches([':', ';', '.']))
    .filter(|word| word.starts_with('/') && word.len() > 1 && !word.starts_with("//"))
    .map(PathBuf::from)
}
