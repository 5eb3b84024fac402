//! How much of a value anybody could guess: a shared start such as `github_pat_` betrays nothing.

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
        r"|eyJ[\w-]*\.|-----BEGIN [A-Z0-9 ]+-----\s*|(?:ssh-(?:rsa|ed25519|dss)|ecdsa-[\w-]+) AAAA|(?i:bearer|basic|token) )?",
    ))
    .expect("the pattern of public prefixes compiles")
});

/// Returns the length of the public start of a value; none if hardly anything would be left.
pub(super) fn prefix(value: &[u8]) -> usize {
    let end = PREFIX.find(value).map_or(0, |found| found.end());
    if end + 8 <= value.len() { end } else { 0 }
}
