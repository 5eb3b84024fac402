//! Instances of inotify, of which a user has few: whatever a step takes, the user's other programs get some.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use super::victim::Victim;
use super::{attempt, command};
use crate::common::not_tried;

/// Takes all it gets, says how many that was, and keeps them until its input ends.
const TAKE: &str = "
l = []
try:
    while True: l.append(libc.inotify_init()); assert l[-1] >= 0
except AssertionError: print(len(l) - 1, flush=True)
sys.stdin.read()
";

/// Gets one.
const GET: &str = "won(libc.inotify_init()>=0)";

#[test]
fn a_step_leaves_the_user_instances_of_inotify() {
    let own = nix::unistd::geteuid();
    for (number, (refused, confined)) in [(false, true), (true, true), (false, false)].into_iter().enumerate()
    {
        if !confined && !own.is_root() {
            not_tried("the control would take this user's own");
            continue;
        }
        // Of a user of its own each: what one still holds must not count for the next.
        let uid = if own.is_root() { 54330 + u32::try_from(number).expect("small") } else { own.as_raw() };
        let victim = Victim::new(uid, refused);
        let python = |code: &'static str, confined: bool| {
            let worktree = victim.worktree();
            let words = attempt("inotify", code).words(&victim, &worktree, confined);
            command(&victim, &worktree, &words)
        };
        let mut taker = python(TAKE, confined);
        let mut taker = taker.stdin(Stdio::piped()).spawn().expect("it starts");
        let mut lines = BufReader::new(taker.stdout.take().expect("its output")).lines();
        assert_eq!(lines.next().expect("a line").expect("text"), "STARTED");
        let taken: usize = lines.next().expect("a line").expect("text").parse().expect("a number");
        let mut other = python(GET, false).spawn().expect("it starts");
        let mut output = String::new();
        other.stdout.take().expect("its output").read_to_string(&mut output).expect("text");
        other.wait().expect("it ends");
        println!("refused {refused}, confined {confined}: {taken} taken");
        assert_eq!(output.contains("ESCAPED"), confined, "{taken} taken, one more: {output}");
        // With namespaces it gets some; without it cannot be bounded, and gets none.
        assert!(!confined || (taken == 0) == refused, "{taken}");
        drop(taker.stdin.take());
        taker.wait().expect("it ends");
    }
}
