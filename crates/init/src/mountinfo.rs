//! Takes the kernel's list of mounts, tells where a path really is: on which file system, and where in it. A folder that is
//! mounted twice has two names and one such place.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::reading;

/// The mounts of this process.
#[derive(Debug)]
pub(crate) struct Mounts(Vec<Mount>);

/// One mount.
#[derive(Debug)]
pub(crate) struct Mount {
    id: Vec<u8>,
    parent: Vec<u8>,
    /// Where it is mounted.
    pub(crate) point: PathBuf,
    /// What of which file system is seen there.
    pub(crate) root: Spot,
    /// It is a /proc that shows no processes of others.
    hides_processes: bool,
}

/// A place in a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    device: Vec<u8>,
    path: PathBuf,
}

impl Spot {
    /// Tells whether one of the two is seen through the other.
    pub(crate) fn shows(&self, other: &Self) -> bool {
        self.device == other.device
            && (self.path.starts_with(&other.path) || other.path.starts_with(&self.path))
    }
}

impl Spot {
    /// Tells whether this one lies in the other, or is it.
    pub(crate) fn lies_in(&self, other: &Self) -> bool {
        self.device == other.device && self.path.starts_with(&other.path)
    }
}

impl Mounts {
    /// Reads them as they are now.
    pub(crate) fn read() -> io::Result<Self> {
        Ok(Self::parse(&reading::whole("/proc/self/mountinfo")?))
    }

    fn parse(text: &[u8]) -> Self {
        Self(text.split(|byte| *byte == b'\n').filter_map(Mount::parse).collect())
    }

    /// Tells whether what is mounted there, last and so on top, is a /proc that shows no processes of others.
    pub(crate) fn hides_processes(&self, point: &Path) -> bool {
        self.0.iter().rfind(|mount| mount.point == point).is_some_and(|mount| mount.hides_processes)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mount> {
        self.0.iter()
    }

    /// Finds a path without links in it, below where the root that it is named from lies now: from mount to mount as the
    /// kernel goes, for what a later mount hides is not seen.
    pub(crate) fn spot(&self, root: &Path, path: &Path) -> Spot {
        let full = root.join(path.strip_prefix("/").unwrap_or(path));
        let first = self.0.iter().find(|mount| mount.point == root);
        let Some(mut at) = first else { return Spot { device: Vec::new(), path: path.to_owned() } };
        let inner = |at: &Mount| {
            let children = self.0.iter().filter(|mount| mount.parent == at.id && mount.id != at.id);
            let on_the_way = children.filter(|mount| full.starts_with(&mount.point));
            on_the_way.min_by_key(|mount| mount.point.components().count())
        };
        // As many steps as there are mounts: a list that is not one cannot hold this up.
        for _ in &self.0 {
            let Some(next) = inner(at) else { break };
            at = next;
        }
        let rest = full.strip_prefix(&at.point).unwrap_or(Path::new(""));
        Spot { device: at.root.device.clone(), path: at.root.path.join(rest) }
    }

    /// Finds all that is seen at a path and below: its own place, and that of each mount below it.
    pub(crate) fn seen(&self, path: &Path) -> Vec<Spot> {
        let below = self.0.iter().filter(|mount| mount.point.starts_with(path));
        below.map(|mount| mount.root.clone()).chain([self.spot(Path::new("/"), path)]).collect()
    }
}

impl Mount {
    /// Reads `36 35 98:0 /root /point …`.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ');
        let (id, parent, device) = (fields.next()?, fields.next()?, fields.next()?);
        let (root, point) = (path(fields.next()?), path(fields.next()?));
        let root = Spot { device: device.to_owned(), path: root };
        // ` - TYPE SOURCE OPTIONS`; `hidepid` is told where it is not off.
        let mut of_super = fields.skip_while(|field| *field != b"-").skip(1);
        let is_proc = of_super.next() == Some(b"proc");
        let options = of_super.nth(1).unwrap_or_default();
        let mut options = options.split(|byte| *byte == b',');
        let hides_processes = is_proc && options.any(|option| option.starts_with(b"hidepid="));
        Some(Self { id: id.to_owned(), parent: parent.to_owned(), point, root, hides_processes })
    }
}

