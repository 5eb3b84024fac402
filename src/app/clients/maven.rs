//! What Maven asks: by the mirrors of its settings, the user's and those of its installation. Without a mirror it tells nothing.

use std::fs;
use std::path::PathBuf;

use regex::Regex;

use super::ask::{As, Asking};
use super::found::Found;
use super::url::Registry;
use crate::policy::HostFacts;

pub(super) fn ask(asking: &Asking, host: &HostFacts) -> Found {
    let of_user = asking.home(As::User, host).map(|home| home.join(".m2/settings.xml"));
    let program = asking.program("mvn").and_then(|program| fs::canonicalize(program).ok());
    let of_program = program.and_then(|program| Some(program.parent()?.parent()?.join("conf/settings.xml")));
    let read = |file: Option<&PathBuf>| {
        file.and_then(|file| fs::read_to_string(file).ok()).map(|text| mirrors(&text)).unwrap_or_default()
    };
    // The installation's is seen by steps; the user's goes before it.
    let (own, in_step) = (read(of_user.as_ref()), read(of_program.as_ref()));
    let (own, file) = if own.is_empty() { (in_step.clone(), of_program) } else { (own, of_user) };
    let from = file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
    Found { own, in_step, from, file }
}

/// Reads the mirrors of the central repository, the first of which holds.
fn mirrors(settings: &str) -> Vec<Registry> {
    let find = |pattern: &str, text: &str| -> Vec<String> {
        let Ok(regex) = Regex::new(pattern) else { return Vec::new() };
        regex.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str().trim().to_owned())).collect()
    };
    let comments =
        Regex::new(r"(?s)<!--.*?-->").map(|comment| comment.replace_all(settings, "").into_owned());
    let text = comments.unwrap_or_default();
    let of_central = |mirror: &String| {
        let of = find(r"(?s)<mirrorOf>(.*?)</mirrorOf>", mirror).into_iter().next().unwrap_or_default();
        let all: Vec<&str> = of.split(',').map(str::trim).collect();
        !all.contains(&"!central") && all.iter().any(|of| ["central", "*", "external:*"].contains(of))
    };
    let mirrors = find(r"(?s)<mirror>(.*?)</mirror>", &text);
    let first = mirrors.iter().find(|mirror| of_central(mirror));
    first
        .and_then(|mirror| Registry::read(find(r"(?s)<url>(.*?)</url>", mirror).first()?))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mirror_of_the_central_repository_holds() {
        let mirror = |of: &str, url: &str| {
            format!("<mirror>\n<id>x</id><mirrorOf>{of}</mirrorOf>\n<url> {url} </url></mirror>")
        };
        let hosts = |text: &str| mirrors(text).iter().map(Registry::in_plan).collect::<Vec<_>>();
        let all = [
            format!("<!-- {} -->", mirror("*", "https://commented.example.org")),
            mirror("other", "https://other.example.org"),
            mirror("*,!central", "https://not.example.org"),
            mirror("external:*, jboss", "https://mirror.example.org/maven"),
            mirror("central", "https://late.example.org"),
        ];
        assert_eq!(
            hosts(&format!("<settings><mirrors>{}</mirrors></settings>", all.concat())),
            ["mirror.example.org"]
        );
        assert_eq!(hosts("<settings/>"), Vec::<String>::new());
    }
}
