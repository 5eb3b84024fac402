//! The tokens that tell by their shape whose they are.

use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use regex::bytes::Regex;

use super::Kind;

/// One shape of token.
pub(super) struct Provider {
    /// Whose.
    pub(super) kind: Kind,
    /// One of these starts it.
    pub(super) literals: &'static [&'static str],
    /// No letter or digit may stand before it: the literal is too common otherwise.
    pub(super) edge: bool,
    /// No letter or digit may follow: something longer of the same letters is something else.
    closed: bool,
    /// So many bytes before the literal belong to the token.
    back: usize,
    /// It starts with a run of any length: what fails at its start fails within it.
    pub(super) run: bool,
    /// What has to match, from those bytes or the literal on.
    pattern: &'static str,
    /// The match must have a digit: identifiers of programs do not.
    digit: bool,
}

impl Provider {
    const fn new(kind: Kind, literals: &'static [&'static str], pattern: &'static str) -> Self {
        Self { kind, literals, edge: false, closed: false, back: 0, run: false, pattern, digit: false }
    }

    const fn edge(self) -> Self {
        Self { edge: true, ..self }
    }

    const fn closed(self) -> Self {
        Self { edge: true, closed: true, ..self }
    }

    const fn back(self, back: usize) -> Self {
        Self { back, ..self }
    }

    const fn run(self) -> Self {
        Self { run: true, ..self }
    }

    const fn digit(self) -> Self {
        Self { digit: true, ..self }
    }
}

/// Returns the compiled pattern, anchored; compiled when first needed, for the runner starts itself often.
fn regex(index: usize) -> Option<&'static Regex> {
    static COMPILED: LazyLock<Vec<OnceLock<Option<Regex>>>> =
        LazyLock::new(|| ALL.iter().map(|_| OnceLock::new()).collect());
    let pattern = ALL.get(index)?.pattern;
    COMPILED.get(index)?.get_or_init(|| Regex::new(&format!("^(?s-u:{pattern})")).ok()).as_ref()
}

/// Returns what to mask of a line if the token of this index stands at `at`.
pub(super) fn find(index: usize, line: &[u8], at: usize) -> Option<(Kind, Range<usize>)> {
    let provider = ALL.get(index)?;
    let at = at.checked_sub(provider.back)?;
    if provider.edge && !is_edge(line.get(..at)?) {
        return None;
    }
    let len = regex(index)?.find(line.get(at..)?)?.end();
    if provider.digit && !line.get(at..at + len)?.iter().any(u8::is_ascii_digit) {
        return None;
    }
    let goes_on = line.get(at + len).is_some_and(u8::is_ascii_alphanumeric);
    (!provider.closed || !goes_on).then_some((provider.kind, at..at + len))
}

/// Returns where what would be a token at `at`, had it a digit, ends: nothing in it is one either.
pub(super) fn without_digit(index: usize, line: &[u8], at: usize) -> Option<usize> {
    let provider = ALL.get(index).filter(|provider| provider.digit)?;
    if provider.edge && !is_edge(line.get(..at)?) {
        return None;
    }
    let len = regex(index)?.find(line.get(at..)?)?.end();
    let digit = line.get(at..at + len)?.iter().any(u8::is_ascii_digit);
    (!digit).then_some(at + len)
}

#[cfg(test)]
pub(super) fn compiles(index: usize) -> bool {
    regex(index).is_some()
}

/// Tells whether a word can start behind this text: not behind a letter or digit, unless that belongs to
/// `\n`, `%3D` or the like.
pub(super) fn is_edge(before: &[u8]) -> bool {
    let escape = match before {
        [.., b'\\', letter] => b"nrt".contains(letter),
        [.., b'%', high, low] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    };
    escape || before.last().is_none_or(|last| !last.is_ascii_alphanumeric())
}

const fn new(kind: Kind, literals: &'static [&'static str], pattern: &'static str) -> Provider {
    Provider::new(kind, literals, pattern)
}

