//! Names and places of a run's evidence (`docs/evidence.md`).

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, SubsecRound as _, TimeDelta, Utc};
use rustix::fs::{AtFlags, CWD};

use super::disk::{STAGED, is_absent, named, put_back};

const STAMP: &str = "%Y%m%dT%H%M%SZ";
const LOGS: &str = ".ai/logs";
/// Where the logs of steps are; the name is from when there was one agent, and readers know it.
pub const LOGS_OF_STEPS: &str = ".ai/logs/codex";
const FOLDERS: [&str; 4] = [".ai", LOGS, LOGS_OF_STEPS, ".ai/logs/autopilot"];

/// The name of a run: `<timestamp>-<issue>`, the timestamp in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunName {
    started: NaiveDateTime,
    issue: u64,
}

impl RunName {
    /// Names a run of an issue that starts now.
    pub fn new(started: DateTime<Utc>, issue: u64) -> Self {
        Self { started: started.naive_utc().trunc_subsecs(0), issue }
    }

    /// Returns the issue's number.
    pub fn issue(&self) -> u64 {
        self.issue
    }

    /// Returns when it started, to the second.
    pub fn started(&self) -> DateTime<Utc> {
        self.started.and_utc()
    }

    /// Returns the timestamp part, `YYYYMMDDTHHMMSSZ`.
    pub fn timestamp(&self) -> String {
        self.started.format(STAMP).to_string()
    }

    /// Returns the name of the result branch, without `refs/heads/`.
    pub fn branch(&self) -> String {
        format!("autopilot/issue-{}-{}", self.issue, self.timestamp())
    }

    /// Returns the full name of the ref under which its evidence is on a remote.
    pub fn evidence(&self) -> String {
        format!("refs/autopilot/evidence/{self}")
    }

    fn next_second(self) -> Self {
        Self { started: self.started + TimeDelta::seconds(1), ..self }
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.timestamp(), self.issue)
    }
}

impl FromStr for RunName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (stamp, issue) = text.split_once('-').ok_or(())?;
        let started = NaiveDateTime::parse_from_str(stamp, STAMP).map_err(|_| ())?;
        let name = Self { started, issue: issue.parse().map_err(|_| ())? };
        if name.to_string() == text { Ok(name) } else { Err(()) }
    }
}

/// Where the evidence of one run lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    top: PathBuf,
    run: RunName,
}

impl Files {
    /// Names the files of a run in a checkout.
    pub fn of(top: &Path, run: RunName) -> Self {
        Self { top: top.to_owned(), run }
    }

    /// Claims a name for a new run by creating its journal; a collision takes the next second. The folders are there.
    pub fn claim(
        top: &Path,
        issue: u64,
        now: DateTime<Utc>,
        taken: &dyn Fn(RunName) -> bool,
    ) -> io::Result<(Self, File)> {
        let mut run = RunName::new(now, issue);
        loop {
            let files = Self::of(top, run);
            // Of a run whose journal is lost, or lies in another checkout: not to be mixed up with this one.
            if files.log().symlink_metadata().is_ok() || taken(run) {
                run = run.next_second();
                continue;
            }
            match OpenOptions::new()
                .append(true)
                .read(true)
                .create_new(true)
                .mode(0o644)
                .open(files.journal())
            {
                Ok(journal) => return Ok((files, journal)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => run = run.next_second(),
                Err(error) => return Err(named(error, &files.journal())),
            }
        }
    }

    /// Makes the folders that the files lie in.
    pub fn make_folders(&self) -> io::Result<()> {
        make_folders(&self.top)
    }

    /// Puts the journal back from a copy: whole, or not at all.
    pub fn restore_journal(&self, copy: &Path) -> io::Result<()> {
        self.make_folders()?;
        let mut copy = File::open(copy).map_err(|error| named(error, copy))?;
        put_back(&self.journal(), &mut copy).map(drop)
    }

    /// Tells whether there is a journal.
    pub fn has_journal(&self) -> io::Result<bool> {
        Ok(!is_absent(&self.journal())?)
    }

    /// Tells whether there is a journal that holds an event: it is not empty, nor broken off in its first line.
    pub fn has_begun(&self) -> io::Result<bool> {
        Ok(self.has_journal()? && super::journal::each(&self.journal(), |_, _| {})?.seq > 0)
    }

    /// Tells whether the folders are there.
    pub(super) fn folders_are_there(&self) -> bool {
        [self.log(), self.journal()].iter().all(|file| file.parent().is_some_and(Path::is_dir))
    }

    /// Returns the folder of journals and reports.
    pub(super) fn folder(top: &Path) -> PathBuf {
        top.join(LOGS).join("autopilot")
    }

    /// Lists the runs of a checkout, oldest first.
    pub fn runs(top: &Path) -> io::Result<Vec<RunName>> {
        let folder = Self::folder(top);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(named(error, &folder)),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            let name = name.to_str().and_then(|name| name.strip_prefix("status-")?.strip_suffix(".log"));
            runs.extend(name.and_then(|name| name.parse::<RunName>().ok()));
        }
        runs.sort();
        Ok(runs)
    }

