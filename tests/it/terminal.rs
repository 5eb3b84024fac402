//! Progress on a real terminal that is resized while lines move on it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use nix::pty::{OpenptyResult, Winsize, openpty};
use rustix::termios::tcsetwinsize;

use crate::common::program::write_program;
use crate::common::{Repo, git_program, path_behind};

const ROWS: u16 = 24;

/// What a terminal shows; it breaks its rows anew at another width, as most do.
struct Shown {
    terminal: avt::Terminal,
    bytes: Receiver<Vec<u8>>,
    /// The beginning of a character.
    left: Vec<u8>,
}

impl Shown {
    /// Takes what is printed, for so long; nothing once nobody prints any more.
    fn take(&mut self, time: Duration) -> Option<()> {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => self.feed(&bytes),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        Some(())
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.left.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.left) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let rest = self.left.split_off(whole);
        let text = String::from_utf8(std::mem::replace(&mut self.left, rest)).unwrap();
        self.terminal.feed(text.as_str());
    }

    fn lines(&self) -> Vec<String> {
        self.terminal.screen().all_lines().map(|line| line.text().trim_end().to_owned()).collect()
    }

    /// Lines that move, or did.
    fn moving(&self) -> Vec<String> {
        let is_moving = |line: &String| line.contains(|c: char| ('\u{2800}'..='\u{28ff}').contains(&c));
        self.lines().into_iter().filter(is_moving).collect()
    }
}

fn size(columns: u16) -> Winsize {
    Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn reading(mut master: File) -> Receiver<Vec<u8>> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        // The last one that could print has gone: EIO.
        while let Ok(count @ 1..) = master.read(&mut buffer) {
            if tell.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    told
}

/// Starts autopilot on a terminal of its own.
fn start(mut command: Command) -> (Child, OwnedFd, Shown) {
    let OpenptyResult { master, slave } = openpty(&size(80), None).unwrap();
    command.env("TERM", "xterm-256color").stdin(Stdio::null());
    let child = command.stdout(slave.try_clone().unwrap()).stderr(slave).spawn().unwrap();
    drop(command);
    let terminal = avt::Terminal::with_scrollback(80, ROWS.into(), None).unwrap();
    let bytes = reading(File::from(master.try_clone().unwrap()));
    (child, master, Shown { terminal, bytes, left: Vec::new() })
}

#[test]
fn nothing_stays_of_what_moved_on_a_terminal_that_is_resized() {
    let repo = Repo::new();
    let steps = "  - {id: noisy, command: 'for n in $(seq 45); do printf \"%0200d end $n\\n\" $n; sleep 0.1; done'}\n  - {id: next, command: 'sleep 0.4'}\n";
    repo.plan_of(8, "", steps);
    repo.plan(steps);
    let (mut child, master, mut shown) = start(repo.command(["run", "7", "8", "--jobs", "2"]));
    let (mut widths, mut seen) = ([33, 120, 14, 61, 80].into_iter().cycle(), 0);
    while shown.take(Duration::from_millis(500)).is_some() {
        let moving = shown.moving();
        assert!(moving.len() <= 2, "{:#?}", shown.lines());
        seen += moving.len();
        let columns = widths.next().unwrap();
        shown.terminal.resize(columns.into(), ROWS.into());
        let size = rustix::termios::Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
    }
    assert!(child.wait().unwrap().success());
    shown.terminal.resize(200, ROWS.into());
    let (lines, moving) = (shown.lines(), shown.moving());
    assert!(seen > 2 && moving.is_empty(), "{seen} {moving:?}");
    let said = ["run 20", "✓ noisy", "✓ next", "done in "];
    let said = said.iter().flat_map(|said| [7, 8].map(|issue| format!("#{issue}  {said}")));
    for said in said.chain(["2 of 2 issues done".to_owned()]) {
        let count = lines.iter().filter(|line| line.starts_with(&said)).count();
        assert_eq!(count, 1, "{said:?} in {lines:#?}");
    }
    assert!(
        !lines.iter().any(|line| line.contains(" end ")),
        "what a step prints moves, and goes: {lines:#?}"
    );
}

/// A PATH whose git packs as the real one does, and ends a second later: how fast that is decides nothing.
fn behind_a_slow_git(repo: &Repo) -> OsString {
    let (bin, real) = (repo.dir().join("bin"), git_program().display());
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in *' pack-objects '*) {real} \"$@\"; code=$?; sleep 1; exit $code;; esac\nexec {real} \"$@\"\n"
    );
    fs::create_dir_all(&bin).unwrap();
    write_program(&bin.join("git"), &script);
    path_behind(&bin)
}

/// A repository with a history to pack, and with a small checkout.
fn with_history(blobs: usize) -> Repo {
    let repo = Repo::new();
    let commit = "commit refs/heads/main\ncommitter Somebody <somebody@example.org> 1 +0000\ndata 1\nx\n";
    let mut stream = format!("{commit}from refs/heads/main^0\n");
    for number in 0..blobs {
        let text = format!("{number:09}");
        stream.push_str(&format!("M 100644 inline many/{}/{number}\ndata 9\n{text}\n", number / 256));
    }
    stream.push_str(&format!("{commit}D many\n"));
    let mut import = Command::new("git");
    import.args(["fast-import", "--quiet", "--force"]).current_dir(repo.top()).stdin(Stdio::piped());
    let mut import = import.spawn().unwrap();
    import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
    repo.git(["reset", "-q", "--hard"]);
    repo.plan("  - {id: a, command: 'true'}\n");
    repo
}

#[test]
fn how_far_the_objects_are_is_shown_where_a_line_moves_and_nowhere_else() {
    let repo = with_history(3_000);
    let mut command = repo.command(["7"]);
    command.env("PATH", behind_a_slow_git(&repo));
    let (mut child, _master, mut shown) = start(command);
    let mut seen = Vec::new();
    while shown.take(Duration::from_millis(40)).is_some() {
        seen.extend(shown.moving().into_iter().filter(|line| line.contains("preparing the objects")));
    }
    assert!(child.wait().unwrap().success());
    let told = |line: &String| ["% counted", "% written", " found"].iter().any(|what| line.contains(what));
    assert!(seen.iter().any(told), "{seen:#?}");
    assert!(!shown.lines().iter().any(told), "it goes: {:#?}", shown.lines());
    // It is part of the time that the worktree took.
    let took = repo.events_of("worktree.ready")[0]["ms"].as_u64().unwrap();
    let ran = with_history(3_000).run().exits(0);
    assert!(took >= 1000, "{took}");
    for what in ["counted", "written", " found", "objects:"] {
        assert!(!ran.stdout.contains(what) && !ran.stderr.contains(what), "{ran:?}");
    }
}
