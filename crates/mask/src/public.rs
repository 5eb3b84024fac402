//! How much of a value anybody could guess: a shared start such as `github_pat_` betrays nothing.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

#[expect(clippy::expect_used, reason = "a constant; a unit test compiles it")]
static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"^\s*(?-u:"[\w.-]{1,64}"\s*:\s*"?|[A-Z][A-Z0-9_]{1,64}=["']?|[A-Za-z][\w.-]{0,40}:\s+["']?)?"#,
        r"(?-u:[A-Za-z][A-Za-z0-9+.-]{1,20}://",
        r"|(?i:DefaultEndpointsProtocol=https?;AccountName=|Endpoint=sb://|(?:Server|Data Source|Host)=(?:tcp:)?)",
        r"|gh[pousr]_|github_pat_|gl[a-z]{2,5}-|sk-(?:ant-(?:api|admin|oat)\d\d-|proj-|svcacct-|admin-|or-v1-)?",
        r"|(?:AKIA|ASIA)|xox[a-z]-|xapp-\d-|[rsp]k_(?:live|test)_|whsec_|npm_|pypi-AgEIcHlwaS5vcmc|pypi-AgE|AIza|ya29\.",
        r"|GOCSPX-|hf_|SG\.|do[opr]_v1_|dckr_pat_|AGE-SECRET-KEY-1|hv[sbr]\.",
        r"|eyJ[\w-]*\.|(?:ssh-(?:rsa|ed25519|dss)|ecdsa-[\w-]+) AAAA|(?i:bearer|basic|token) )?",
    ))
    .expect("the pattern of public prefixes compiles")
});

/// What tells nothing within a value: armour, the keys of a JSON document and of a connection string.
#[expect(clippy::expect_used, reason = "a constant; a unit test compiles it")]
static WITHIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?-u)-----(?:BEGIN|END) [A-Z0-9 ]{1,60}-----",
        r#"|[{,]\s*"[\w.-]{1,64}"\s*:\s*"?"#,
        r"|;\s*(?i:Initial Catalog|Database|Persist Security Info|Integrated Security|User ID|Uid|User|Username",
        r"|Password|Pwd|Encrypt|TrustServerCertificate|MultipleActiveResultSets|Connection Timeout|Port|SSL ?Mode",
        r"|AccountName|AccountKey|EndpointSuffix|(?:Blob|Queue|Table|File)Endpoint|SharedAccessKeyName",
        r"|SharedAccessKey|SharedAccessSignature|EntityPath)=",
    ))
    .expect("the pattern of public parts compiles")
});

/// A shorter stretch between public parts tells too little.
const SHORTEST: usize = 8;

/// Returns the length of the public start of a line; none if hardly anything would be left.
fn prefix(line: &[u8]) -> usize {
    let end = PREFIX.find(line).map_or(0, |found| found.end());
    let blank = line.get(..end).is_some_and(|start| start.iter().all(u8::is_ascii_whitespace));
    if !blank && end + SHORTEST <= line.len() { end } else { 0 }
}

/// Returns what of a value is secret: all but what anybody could guess, in stretches.
pub(super) fn stretches(value: &[u8]) -> Vec<Range<usize>> {
    let mut public: Vec<Range<usize>> = WITHIN.find_iter(value).map(|found| found.range()).collect();
    let mut start = 0;
    for line in value.split_inclusive(|&byte| byte == b'\n' || byte == b'\r') {
        public.push(start..start + prefix(line.trim_ascii_end()));
        start += line.len();
    }
    public.sort_unstable_by_key(|range| range.start);
    public.push(value.len()..value.len());
    let mut done = 0;
    let mut stretches = Vec::new();
    for range in public.into_iter().filter(|range| !range.is_empty() || range.start == value.len()) {
        if range.start > done {
            stretches.extend(trimmed(value, done..range.start));
        }
        done = done.max(range.end);
    }
    // Of a value with nothing but public parts all is secret.
    if stretches.is_empty() {
        stretches.push(0..value.len());
    }
    stretches
}

/// Takes line ends off both sides; a stretch that is too short is none, unless it is the whole value.
fn trimmed(value: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let text = value.get(range.clone())?;
    if range == (0..value.len()) {
        return Some(range);
    }
    let start = text.iter().position(|byte| !b"\r\n".contains(byte))?;
    let end = text.iter().rposition(|byte| !b"\r\n".contains(byte))? + 1;
    (end - start >= SHORTEST).then_some(range.start + start..range.start + end)
}
