//! Rules as a program of the kernel's: a call's number is looked up in a tree, and its arguments are looked at only where rules ask.
//!
//! The kernel runs the program at each call, and once for every number there is when it is installed: a chain of
//! comparisons is felt in both.

use std::collections::BTreeMap;
use std::num::TryFromIntError;

use seccompiler::{BpfProgram, sock_filter};

/// Calls that are not simply allowed, by number, with their rules: the first one that holds answers.
#[derive(Debug, Default, Clone)]
pub(super) struct Rules(BTreeMap<i64, Vec<Rule>>);

/// What a call is answered where conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// All of these; none: always.
    pub(super) all: Vec<Condition>,
    /// An error's number; 0 is success without effect.
    pub(super) errno: i32,
}

/// What is asked of one of a call's arguments, which are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// Its low half is this.
    Is(u8, u32),
    /// Its low half is another.
    Isnt(u8, u32),
    /// Of its low half, the bits of a mask are so.
    Masked(u8, u32, u32),
    /// All of it is 0.
    IsZero(u8),
    /// Not all of it is 0.
    IsntZero(u8),
}

impl Rules {
    /// Answers a call with an error where all conditions hold.
    pub(super) fn answer(&mut self, call: i64, errno: i32, all: &[Condition]) {
        self.0.entry(call).or_default().push(Rule { all: all.to_vec(), errno });
    }

    /// Returns the calls, each with its rules.
    #[cfg(test)]
    pub(super) fn calls(&self) -> impl Iterator<Item = (i64, &[Rule])> {
        self.0.iter().map(|(call, rules)| (*call, rules.as_slice()))
    }
}

// The instructions that are used, as <linux/bpf_common.h> composes them.
const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND: u16 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const JUMP: u16 = 0x05; // BPF_JMP | BPF_JA
const JUMP_EQ: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_GE: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const RETURN: u16 = 0x06; // BPF_RET | BPF_K

// Its answers, as <linux/seccomp.h> has them.
const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
const KILL_PROCESS: u32 = 0x8000_0000;

// Where `struct seccomp_data` has what.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// What `struct seccomp_data` calls this machine: AUDIT_ARCH_X86_64.
#[cfg(target_arch = "x86_64")]
const THIS: u32 = 0xc000_003e;
/// What `struct seccomp_data` calls this machine: AUDIT_ARCH_AARCH64.
#[cfg(target_arch = "aarch64")]
const THIS: u32 = 0xc000_00b7;
/// The numbers of x32, which is no architecture of its own to the kernel.
const X32: u32 = 0x4000_0000;

/// Returns the program of the rules. A call of another architecture kills its process; one of x32 is not there.
pub(super) fn program(rules: &Rules) -> Result<BpfProgram, TryFromIntError> {
    let x32 = [Rule { all: Vec::new(), errno: nix::libc::ENOSYS }];
    let mut ranges = vec![Range { from: 0, rules: &[] }];
    for (call, rules) in &rules.0 {
        let call = u32::try_from(*call)?;
        begin(&mut ranges, call, rules);
        begin(&mut ranges, call + 1, &[]);
    }
    if cfg!(target_arch = "x86_64") {
        begin(&mut ranges, X32, &x32);
    }
    // From its end to its beginning: jumps lead forward alone, over what is known by then.
    let mut backwards = Vec::new();
    tree(&mut backwards, &ranges)?;
    backwards.extend([
        one(LOAD, NUMBER),
        one(RETURN, KILL_PROCESS),
        jump(JUMP_EQ, THIS, 1, 0),
        one(LOAD, ARCHITECTURE),
    ]);
    backwards.reverse();
    Ok(backwards)
}

/// Numbers that are answered alike, up to where the next ones begin.
struct Range<'a> {
    from: u32,
    rules: &'a [Rule],
}

/// Begins a range; numbers are told in rising order.
fn begin<'a>(ranges: &mut Vec<Range<'a>>, from: u32, rules: &'a [Rule]) {
    ranges.pop_if(|last| last.from == from);
    if ranges.last().is_none_or(|last| last.rules != rules) {
        ranges.push(Range { from, rules });
    }
}

/// Halves the ranges until one is left.
fn tree(backwards: &mut BpfProgram, ranges: &[Range<'_>]) -> Result<(), TryFromIntError> {
    let (below, above) = ranges.split_at(ranges.len() / 2);
    let [first, ..] = above else { return Ok(()) };
    if below.is_empty() {
        return answers(backwards, first.rules);
    }
    tree(backwards, above)?;
    let end = backwards.len();
    tree(backwards, below)?;
    let over = backwards.len() - end;
    match u8::try_from(over) {
        Ok(over) => backwards.push(jump(JUMP_GE, first.from, over, 0)),
        // Further than a comparison jumps.
        Err(_) => backwards.extend([one(JUMP, u32::try_from(over)?), jump(JUMP_GE, first.from, 0, 1)]),
    }
    Ok(())
}

/// Asks rule after rule; what none of them answers is allowed.
fn answers(backwards: &mut BpfProgram, rules: &[Rule]) -> Result<(), TryFromIntError> {
    if rules.last().is_none_or(|last| !last.all.is_empty()) {
        backwards.push(one(RETURN, ALLOW));
    }
    for rule in rules.iter().rev() {
        let end = backwards.len();
        backwards.push(one(RETURN, ERRNO | u32::try_from(rule.errno)?));
        for condition in rule.all.iter().rev() {
            let over = u8::try_from(backwards.len() - end)?;
            check(backwards, *condition, over);
        }
    }
    Ok(())
}

/// Looks at an argument; jumps over so many instructions where it is not as it is asked for.
fn check(backwards: &mut BpfProgram, condition: Condition, over: u8) {
    match condition {
        Condition::Is(argument, value) => {
            backwards.extend([jump(JUMP_EQ, value, 0, over), low(argument)]);
        }
        Condition::Isnt(argument, value) => {
            backwards.extend([jump(JUMP_EQ, value, over, 0), low(argument)]);
        }
        Condition::Masked(argument, mask, value) => {
            backwards.extend([jump(JUMP_EQ, value, 0, over), one(AND, mask), low(argument)]);
        }
        Condition::IsZero(argument) => {
            backwards.extend([jump(JUMP_EQ, 0, 0, over), low(argument)]);
            backwards.extend([jump(JUMP_EQ, 0, 0, over + 2), high(argument)]);
        }
        Condition::IsntZero(argument) => {
            backwards.extend([jump(JUMP_EQ, 0, over, 0), low(argument)]);
            backwards.extend([jump(JUMP_EQ, 0, 0, 2), high(argument)]);
        }
    }
}

/// Loads the half that the kernel takes of what it declares as an int: the other one is the caller's to choose.
fn low(argument: u8) -> sock_filter {
    one(LOAD, ARGUMENTS + 8 * u32::from(argument))
}

fn high(argument: u8) -> sock_filter {
    one(LOAD, ARGUMENTS + 8 * u32::from(argument) + 4)
}

fn one(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}
