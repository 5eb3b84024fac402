//! What the distribution has for its programs outside of `/usr`: gives the files and folders of `/etc` and `/var/lib` that
//! programs read, and that hold no secret. Nothing there can be written to; what only root can read, a step cannot either.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::lookup::Lookup;

/// Of `/etc`, what any program may read. No `/etc/profile`: login shells would have it replace PATH.
const COMMON: [&str; 36] = [
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "fonts",
    "gai.conf",
    "host.conf",
    "hosts",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "lsb-release",
    "magic",
    "mime.types",
    "networks",
    "nsswitch.conf",
    "os-release",
    "papersize",
    "perl",
    "pki/ca-trust",
    "pki/tls",
    "protocols",
    "resolv.conf",
    "rpc",
    "services",
    "shells",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
    "xattr.conf",
];

/// Of `/etc`, what a language or a tool has for its own, perhaps with its version behind it (`php`, `python3.11`,
/// `java-17-openjdk`): packages of distributions put it there, and programs have its place compiled in.
const OF_PROGRAMS: [&str; 43] = [
    "ImageMagick",
    "OpenCL",
    "R",
    "ant",
    "bazel",
    "clang",
    "cmake",
    "dotnet",
    "dpkg",
    "elixir",
    "emacs",
    "erlang",
    "gdb",
    "ghc",
    "glvnd",
    "gnutls",
    "gradle",
    "groff",
    "gtk",
    "guile",
    "java",
    "julia",
    "jvm",
    "lua",
    "manpath.config",
    "maven",
    "mono",
    "nanorc",
    "node",
    "ocaml",
    "octave",
    "php",
    "pkcs11",
    "python",
    "ruby",
    "scala",
    "sgml",
    "texmf",
    "tidy",
    "vim",
    "vulkan",
    "wgetrc",
    "xml",
];

/// Of `/etc`, where clients of registries find a mirror, and might find a password.
const OF_CLIENTS: [&str; 6] = ["gitconfig", "npmrc", "pip.conf", "pnpmrc", "yarnrc", "gemrc"];

/// Elsewhere: what package managers and languages of the distribution know.
const ELSEWHERE: [&str; 5] =
    ["/var/lib/dpkg", "/var/lib/gems", "/var/lib/ghc", "/var/lib/rpm", "/var/lib/texmf"];

/// A client's settings are shorter.
const LONGEST: u64 = 256 << 10;

/// What speaks of a password or a key in settings of clients, in lower case; so does a name before the host of an address.
const SECRET: [&str; 9] =
    ["_auth", "password", "passwd", "token", "secret", "credential", "extraheader", "apikey", "api_key"];

/// Lists what there is, sorted.
pub(super) fn find() -> Vec<PathBuf> {
    below(Path::new("/etc"), &ELSEWHERE.map(Path::new))
}

fn below(etc: &Path, elsewhere: &[&Path]) -> Vec<PathBuf> {
    let mut lookup = Lookup::default();
    let listed = lookup.list(etc);
    let names = listed.keys().filter_map(|name| name.to_str()).filter(|name| is_of_a_program(name));
    let mut all: Vec<PathBuf> =
        names.chain(COMMON).filter(|name| lookup.has_below(etc, name)).map(|name| etc.join(name)).collect();
    let clients = OF_CLIENTS.iter().filter(|name| lookup.has_below(etc, name)).map(|name| etc.join(name));
    all.extend(clients.filter(|path| holds_none(path)));
    all.extend(elsewhere.iter().filter(|path| path.exists()).map(|path| path.to_path_buf()));
    all.sort();
    all.dedup();
    all
}

/// Tells whether a name is one of the list, or one with a version.
fn is_of_a_program(name: &str) -> bool {
    OF_PROGRAMS.iter().any(|known| {
        let rest = name.strip_prefix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c == '-' || c.is_ascii_digit()))
    })
}

/// Tells whether a file is short and speaks of no secret.
pub fn holds_no_secret(path: &Path) -> bool {
    path.is_file() && holds_none(path)
}

/// Tells whether the whole of a file speaks of no secret.
fn holds_none(path: &Path) -> bool {
    let mut text = Vec::with_capacity(1 << 10);
    let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut text));
    let is_whole = read.is_ok_and(|read| (read as u64) < LONGEST);
    is_whole && !speaks_of_secret(&text)
}

/// Tells whether a text does, whatever case it is written in. Compared word by word: a pattern would take longer to be made.
fn speaks_of_secret(text: &[u8]) -> bool {
    // Another way to write an s, which no lower case undoes.
    let text = String::from_utf8_lossy(text).to_lowercase().replace('ſ', "s");
    let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '@');
    let is_named = |(at, mark): (usize, &str)| {
        let after = &text[at + mark.len()..];
        after.find(ends).is_some_and(|end| after[end..].starts_with('@'))
    };
    SECRET.iter().any(|word| text.contains(word)) || text.match_indices("://").any(is_named)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use regex::bytes::Regex;

    use super::*;

    proptest! {
        #[test]
        fn a_secret_is_found_as_a_pattern_finds_it(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "_AUTH", "pass", "word", "Wd", "to", "Ken", "\u{212a}en", "\u{17f}ecret", "https", "://", ":/", "/", "@",
                    " ", "\n", "\u{a0}", "é", "api", "_key", "KEY", "x", "me:pw", "extra", "Header", "credential", "İ",
                ]),
                0..8,
            ),
        ) {
            let pattern = Regex::new(
                r"(?i)_auth|password|passwd|token|secret|credential|extraheader|apikey|api_key|://[^\s/@]*@",
            )
            .unwrap();
            let text = parts.concat();
            prop_assert_eq!(speaks_of_secret(text.as_bytes()), pattern.is_match(text.as_bytes()), "{}", text);
        }
    }

    #[test]
    fn programs_have_their_own_with_and_without_a_version_and_administration_is_nobodys() {
        for name in ["php", "python3.11", "java-17-openjdk", "ImageMagick-6", "maven", "R"] {
            assert!(is_of_a_program(name), "{name}");
        }
        for name in [
            "shadow",
            "ssh",
            "sudoers",
            "phpmyadmin",
            "rubbish",
            "Rproject",
            "apt",
            "kubernetes",
            "autopilot",
        ] {
            assert!(!is_of_a_program(name), "{name}");
        }
    }

    #[test]
    fn a_mirror_is_shown_and_a_password_is_not() {
        let etc = tempfile::tempdir().unwrap();
        let is_shown = |name: &str, text: &str| {
            fs::write(etc.path().join(name), text).unwrap();
            let shown = below(etc.path(), &[]).contains(&etc.path().join(name));
            fs::remove_file(etc.path().join(name)).unwrap();
            shown
        };
        assert!(is_shown("pip.conf", "[global]\nindex-url = https://mirror.example.org/simple\n"));
        assert!(!is_shown("pip.conf", "[global]\nindex-url = https://me:pw@mirror.example.org/simple\n"));
        assert!(is_shown("npmrc", "registry=https://mirror.example.org/\n"));
        assert!(!is_shown("npmrc", "//mirror.example.org/:_authToken=x\n"));
        assert!(is_shown(
            "gitconfig",
            "[url \"https://mirror.example.org/\"]\n\tinsteadOf = https://example.com/\n"
        ));
        assert!(!is_shown("gitconfig", "[http]\n\textraHeader = Authorization: Basic x\n"));
        assert!(!is_shown("gemrc", &format!("# {}", "x".repeat(300 << 10))), "too long to be looked through");
        assert!(is_shown("php", ""));
        assert!(!is_shown("shadow", ""));
    }
}