/// All of them. A pattern is tried only where one of its literals stands.
pub(super) static ALL: &[Provider] = &[
    new(Kind::GitHub, &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], r"gh[pousr]_[A-Za-z0-9_]{36,}"),
    new(Kind::GitHub, &["github_pat_"], r"github_pat_[A-Za-z0-9_]{36,}"),
    new(Kind::Anthropic, &["sk-ant-"], r"sk-ant-[A-Za-z0-9_-]{20,}"),
    new(
        Kind::OpenAi,
        &["sk-proj-", "sk-svcacct-", "sk-admin-"],
        r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}",
    ),
    new(Kind::OpenAi, &["sk-"], r"sk-[A-Za-z0-9_-]{32,}").edge().digit(),
    new(Kind::Aws, &["AKIA", "ASIA", "ABIA", "ACCA"], r"A[A-Z]{3}[A-Z0-9]{16}").closed(),
    new(
        Kind::Slack,
        &["xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xoxc-", "xoxd-"],
        r"xox[a-z]-[A-Za-z0-9%+/=-]{10,}",
    )
    .digit(),
    new(Kind::Slack, &["xoxe.xox"], r"xoxe\.xox[a-z]-[A-Za-z0-9-]{10,}"),
    new(Kind::Slack, &["xapp-"], r"xapp-\d-[A-Za-z0-9-]{10,}"),
    new(
        Kind::Slack,
        &["hooks.slack.com/"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/_-]{16,}",
    ),
    new(
        Kind::Slack,
        &["hooks.slack.com\\/"],
        r"hooks\.slack\.com\\/(?:services|workflows|triggers)\\/[A-Za-z0-9+/\\_-]{16,}",
    ),
    new(
        Kind::Stripe,
        &["sk_live_", "sk_test_", "rk_live_", "rk_test_", "sk_prod_", "rk_prod_"],
        r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,}",
    ),
    new(Kind::Stripe, &["whsec_"], r"whsec_[A-Za-z0-9+/=_-]{24,}"),
    new(Kind::Npm, &["npm_"], r"npm_[A-Za-z0-9]{36,}"),
    new(Kind::PyPi, &["pypi-AgE"], r"pypi-AgE[A-Za-z0-9_-]{40,}"),
    new(Kind::Google, &["AIza"], r"AIza[A-Za-z0-9_-]{35,}"),
    new(Kind::Google, &["ya29."], r"ya29\.[A-Za-z0-9_.-]{20,}"),
    new(Kind::Google, &["GOCSPX-"], r"GOCSPX-[A-Za-z0-9_-]{20,}"),
    new(Kind::Google, &["1//0"], r"1//0[A-Za-z0-9_-]{40,}").edge(),
    new(Kind::Azure, &["7Q~", "8Q~"], r"[A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,}").back(3),
    new(Kind::Azure, &["?sig=", "&sig=", ";sig="], r"[?&;]sig=[A-Za-z0-9%+/=_-]{30,}"),
    new(
        Kind::GitLab,
        &[
            "glpat-", "gldt-", "glrt-", "glrtr-", "glcbt-", "glptt-", "glft-", "glsoat-", "glimt-",
            "glagent-", "gloas-", "glffct-", "glwt-",
        ],
        r"gl[a-z]{2,5}-[A-Za-z0-9_.-]{20,}",
    ),
    new(Kind::GitLab, &["GR1348941"], r"GR1348941[A-Za-z0-9_-]{20,}"),
    new(Kind::HuggingFace, &["hf_"], r"hf_[A-Za-z0-9]{30,}").edge(),
    new(Kind::HuggingFace, &["api_org_"], r"api_org_[A-Za-z0-9]{30,}"),
    new(Kind::SendGrid, &["SG."], r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}").edge().run(),
    new(Kind::Twilio, &["SK"], r"SK[0-9a-f]{32}").closed(),
    new(Kind::DigitalOcean, &["dop_v1_", "doo_v1_", "dor_v1_"], r"do[opr]_v1_[A-Fa-f0-9]{40,}"),
    new(Kind::DockerHub, &["dckr_pat_", "dckr_oat_"], r"dckr_[po]at_[A-Za-z0-9_-]{20,}"),
    new(Kind::CratesIo, &["cio"], r"cio[A-Za-z0-9]{32}").closed(),
    new(Kind::Age, &["AGE-SECRET-KEY-1"], r"AGE-SECRET-KEY-1[0-9A-Za-z]{40,}"),
    new(Kind::Age, &["AGE-SECRET-KEY-PQ-1"], r"AGE-SECRET-KEY-PQ-1[0-9A-Za-z]{40,}"),
    new(Kind::Vault, &["hvs.", "hvb.", "hvr."], r"hv[sbr]\.[A-Za-z0-9_-]{20,}"),
    new(Kind::Jwt, &["eyJ"], r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){2,4}").digit().run(),
    // Beyond the list of the specification: as common in logs as those on it.
    new(Kind::Other, &["shpat_", "shpca_", "shppa_", "shpss_"], r"shp[a-z]{2}_[A-Fa-f0-9]{32,}"),
    new(Kind::Other, &["lin_api_"], r"lin_api_[A-Za-z0-9]{32,}"),
    new(Kind::Other, &["dp.pt.", "dp.st."], r"dp\.[ps]t\.[A-Za-z0-9._-]{40,}"),
    new(Kind::Other, &["glsa_"], r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"),
    new(Kind::Other, &["glc_eyJ"], r"glc_eyJ[A-Za-z0-9+/=]{32,}"),
    new(Kind::Other, &["rubygems_"], r"rubygems_[a-f0-9]{48}"),
    new(Kind::Other, &["sntrys_", "sntryu_"], r"sntry[su]_[A-Za-z0-9+/=_-]{40,}"),
    new(Kind::Other, &["gsk_"], r"gsk_[A-Za-z0-9]{40,}"),
    new(Kind::Other, &["PMAK-"], r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    new(Kind::Other, &["ATATT3", "ATCTT3", "ATBB"], r"AT(?:ATT3|CTT3|BB)[A-Za-z0-9_=-]{28,}").digit(),
    new(Kind::Other, &["tskey-"], r"tskey-[a-z]+-[A-Za-z0-9-]{16,}"),
    new(Kind::Other, &["pul-"], r"pul-[a-f0-9]{40}").edge(),
    new(Kind::Other, &["ntn_", "secret_"], r"(?:ntn_|secret_)[A-Za-z0-9]{40,}").edge().digit(),
];
