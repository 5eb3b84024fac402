//! Evidence that somebody else wrote: one bad journal is one bad row, for everything that lists runs, and costs no more than
//! it should.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::common::Repo;

const BAD: &str = "20200101T000000Z-9";

/// A checkout with a run of issue 7 that is good, and a place for a journal of issue 9.
fn with_a_good_run() -> (Repo, PathBuf) {
    let repo = Repo::new();
    repo.plan("  - {id: a, command: 'echo made > made'}\n");
    repo.run().exits(0);
    let journal = repo.top().join(format!(".ai/logs/autopilot/status-{BAD}.log"));
    (repo, journal)
}

/// Chains the events of a journal, which can be anything that is JSON.
fn chained(events: &[String]) -> String {
    let (mut text, mut prev) = (String::new(), "0".repeat(64));
    for (seq, event) in events.iter().enumerate() {
        let line = format!(
            r#"{{"v":2,"seq":{seq},"ts":"2020-01-01T00:00:00.000Z","prev":"{prev}","event":{event}}}"#
        );
        prev = hex::encode(Sha256::digest(&line));
        text += &line;
        text.push('\n');
    }
    text
}

/// Returns the first event of a good run, as it stands there.
fn start(repo: &Repo) -> String {
    let folder = fs::read_dir(repo.top().join(".ai/logs/autopilot")).unwrap();
    let own =
        folder.map(|entry| entry.unwrap().path()).find(|path| path.to_string_lossy().ends_with("-7.log"));
    let text = fs::read_to_string(own.unwrap()).unwrap();
    let line = text.lines().next().unwrap();
    let event = line.split_once(r#","event":"#).unwrap().1;
    event.strip_suffix('}').unwrap().to_owned()
}

/// Lists all runs in every way; the good one is there each time, and no byte that a terminal would obey.
fn listed(repo: &Repo) -> String {
    let mut all = String::new();
    for (args, code) in [
        (&["status"][..], 0),
        (&["status", "--json"], 0),
        (&["clean", "--dry-run"], 0),
        (&["audit", "--all"], 4),
        (&["audit", "--all", "--json"], 4),
        (&["logs", "7"], 0),
        (&["publish"], 0),
    ] {
        let ran = repo.autopilot(args).exits(code);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        let obeyed = said.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
        assert_eq!(obeyed, None, "{args:?}: {said:?}");
        all += &said;
    }
    let status = repo.autopilot(["status"]).exits(0);
    assert!(
        status.stdout.lines().any(|row| row.starts_with("7 ") && row.contains("done")),
        "{}",
        status.stdout
    );
    assert!(status.stdout.lines().any(|row| row.starts_with("9 ")), "{}", status.stdout);
    assert_eq!(status.stdout.lines().count(), 4, "a row each, and their sum: {}", status.stdout);
    all
}

#[test]
fn a_bad_journal_is_a_bad_row() {
    let (repo, journal) = with_a_good_run();
    let start = start(&repo);
    let waits = r#"{"type":"retry.waiting","step":"a","attempt":2,"ms":18446744073709551615}"#.to_owned();
    let attempt = |number: u32| {
        format!(
            r#"{{"type":"attempt.started","step":"a","attempt":{number},"from":"cccccccccccccccccccccccccccccccccccccccc","home":"run","layer":"run"}}"#
        )
    };
    let masks = |number: u32| {
        format!(r#"{{"type":"masks.refused","step":"a","attempt":{number},"count":18446744073709551615}}"#)
    };
    let ended = r#"{"type":"attempt.ended","step":"a","attempt":1,"result":"passed","reason":null,"ms":18446744073709551615}"#.to_owned();
    let long = vec![waits; 1100];
    let odd = "\u{1b}[2J\u{9b}1m\u{202e}\r\n";
    let kind = serde_json::to_string(odd).unwrap();
    for (text, says) in [
        (chained(&[vec![start.clone()], long].concat()), "crashed"),
        (
            chained(&[
                start.clone(),
                attempt(1),
                masks(1),
                masks(1),
                ended.clone(),
                attempt(4_294_967_295),
                ended,
            ]),
            "crashed",
        ),
        (chained(&[format!(r#"{{"type":{kind}}}"#)]), "an event"),
        (chained(&[start.replacen(r#""title":"#, &format!("{kind}:"), 1)]), "unreadable"),
        (format!("{odd}\n"), "unreadable"),
        ("[".repeat(100_000) + "\n", "unreadable"),
        ("{\"v\":2,\"v\":2}\n".to_owned(), "unreadable"),
        ("\0\0\0\n".to_owned(), "unreadable"),
        (String::new(), "crashed"),
    ] {
        fs::write(&journal, &text).unwrap();
        let said = listed(&repo);
        assert!(said.contains(says), "{says} of {}: {said}", &text.chars().take(300).collect::<String>());
    }
}

#[test]
fn what_stands_in_place_of_a_journal_is_a_bad_row_and_not_waited_for() {
    let (repo, journal) = with_a_good_run();
    let outside = repo.dir().join("outside");
    fs::write(&outside, "hunter2\n").unwrap();
    let lay: [(&dyn Fn(), &str); 4] = [
        (&|| std::os::unix::fs::symlink(&outside, &journal).unwrap(), "a link, not a file"),
        (&|| std::os::unix::fs::symlink(&journal, &journal).unwrap(), "a link, not a file"),
        (&|| assert!(Command::new("mkfifo").arg(&journal).status().unwrap().success()), "not a plain file"),
        (&|| fs::create_dir(&journal).unwrap(), "not a plain file"),
    ];
    for (lay, says) in lay {
        lay();
        let said = listed(&repo);
        assert!(said.contains(says) && !said.contains("hunter2"), "{says}: {said}");
        repo.autopilot(["logs", "9"]).exits(2);
        if journal.is_dir() { fs::remove_dir(&journal).unwrap() } else { fs::remove_file(&journal).unwrap() }
    }
}

/// Runs autopilot and returns the most memory it took, in MiB, with what it said.
fn peak(repo: &Repo, args: &[&str]) -> (u64, String) {
    let mut child = repo.command(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let said = std::thread::spawn(move || std::io::read_to_string(stdout).unwrap());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = most.max(high_water(child.id()));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    (most / 1024, said.join().unwrap())
}

fn high_water(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_line_costs_no_more_than_it_should() {
    let (repo, journal) = with_a_good_run();
    let start = start(&repo);
    let fill = |item: &str, bytes: usize| item.repeat(bytes / item.len());
    let zeros = format!("[{}0]", fill("0,", 24 << 20));
    for (event, says) in [
        (format!(r#"{{"type":"recovered","torn":0,"x":{zeros}}}"#), "values in one line"),
        (format!(r#"{{"x":{zeros},"type":"sealed","files":[]}}"#), "values in one line"),
        (format!(r#"{{"type":"sealed","x":{zeros},"files":[]}}"#), "byte"),
        (
            format!(
                r#"{{"type":"salvaged","step":"a","attempt":1,"reference":"refs/salvage/a-1","commit":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","paths":0,"not_held":[{}""]}}"#,
                fill(r#""","#, 16 << 20)
            ),
            "",
        ),
        (format!(r#"{{"type":"worktree.kept","path":"{}","why":""}}"#, fill("x", 60 << 20)), ""),
    ] {
        fs::write(&journal, chained(&[start.clone(), event])).unwrap();
        for args in [&["status"][..], &["audit", BAD]] {
            let (most, said) = peak(&repo, args);
            assert!(most < 768, "{args:?} took {most} MiB: {says}");
            assert!(args[0] == "status" || said.contains(says), "{said}");
        }
    }
    fs::write(&journal, fill("x", 65 << 20)).unwrap();
    let (most, said) = peak(&repo, &["status"]);
    assert!(most < 256 && said.contains("bytes without an end"), "{most} MiB: {said}");
}

#[test]
fn other_files_of_a_run_are_plain_files_or_findings() {
    let (repo, _) = with_a_good_run();
    let folder = repo.top().join(".ai/logs/autopilot");
    let all: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let named = |start: &str| -> &Path {
        all.iter().find(|path| path.file_name().unwrap().to_string_lossy().starts_with(start)).unwrap()
    };
    for file in ["provenance-", "summary-"] {
        let path = named(file);
        let kept = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        repo.autopilot(["audit"]).exits(4).says("AP205 not-regular");
        fs::remove_file(path).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", path).unwrap();
        repo.autopilot(["audit"]).exits(4).says("AP205 not-regular");
        fs::remove_file(path).unwrap();
        fs::File::create(path).unwrap().set_len(65 << 20).unwrap();
        repo.autopilot(["audit"]).exits(4).says("AP206 file-too-large");
        fs::write(path, kept).unwrap();
    }
    repo.autopilot(["audit"]).exits(0);
}
