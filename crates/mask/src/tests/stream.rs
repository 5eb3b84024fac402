//! When bytes come out, and what is learnt on the way.

use super::super::{Masker, Secrets, text};
use super::{ALNUM, HEX, masked, noise, secrets, whole};

fn pushed(masker: &mut Masker, input: &str) -> String {
    let mut out = Vec::new();
    masker.push(input.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

fn idle(masker: &mut Masker) -> String {
    let mut out = Vec::new();
    masker.idle(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_is_out_with_its_newline() {
    let mut masker = Masker::new(&secrets(&[b"abcdefghijkl", b"line-1\nline-2\nvalue-3"]));
    assert_eq!(pushed(&mut masker, "one\ntwo"), "one\n");
    assert_eq!(pushed(&mut masker, " and a half\n"), "two and a half\n");
    assert_eq!(pushed(&mut masker, "10%\r"), "10%\r");
    assert_eq!(pushed(&mut masker, "ends like abcdef\n"), "ends like abcdef\n");
    assert_eq!(pushed(&mut masker, "line-1\n"), "", "the next line may go on with the value");
    assert_eq!(pushed(&mut masker, "else\n"), "line-1\nelse\n");
    assert_eq!(pushed(&mut masker, "ends like abcdef\r"), "", "a CR ends no value");
    assert_eq!(pushed(&mut masker, "ghijkl\n"), "ends like ***\r***\n");
}

#[test]
fn a_prompt_is_out_after_a_silence() {
    let mut masker = Masker::new(&secrets(&[b"hunter2hunter2"]));
    for prompt in
        ["Password: ", "Continue? [y/N] ", "Enter token: ", "Username for 'https://example.org': ", "> "]
    {
        assert_eq!(pushed(&mut masker, prompt), "");
        assert_eq!(idle(&mut masker), prompt);
        assert_eq!(idle(&mut masker), "", "once");
        assert_eq!(pushed(&mut masker, "\n"), "\n");
    }
}

#[test]
fn what_may_be_a_secret_stays_in_a_silence() {
    let mut masker = Masker::new(&secrets(&[b"hunter2hunter2"]));
    assert_eq!(pushed(&mut masker, "it is hunt"), "");
    assert_eq!(idle(&mut masker), "it is ");
    assert_eq!(pushed(&mut masker, "er2hunter2 it is\n"), "*** it is\n");
    let token = format!("gh{}_{}", "p", noise(ALNUM, 36, 1));
    assert_eq!(pushed(&mut masker, &format!("token {}", &token[..10])), "");
    assert_eq!(idle(&mut masker), "");
    assert_eq!(pushed(&mut masker, &format!("{}\n", &token[10..])), "token ***\n");
    assert_eq!(pushed(&mut masker, "password=hunt"), "");
    assert!(!idle(&mut masker).contains("hunt"));
    assert!(pushed(&mut masker, "3r\n").ends_with("***\n"));
    // A start that was public when it was shown.
    let mut masker = Masker::new(&Secrets::default());
    assert_eq!(pushed(&mut masker, "see gh"), "");
    assert_eq!(idle(&mut masker), "see gh");
    assert_eq!(pushed(&mut masker, &format!("{} ok\n", &token[2..])), "*** ok\n");
}

#[test]
fn values_count_from_when_they_are_registered() {
    let secrets = Secrets::default();
    let mut masker = Masker::new(&secrets);
    assert_eq!(pushed(&mut masker, "late-secret-1\n"), "late-secret-1\n");
    secrets.clone().register(b"late-secret-1").unwrap();
    assert_eq!(pushed(&mut masker, "late-secret-1\n"), "***\n");
}

#[test]
fn workflow_commands_register_values() {
    let input = "a va-lu-e 1\n::add-mask::va-lu-e 1\nb va-lu-e 1 c\n  ::add-mask::x%0Ay%25z-second\nx\ny%z-second\n::add-mask::ab\nab\n";
    let fresh = masked(&Secrets::default(), [input.as_bytes()]);
    let expected =
        "a va-lu-e 1\n::add-mask::***\nb *** c\n  ::add-mask::***\n***\n***\n::add-mask::***\nab\n";
    assert_eq!(String::from_utf8_lossy(&fresh), expected);
    let bytes = masked(&Secrets::default(), input.as_bytes().chunks(1));
    assert_eq!(fresh, bytes);
    let other = "echo ::add-mask::not at the start\nnot at the start\n";
    assert_eq!(whole(&Secrets::default(), other.as_bytes()), other);
}

#[test]
fn long_lines_are_masked_in_windows() {
    let value = noise(ALNUM, 100, 5);
    let secrets = secrets(&[value.as_bytes()]);
    let token = format!("gh{}_{}", "p", noise(ALNUM, 36, 1));
    for place in [0, 1000, 60 << 10, (60 << 10) + 50, (64 << 10) - 20, 64 << 10, 100_000, 131_000] {
        let filler: String = noise("abc def ", place, 9);
        for secret in [&value, &token, &format!("password={}", noise(HEX, 32, 4))] {
            let line = format!("{filler} {secret} {}\n", noise("abc def ", 80_000, 3));
            let out = whole(&secrets, line.as_bytes());
            assert!(!out.contains(&secret[secret.len() - 20..]), "at {place}");
            assert!(out.contains("***"));
        }
    }
}

#[test]
fn a_secret_longer_than_a_window_is_masked_to_its_end() {
    let none = Secrets::default();
    let jwt = format!("eyJhbGciOiJI{}.eyJ{}.{}", "UzI1NiJ9", noise(ALNUM, 40_000, 1), noise(ALNUM, 43, 2));
    let out = whole(&none, format!("{} {jwt} end\n", noise("abc ", 60_000, 1)).as_bytes());
    assert!(
        !out.contains(&jwt[jwt.len() - 12..]) && out.ends_with("*** end\n"),
        "{}",
        &out[out.len() - 80..]
    );
    let value = noise(ALNUM, 50_000, 3);
    let secrets = secrets(&[value.as_bytes()]);
    let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap();
    let hex: String = value.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    let out = whole(&secrets, format!("{} {hex} end\n", noise("abc ", 10_000, 1)).as_bytes());
    // So long a value counts as several: where a window cuts between two of them, two masks touch.
    let last = out.trim_end_matches(" end\n").rsplit(' ').next().unwrap();
    assert!(last.len() >= 3 && last.bytes().all(|byte| byte == b'*'), "{}", &out[out.len() - 80..]);
}

#[test]
fn what_is_held_for_ever_is_let_go() {
    let secrets = secrets(&[b"first-line\nsecond-line"]);
    let stuffed = format!("first-line\n{}end\n", "\x1b[m\r".repeat(300_000));
    let out = whole(&secrets, stuffed.as_bytes());
    assert!(out.ends_with("end\n"));
}

#[test]
fn a_masker_can_be_used_again() {
    let mut masker = Masker::new(&Secrets::default());
    let mut out = Vec::new();
    masker.push(format!("{0}BEGIN PRIVATE KEY{0}\n", "-".repeat(5)).as_bytes(), &mut out);
    masker.finish(&mut out);
    out.clear();
    masker.push(noise(ALNUM, 64, 1).as_bytes(), &mut out);
    masker.finish(&mut out);
    assert_eq!(out, noise(ALNUM, 64, 1).as_bytes());
}

#[test]
fn a_text_is_masked() {
    let secrets = secrets(&["gr\u{fc}n-geheim".as_bytes()]);
    assert_eq!(text(&secrets, "das ist gr\u{fc}n-geheim, \u{fc}brigens"), "das ist ***, \u{fc}brigens");
    assert_eq!(text(&secrets, ""), "");
}
