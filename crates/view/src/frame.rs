//! What is around every page: a policy that lets nothing run or load but our own script and style, by their digests.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::words::Words;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Whether a page follows what it shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Life {
    /// It is what it is: a file, or a run that is over.
    #[default]
    Still,
    /// It asks its server for what is new.
    Live,
}

/// A page to be.
pub(crate) struct Frame {
    pub(crate) title: Words,
    pub(crate) life: Life,
    pub(crate) is_run: bool,
    pub(crate) main: Markup,
}

/// Returns the content security policy of a page.
pub fn policy(life: Life) -> String {
    static DIGESTS: LazyLock<[String; 2]> = LazyLock::new(|| [STYLE, SCRIPT].map(digest));
    let [style, script] = &*DIGESTS;
    let connect = if life == Life::Live { "'self'" } else { "'none'" };
    format!(
        "default-src 'none'; style-src '{style}'; script-src '{script}'; connect-src {connect}; base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

pub(crate) fn page(frame: Frame) -> String {
    let Frame { title, life, is_run, main } = frame;
    let is_live = life == Life::Live;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy(life));
                meta name="referrer" content="no-referrer";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
                @if is_live { noscript { meta http-equiv="refresh" content="5"; } }
            }
            body data-live=[is_live.then_some("")] {
                a class="skip" href="#main" { "Skip to the content" }
                @if is_run { (contents(is_live)) }
                main id="main" tabindex="-1" { (main) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn contents(is_live: bool) -> Markup {
    let places =
        [("main", "Verdict"), ("steps", "Steps"), ("network", "Network"), ("log", "Log"), ("check", "Check")];
    html! {
        nav aria-label="Contents" {
            @if is_live { a href="/" { "All runs" } }
            @for (place, name) in places { a href={ "#" (place) } { (name) } }
            @if is_live { span id="alive" role="status" { "live" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_ours_ends_its_own_element() {
        assert!(!SCRIPT.contains("</") && !SCRIPT.contains("<!--") && !STYLE.contains("</"));
    }
}