    /// Lists the files of a checkout that somebody was writing when they died.
    pub fn half_written(top: &Path) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for folder in [LOGS_OF_STEPS, ".ai/logs/autopilot"] {
            let Ok(entries) = fs::read_dir(top.join(folder)) else { continue };
            for entry in entries {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if name.starts_with(STAGED) {
                    found.push(path);
                }
            }
        }
        Ok(found)
    }

    /// Returns the run's name.
    pub fn run(&self) -> RunName {
        self.run
    }

    /// Returns the toplevel of the checkout.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// Masked output of every step.
    pub fn log(&self) -> PathBuf {
        self.top.join(LOGS_OF_STEPS).join(format!("autopilot-{}.log", self.run))
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.in_autopilot(&format!("status-{}.log", self.run))
    }

    /// The summary for people.
    pub fn summary(&self) -> PathBuf {
        self.in_autopilot(&format!("summary-{}.md", self.run))
    }

    /// The failure report.
    pub fn failed(&self) -> PathBuf {
        self.in_autopilot(&format!("FAILED-{}.log", self.run))
    }

    /// What was salvaged.
    pub fn salvage(&self) -> PathBuf {
        self.in_autopilot(&format!("salvage-{}.bundle", self.run))
    }

    /// The commits of the result branch, whatever becomes of that.
    pub fn checkpoints(&self) -> PathBuf {
        self.in_autopilot(&format!("checkpoints-{}.bundle", self.run))
    }

    /// What could not be salvaged as it was.
    pub fn not_salvaged(&self) -> PathBuf {
        self.in_autopilot(&format!("not-salvaged-{}.txt", self.run))
    }

    /// The provenance.
    pub fn provenance(&self) -> PathBuf {
        self.in_autopilot(&format!("provenance-{}.json", self.run))
    }

    /// Lists every file of the run and the folders they lie in, there or not.
    pub fn all(&self) -> Vec<PathBuf> {
        let folders = FOLDERS.map(|folder| self.top.join(folder));
        let files = [
            self.top.join(LOGS).join(".gitignore"),
            self.log(),
            self.journal(),
            self.summary(),
            self.failed(),
            self.salvage(),
            self.not_salvaged(),
            self.checkpoints(),
            self.provenance(),
        ];
        folders.into_iter().chain(files).collect()
    }

    /// Returns a path as it is written down: relative to the toplevel.
    pub fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.top).unwrap_or(path).display().to_string()
    }

    fn in_autopilot(&self, name: &str) -> PathBuf {
        Self::folder(&self.top).join(name)
    }
}

/// Makes the two folders. `.ai/logs` ignores itself from the moment it is there, so that a run leaves
/// `git status` as it was. A link on the way is refused: evidence is not written where a commit points.
pub(super) fn make_folders(top: &Path) -> io::Result<()> {
    for folder in FOLDERS {
        let path = top.join(folder);
        match DirBuilder::new().mode(0o755).create(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let there = fs::symlink_metadata(&path).map_err(|error| named(error, &path))?;
                if !there.is_dir() {
                    let why = format!("{} is not a folder", path.display());
                    return Err(io::Error::new(io::ErrorKind::NotADirectory, why));
                }
            }
            Err(error) => return Err(named(error, &path)),
        }
        if folder == LOGS {
            ignore_itself(&path).map_err(|error| named(error, &path))?;
        }
    }
    Ok(())
}

