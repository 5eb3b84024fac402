//! What was declared and what steps registered: who is masked where, and what there is room for.

use super::super::{Masker, Secrets, detect, text};
use super::{ALNUM, masked, noise, secrets, whole};

/// Returns a registry in which a step has registered a value.
fn stepped(command: &str) -> Secrets {
    let secrets = secrets(&[b"declared-1"]);
    masked(&secrets, [format!("::add-mask::{command}\n").as_bytes()]);
    secrets
}

#[test]
fn what_a_step_registers_is_masked_in_output_and_stays_in_structure() {
    let secrets = stepped("src/main.rs");
    assert_eq!(whole(&secrets, b"src/main.rs and declared-1\n"), "*** and ***\n");
    let declared = secrets.declared();
    assert_eq!(text(&declared, "src/main.rs and declared-1"), "src/main.rs and ***");
    assert_eq!(text(&secrets, "src/main.rs"), "***");
    assert!(declared.detect(b"src/main.rs").is_empty());
    assert_eq!(declared.detect(b"declared-1").len(), 1);
}

#[test]
fn what_is_declared_later_counts_everywhere() {
    let secrets = stepped("registered-1");
    let declared = secrets.declared();
    secrets.register(b"declared-2").unwrap();
    declared.register(b"registered-1").unwrap();
    for secrets in [&secrets, &declared] {
        assert_eq!(text(secrets, "declared-1 declared-2 registered-1"), "*** *** ***");
    }
}

#[test]
fn a_masker_of_structure_carries_commands_out_all_the_same() {
    let secrets = Secrets::default();
    let mut out = Vec::new();
    let mut masker = Masker::new(&secrets.declared());
    masker.push(b"::add-mask::registered-1\nregistered-1\n", &mut out);
    assert_eq!(out, b"::add-mask::***\nregistered-1\n");
    assert_eq!(text(&secrets, "registered-1"), "***");
}

#[test]
fn a_text_of_the_runner_registers_nothing() {
    let secrets = Secrets::default();
    assert_eq!(text(&secrets, "::add-mask::a-name"), "::add-mask::***");
    secrets.detect(b"::add-mask::a-name\n");
    detect(b"::add-mask::a-name\n");
    assert_eq!(text(&secrets, "a-name"), "a-name");
}

#[test]
fn a_room_that_is_used_up_is_counted_and_leaves_the_other_alone() {
    let secrets = Secrets::default();
    let line = |seed| format!("::add-mask::{}\n", noise(ALNUM, 1000, seed));
    let all: String = (0..40).map(line).collect();
    masked(&secrets, [all.as_bytes()]);
    assert_eq!(secrets.unmasked(), 8, "32 have room");
    masked(&secrets, [b"::add-mask::tiny\n".as_slice()]);
    assert_eq!(secrets.unmasked(), 8, "too short is another matter");
    let value = noise(ALNUM, 6 << 10, 99);
    secrets.register(value.as_bytes()).unwrap();
    assert_eq!(text(&secrets, &value[5_000..5_010]), "***");
    assert!(secrets.register(noise(ALNUM, 123 << 10, 98).as_bytes()).is_err());
    assert_eq!((secrets.unmasked(), secrets.declared().unmasked()), (9, 9));
}
