//! Takes what a step asks for, gives what it may have while its network is open, and what is left out: whatever may hold a secret could go anywhere.

use std::collections::BTreeMap;
use std::path::Path;

use crate::evidence::mask;
use crate::plan::EnvEntry;
use crate::policy::Request;
use crate::sandbox;

/// Folders of programs, which hold no secrets by what they are for.
const OF_PROGRAMS: [&str; 6] = ["/usr", "/opt", "/nix/store", "/gnu/store", "/home/linuxbrew", "/dev"];

/// Takes out of a request what may hold a secret, and names it.
pub(super) fn leave_out(request: &mut Request, environment: &BTreeMap<String, String>) -> Vec<String> {
    let mut left: Vec<String> = std::mem::take(&mut request.secrets);
    request.env.retain(|entry| {
        let value = match entry {
            EnvEntry::Set(_, value) => Some(value),
            EnvEntry::Inherit(name) => environment.get(name),
        };
        let value = value.map(String::as_bytes).unwrap_or_default();
        let is_open =
            !mask::is_secret_name(entry.name()) && mask::detect(value).is_empty() && !has_password(value);
        if !is_open {
            left.push(entry.name().to_owned());
        }
        is_open
    });
    for paths in [&mut request.read, &mut request.write] {
        paths.retain(|path| {
            let is_open = is_open(path);
            if !is_open {
                left.push(path.display().to_string());
            }
            is_open
        });
    }
    left
}

/// Tells whether an address has a name and a password in it.
fn has_password(value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value);
    text.split_once("://")
        .is_some_and(|(_, rest)| rest.split(['/', '?', '#']).next().is_some_and(|place| place.contains('@')))
}

/// Tells whether a path holds no secret: a short file that speaks of none, or a folder of programs, wherever links lead.
fn is_open(path: &Path) -> bool {
    let Ok(real) = path.canonicalize() else {
        // There is nothing, or nobody can tell: the policy says so if it matters.
        return !path.exists();
    };
    if real.is_file() {
        sandbox::holds_no_secret(&real)
    } else {
        OF_PROGRAMS.iter().any(|own| real.starts_with(own))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::policy::Request;

    #[test]
    fn what_may_hold_a_secret_is_left_out_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let (mirror, token) = (
            file("npmrc", "registry=https://mirror.example.org/\n"),
            file("other", "//mirror.example.org/:_authToken=x\n"),
        );
        let set = |name: &str, value: &str| EnvEntry::Set(name.into(), value.into());
        let mut request = Request {
            env: vec![
                set("MODE", "fast"),
                set("API_TOKEN", "x"),
                set("INDEX", "https://me:pw@mirror.example.org/simple"),
                EnvEntry::Inherit("PATH_OF_DATA".into()),
                EnvEntry::Inherit("DB_PASSWORD".into()),
                EnvEntry::Inherit("DATABASE".into()),
            ],
            secrets: vec!["KEY".into()],
            read: vec![mirror.clone(), token.clone(), "/usr/share".into(), folder.path().to_owned()],
            write: vec!["/dev/zero".into(), folder.path().to_owned()],
            ..Request::git()
        };
        let caller =
            BTreeMap::from([("DATABASE".to_owned(), "postgres://me:pw@db.example.org/x".to_owned())]);
        let left = leave_out(&mut request, &caller);
        let here = folder.path().display().to_string();
        let token = token.display().to_string();
        assert_eq!(left, ["KEY", "API_TOKEN", "INDEX", "DB_PASSWORD", "DATABASE", &token, &here, &here]);
        assert_eq!(request.read, [mirror, "/usr/share".into()]);
        assert_eq!(request.write, [Path::new("/dev/zero")]);
        assert_eq!(request.env.iter().map(EnvEntry::name).collect::<Vec<_>>(), ["MODE", "PATH_OF_DATA"]);
        assert!(request.secrets.is_empty());
    }
}