/// Makes a folder ignore itself in which there is nothing yet, or what a runner left that died at just this.
fn ignore_itself(logs: &Path) -> io::Result<()> {
    for entry in fs::read_dir(logs)? {
        let entry = entry?;
        let there = entry.metadata()?;
        if entry.file_name() == ".gitignore" && !there.is_file() && !there.is_symlink() {
            // To write to a pipe is to wait for a reader.
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "its .gitignore is not a plain file"));
        }
        if entry.file_name() != ".gitignore" || there.len() > 0 {
            return Ok(());
        }
    }
    let path = logs.join(".gitignore");
    if appear(logs, &path, b"*\n").is_ok() {
        return Ok(());
    }
    let options = OpenOptions::new().write(true).create(true).truncate(false).to_owned();
    options.open(path)?.write_all(b"*\n")
}

/// Makes a file that has its content from the moment it has its name: git passes over an empty folder, and sees nothing
/// in between. Not every filesystem can.
fn appear(folder: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::PermissionsExt;
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(content)?;
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_names_round_trip() {
        let run: RunName = "20261003T101500Z-653".parse().unwrap();
        assert_eq!(run.to_string(), "20261003T101500Z-653");
        assert_eq!(run.branch(), "autopilot/issue-653-20261003T101500Z");
        for wrong in ["20261003T101500Z", "20261003T101500Z-x", "x-1", "20261003T101500Z-007"] {
            assert!(wrong.parse::<RunName>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_collision_takes_the_next_second() {
        let top = tempfile::tempdir().unwrap();
        make_folders(top.path()).unwrap();
        let now = "20261003T101500Z-1".parse::<RunName>().unwrap().started();
        let (first, _) = Files::claim(top.path(), 1, now, &|_| false).unwrap();
        let (second, _) = Files::claim(top.path(), 1, now, &|_| false).unwrap();
        assert_eq!(first.run().timestamp(), "20261003T101500Z");
        assert_eq!(second.run().timestamp(), "20261003T101501Z");
        assert_eq!(fs::read_to_string(top.path().join(".ai/logs/.gitignore")).unwrap(), "*\n");
        assert_eq!(Files::runs(top.path()).unwrap(), vec![first.run(), second.run()]);
    }

    /// What is handed over to the owner of a checkout is by this list.
    #[test]
    fn all_files_of_a_run_are_listed_with_their_folders() {
        let files = Files::of(Path::new("/top"), "20261003T101500Z-1".parse().unwrap());
        let own = [
            files.log(),
            files.journal(),
            files.summary(),
            files.failed(),
            files.salvage(),
            files.checkpoints(),
            files.not_salvaged(),
            files.provenance(),
        ];
        let names: Vec<String> = own.iter().map(|path| files.relative(path)).collect();
        assert_eq!(
            names,
            [
                ".ai/logs/codex/autopilot-20261003T101500Z-1.log",
                ".ai/logs/autopilot/status-20261003T101500Z-1.log",
                ".ai/logs/autopilot/summary-20261003T101500Z-1.md",
                ".ai/logs/autopilot/FAILED-20261003T101500Z-1.log",
                ".ai/logs/autopilot/salvage-20261003T101500Z-1.bundle",
                ".ai/logs/autopilot/checkpoints-20261003T101500Z-1.bundle",
                ".ai/logs/autopilot/not-salvaged-20261003T101500Z-1.txt",
                ".ai/logs/autopilot/provenance-20261003T101500Z-1.json",
            ]
        );
        let all = files.all();
        for path in own {
            let folders = path.ancestors().skip(1).take_while(|folder| *folder != Path::new("/top"));
            for needed in folders.chain([path.as_path()]) {
                assert!(all.iter().any(|listed| listed == needed), "{} is not listed", needed.display());
            }
        }
        assert!(all.contains(&"/top/.ai/logs/.gitignore".into()));
    }

    #[test]
    fn a_name_is_the_one_that_is_written_down() {
        let now = DateTime::from_timestamp(1_800_000_000, 900_000_000).unwrap();
        let run = RunName::new(now, 7);
        assert_eq!(run.to_string().parse(), Ok(run));
    }

    #[test]
    fn a_pipe_in_place_of_what_the_logs_ignore_is_not_waited_for() {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir_all(top.path().join(LOGS)).unwrap();
        let pipe = top.path().join(LOGS).join(".gitignore");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(make_folders(top.path()).unwrap_err().to_string().contains("not a plain file"));
    }

    #[test]
    fn a_linked_log_folder_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join(".ai")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), top.path().join(LOGS)).unwrap();
        assert!(make_folders(top.path()).is_err());
    }
}
