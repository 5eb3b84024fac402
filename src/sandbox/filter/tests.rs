//! The program against a reader of its own instructions, and against chains of comparisons that another compiler makes of the same
//! rules: one program an answer, as the kernel would put them one over the other.

use std::collections::BTreeMap;

use proptest::prelude::*;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    sock_filter,
};

use super::*;
use crate::policy::Cgroup;

const X32: u32 = 0x4000_0000;

/// A call as a program sees it.
#[derive(Debug, Clone)]
struct Call {
    architecture: u32,
    number: u32,
    arguments: [u64; 6],
}

impl Call {
    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.architecture,
            16..64 => {
                let argument = self.arguments[usize::try_from((offset - 16) / 8).unwrap()];
                let half = if offset.is_multiple_of(8) { argument } else { argument >> 32 };
                u32::try_from(half & 0xffff_ffff).unwrap()
            }
            other => panic!("a load from {other}"),
        }
    }
}

/// Runs a program as the kernel does; its answer and how many instructions it took.
fn run(program: &[sock_filter], call: &Call) -> (u32, usize) {
    let (mut at, mut word, mut steps) = (0, 0, 0);
    loop {
        let sock_filter { code, jt, jf, k } = program[at];
        at += 1;
        steps += 1;
        let over = |holds: bool| usize::from(if holds { jt } else { jf });
        match code {
            0x20 => word = call.word(k),
            0x54 => word &= k,
            0x05 => at += usize::try_from(k).unwrap(),
            0x15 => at += over(word == k),
            0x35 => at += over(word >= k),
            0x25 => at += over(word > k),
            0x06 => return (k, steps),
            other => panic!("instruction {other:#x}"),
        }
    }
}

/// The rules of one answer, as a chain.
fn chain(rules: &Rules, errno: i32) -> BpfProgram {
    let mut chains: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for (call, own) in rules.calls() {
        let own: Vec<_> = own.iter().filter(|rule| rule.errno == errno).collect();
        if own.is_empty() {
            continue;
        }
        // Without rules it always answers.
        let of = |rule: &&program::Rule| {
            SeccompRule::new(rule.all.iter().map(|own| condition(*own)).collect()).unwrap()
        };
        let always = own.iter().any(|rule| rule.all.is_empty());
        chains.insert(call, if always { Vec::new() } else { own.iter().map(of).collect() });
    }
    let answer = SeccompAction::Errno(u32::try_from(errno).unwrap());
    let this = std::env::consts::ARCH.try_into().unwrap();
    SeccompFilter::new(chains, SeccompAction::Allow, answer, this).unwrap().try_into().unwrap()
}

fn condition(own: Condition) -> SeccompCondition {
    use SeccompCmpArgLen::{Dword, Qword};
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    let (argument, length, comparison, value) = match own {
        Is(argument, value) => (argument, Dword, Eq, value),
        Isnt(argument, value) => (argument, Dword, Ne, value),
        Masked(argument, mask, value) => (argument, Dword, MaskedEq(mask.into()), value),
        IsZero(argument) => (argument, Qword, Eq, 0),
        IsntZero(argument) => (argument, Qword, Ne, 0),
    };
    SeccompCondition::new(argument, length, comparison, value.into()).unwrap()
}

/// The lowest answer counts, and of equal actions that of the program that was installed last.
fn answered(chains: &[BpfProgram], call: &Call) -> u32 {
    let action = |answer: u32| answer & 0xffff_0000;
    let own = chains.iter().rev().map(|chain| run(chain, call).0);
    own.reduce(|first, next| if action(next) < action(first) { next } else { first }).unwrap()
}

fn settings() -> Vec<Setting> {
    let mut all = Vec::new();
    let namespaces = [(true, true), (true, false), (false, true)]
        .map(|(user, own_proc)| Isolation::Namespaces { user, own_proc });
    for isolation in namespaces.into_iter().chain([Isolation::Bare]) {
        for shares_network in [false, true] {
            for (cgroup, connect) in [(None, vec![]), (None, vec![443]), (Some(group()), vec![])] {
                all.push(Setting {
                    isolation,
                    shares_network,
                    cgroup,
                    landlock: 6,
                    system: Vec::new(),
                    toolchains: Vec::new(),
                    connect,
                });
            }
        }
    }
    all
}

