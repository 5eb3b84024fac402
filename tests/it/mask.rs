//! `autopilot mask`, the real program.

use std::io::{Read, Write};
use std::process::{Child, Command, Output, Stdio};

fn mask() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_autopilot"));
    command.arg("mask").env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join();
    output
}

/// Waits until the child has written something that ends as given.
fn until(child: &mut Child, seen: &mut Vec<u8>, end: &str) {
    let stdout = child.stdout.as_mut().unwrap();
    while !seen.ends_with(end.as_bytes()) {
        let mut buffer = [0; 1024];
        let len = stdout.read(&mut buffer).unwrap();
        assert!(len > 0, "the output ended with {:?}", String::from_utf8_lossy(seen));
        seen.extend(&buffer[..len]);
    }
}

#[test]
fn it_masks_named_variables_and_patterns() {
    let token = format!("gh{}_{}", "p", "a1B2".repeat(9));
    let input = format!("a {token}\nb hunter2hunter2\nc 68756e74657232687\n");
    let output =
        run(mask().env("MY_SECRET", "hunter2hunter2\n").args(["--env", "MY_SECRET"]), input.as_bytes());
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a ***\nb ***\nc ***\n");
    assert!(output.stderr.is_empty());
}

#[test]
fn an_unset_variable_is_an_error_and_a_short_one_a_warning() {
    let output = run(mask().args(["--env", "NOT_SET"]), b"x\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty(), "nothing goes out unmasked");
    assert!(String::from_utf8_lossy(&output.stderr).contains("NOT_SET"));
    let output = run(mask().env("SHORT", "abc").args(["--env", "SHORT"]), b"abc\n");
    assert_eq!(output.stdout, b"abc\n");
    let warning = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(warning.contains("SHORT") && !warning.contains("abc"), "{warning}");
}

#[test]
fn a_line_comes_without_another_and_a_prompt_without_its_newline() {
    let mut child = mask().spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut seen = Vec::new();
    stdin.write_all(b"first line\n").unwrap();
    until(&mut child, &mut seen, "first line\n");
    stdin.write_all(b"and a prompt: ").unwrap();
    until(&mut child, &mut seen, "and a prompt: ");
    stdin.write_all(b"answered\n").unwrap();
    until(&mut child, &mut seen, "answered\n");
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = mask().spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    while stdin.write_all(&b"line\n".repeat(10_000)).is_ok() {}
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

/// Feeds a line without an end, beside a value that is looked for, and returns the peak of memory in KiB.
fn peak(block: &[u8], blocks: usize) -> usize {
    let mut command = mask();
    command.env("MY_SECRET", "hunter2\nhunter2").args(["--env", "MY_SECRET"]);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    (0..blocks).for_each(|_| stdin.write_all(block).unwrap());
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn memory_is_bounded_whatever_the_line() {
    // Far more than may be held.
    let (size, blocks) = if cfg!(debug_assertions) { (256 << 10, 40) } else { (1 << 20, 128) };
    // As much of short lines, of which nothing is held.
    let base = peak("a line\n".repeat(size / 7).as_bytes(), blocks);
    // Or a base that takes as much as a line would hide it.
    assert!((1 << 10..64 << 10).contains(&base), "{base} KiB");
    for block in [
        "some text of a line that never ends ",
        "\x1b[0m",
        "\0",
        "\x1b]0;",
        "a\x08",
        "A1b2C3d4",
        "token=\\\"",
        "a\x1b[C",
        "\x1b[5;9Ha",
        "hunter2",
    ] {
        let block = block.repeat(size / block.len());
        let peak = peak(block.as_bytes(), blocks).saturating_sub(base);
        assert!(peak < 8 << 10, "{peak} KiB more for {:?}", &block[..7]);
    }
}

#[test]
#[cfg(not(debug_assertions))]
fn a_line_of_a_gigabyte_takes_no_more_memory() {
    let peak = peak("no end ".repeat(150_000).as_bytes(), 1024);
    assert!(peak < 16 << 10, "{peak} KiB for a GiB");
}