/// Undoes the octal escapes.
fn path(field: &[u8]) -> PathBuf {
    let mut out = Vec::new();
    let mut rest = field;
    while let [first, more @ ..] = rest {
        let code = more.get(..3).filter(|_| *first == b'\\').and_then(|code| std::str::from_utf8(code).ok());
        let letter = code.and_then(|code| u8::from_str_radix(code, 8).ok());
        out.push(letter.unwrap_or(*first));
        rest = if letter.is_some() { &more[3..] } else { more };
    }
    PathBuf::from(OsString::from_vec(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "\
20 1 8:1 / / rw - ext4 /dev/a rw
21 20 8:2 / /home rw - ext4 /dev/b rw
22 20 8:2 /me /mnt/me\\040too rw - ext4 /dev/b rw
23 20 8:2 /me/.config /srv/x rw - ext4 /dev/b rw
24 20 8:1 /a /hidden/b rw - ext4 /dev/a rw
25 20 0:9 / /hidden rw - tmpfs tmpfs rw
26 21 0:7 / /home rw - tmpfs tmpfs rw
";

    fn spot(path: &str) -> (String, String) {
        let spot = Mounts::parse(HOST.as_bytes()).spot(Path::new("/"), Path::new(path));
        (String::from_utf8(spot.device).unwrap(), spot.path.to_string_lossy().into_owned())
    }

    fn at(device: &str, path: &str) -> (String, String) {
        (device.into(), path.into())
    }

    #[test]
    fn a_proc_that_hides_processes_is_told_from_one_that_does_not() {
        let text = "\
30 20 0:5 / /proc rw,nosuid shared:9 - proc proc rw,hidepid=invisible
31 20 0:6 / /a rw - proc proc rw
32 20 0:7 / /b rw - tmpfs hidepid=2 rw,hidepid=2
33 20 0:5 / /c rw shared:1 master:2 - proc proc rw,gid=5,hidepid=2
34 20 0:6 / /c rw - proc proc rw
";
        let mounts = Mounts::parse(text.as_bytes());
        let hides = ["/proc", "/a", "/b", "/c", "/d"].map(|point| mounts.hides_processes(Path::new(point)));
        assert_eq!(hides, [true, false, false, false, false]);
    }

    #[test]
    fn a_path_is_found_where_the_kernel_finds_it() {
        assert_eq!(spot("/etc/x"), at("8:1", "/etc/x"));
        assert_eq!(spot("/mnt/me too/.config"), at("8:2", "/me/.config"));
        assert_eq!(spot("/srv/x/autopilot"), at("8:2", "/me/.config/autopilot"));
        assert_eq!(spot("/hidden/b/c"), at("0:9", "/b/c"), "a later mount hides the earlier one");
        assert_eq!(spot("/home/me"), at("0:7", "/me"), "one over the other");
    }

    #[test]
    fn what_is_mounted_below_is_seen_as_well() {
        let mounts = Mounts::parse(HOST.as_bytes());
        let own = Spot { device: b"8:2".to_vec(), path: "/me/.config/autopilot".into() };
        let shows = |path: &str| mounts.seen(Path::new(path)).iter().any(|spot| spot.shows(&own));
        assert!(shows("/mnt") && shows("/mnt/me too") && shows("/srv") && shows("/srv/x"));
        assert!(shows("/srv/x/autopilot/keys") && shows("/"));
        assert!(!shows("/srv/x/other") && !shows("/etc") && !shows("/mnt/me too/code"));
    }

    #[test]
    fn what_is_no_list_of_mounts_is_no_trouble() {
        for text in ["", "\n\n", "1 2", "1 1 8:1 / / x", "\\ \\0 \\08 \\999 /"] {
            let mounts = Mounts::parse(text.as_bytes());
            assert!(mounts.spot(Path::new("/"), Path::new("/x")).path.ends_with("x"), "{text:?}");
        }
    }
}