fn group() -> Cgroup {
    Cgroup { memory: "/sys/fs/cgroup".into(), processes: None, unified: true }
}

/// What a rule names, its neighbours, and the same with something in the half that an int has not.
fn values(rules: &Rules) -> Vec<u64> {
    let mut all = vec![0, 1, u64::from(u32::MAX), u64::MAX, 1 << 32];
    for condition in rules.calls().flat_map(|(_, own)| own).flat_map(|rule| &rule.all) {
        if let Is(_, value) | Isnt(_, value) | Masked(_, _, value) = *condition {
            let value = u64::from(value);
            all.extend([value, value + 1, value | 0o100, value | 0xffff_fff0_0000_0000]);
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn this(number: u32, arguments: [u64; 6]) -> Call {
    let architecture = if cfg!(target_arch = "x86_64") { 0xc000_003e } else { 0xc000_00b7 };
    Call { architecture, number, arguments }
}

/// A setting's program and its chains.
fn both(setting: &Setting) -> (BpfProgram, Vec<BpfProgram>) {
    let rules = rules(setting);
    let chains = [libc::EPERM, libc::ENOSYS, 0].map(|errno| chain(&rules, errno)).to_vec();
    (program::program(&rules).unwrap(), chains)
}

#[test]
fn every_number_is_answered_as_by_chains() {
    for setting in settings() {
        let (tree, chains) = both(&setting);
        for number in (0..2000).chain([X32 - 1]) {
            for argument in [0, 1, 2, 4, 0o4000, u64::from(u32::MAX), u64::MAX] {
                let call = this(number, [argument; 6]);
                assert_eq!(run(&tree, &call).0, answered(&chains, &call), "{setting:?} {call:?}");
            }
        }
    }
}

#[test]
fn what_is_no_call_of_this_machine_is_none() {
    for setting in settings() {
        let (tree, _) = both(&setting);
        for number in [0, 59, u32::MAX] {
            let call = Call { architecture: 0x4000_0003, number, arguments: [0; 6] };
            assert_eq!(run(&tree, &call).0, 0x8000_0000, "{call:?}");
        }
        if cfg!(target_arch = "x86_64") {
            for number in [X32, X32 + 59, X32 + 520, u32::MAX] {
                let enosys = 0x0005_0000 + 38;
                assert_eq!(run(&tree, &this(number, [0; 6])).0, enosys, "{number:#x}");
            }
        }
    }
}

#[test]
fn a_call_without_a_rule_takes_few_instructions() {
    for setting in settings() {
        let (tree, chains) = both(&setting);
        let longest = (0..600).map(|number| this(number, [0; 6]));
        let longest = longest.filter(|call| answered(&chains, call) == 0x7fff_0000);
        let unasked = longest.map(|call| run(&tree, &call).1).max().unwrap();
        assert!(unasked <= 40, "{unasked}");
        assert!(tree.len() < 1000, "{}: the kernel takes 4096", tree.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn named_arguments_are_answered_as_by_chains(
        which in 0..24_usize,
        calls in proptest::collection::vec(any::<(u16, [u16; 6])>(), 200),
    ) {
        let setting = &settings()[which];
        let (tree, chains) = both(setting);
        let rules = rules(setting);
        let (numbers, values) = (rules.calls().map(|(call, _)| call).collect::<Vec<_>>(), values(&rules));
        for (number, arguments) in calls {
            let number = u32::try_from(numbers[usize::from(number) % numbers.len()]).unwrap();
            let call = this(number, arguments.map(|own| values[usize::from(own) % values.len()]));
            prop_assert_eq!(run(&tree, &call).0, answered(&chains, &call), "{:?} {:?}", setting, call);
        }
    }
}
