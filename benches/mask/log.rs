//! Build logs, the same every time: lines of cargo, npm, pytest, git, docker and compilers.

use std::io::{self, Read, Write};
use std::sync::LazyLock;

/// A generator of numbers that are the same every time.
pub(crate) struct Random(u64);

const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const CRATES: [&str; 16] = [
    "serde",
    "tokio-util",
    "proc-macro2",
    "syn",
    "quote",
    "libc",
    "regex-automata",
    "aho-corasick",
    "clap_builder",
    "unicode-ident",
    "memchr",
    "hashbrown",
    "indexmap",
    "futures-core",
    "tracing-subscriber",
    "openssl-sys",
];
const WORDS: &str = "\
    parse config render missing field handler client request timeout value index buffer stream module \
    worker session schema update remove create window layout token author account address archive backend \
    balance binary bucket bundle button cache calendar canvas channel checkout cluster codec column command \
    commit compile component connect container content context controller cookie counter currency cursor \
    database decode default delete deploy desktop dialog digest display document domain download driver \
    editor element encode engine entity error event example export factory feature filter folder format \
    fragment gateway global graph group header history hook image import input install instance integer \
    invoice item journal kernel keyboard label ledger library license linker list loader locale logger \
    lookup macro manager matrix media memory merge message metric migrate mobile model monitor network node \
    notify number object offset option order output package panel path payload payment pipeline plugin \
    pointer policy pool printer process product profile project promise provider proxy query queue reader \
    record registry release report resolver resource response result retry router runtime sampler scanner \
    scheduler scope script search segment sensor server service shader shape shell signal snapshot socket \
    source spinner stack state storage string style subject switch symbol sync syntax system table target \
    task template test theme thread ticket timer tokenizer tooltip trace transfer tree trigger upload user \
    utils validator vector vendor version video view visitor volume wallet widget writer";

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn word(&mut self) -> &'static str {
        static ALL: LazyLock<Vec<&str>> = LazyLock::new(|| WORDS.split_whitespace().collect());
        self.pick(&ALL)
    }

    fn text(&mut self, alphabet: &[u8], len: usize) -> String {
        let mut pick = || char::from(alphabet[usize::try_from(self.below(alphabet.len() as u64)).unwrap()]);
        (0..len).map(|_| pick()).collect()
    }
}

/// Appends a line of an ordinary log.
pub(crate) fn ordinary(random: &mut Random, out: &mut Vec<u8>) {
    let (name, word, other) = (random.pick(&CRATES), random.word(), random.word());
    let (a, b, c) = (random.below(30), random.below(400) + 1, random.below(90));
    let line = match random.below(26) {
        0..4 => format!("\x1b[1m\x1b[32m   Compiling\x1b[0m {name} v{a}.{c}.{b}"),
        4 => format!("\x1b[1m\x1b[33mwarning\x1b[0m\x1b[1m: unused variable: `{word}_{other}`\x1b[0m"),
        5 => format!(" \x1b[1m\x1b[34m--> \x1b[0msrc/{word}/{other}.rs:{b}:{c}"),
        6 => format!("   Downloaded {name} v{a}.{c}.{b}"),
        7 => format!(
            "     Running `rustc --crate-name {} --edition=2024 src/lib.rs --crate-type lib --emit=dep-info,metadata,link -C metadata={} --out-dir /home/ci/work/app/target/debug/deps -L dependency=/home/ci/work/app/target/debug/deps --extern {word}=/home/ci/work/app/target/debug/deps/lib{word}-{}.rmeta`",
            name.replace('-', "_"),
            random.text(HEX, 16),
            random.text(HEX, 16)
        ),
        8..11 => format!("test {word}::{other}::tests::{word}_{other}_{b} ... ok"),
        11 => format!(
            "npm warn deprecated {name}@{a}.{c}.{b}: this version is no longer supported, please use {word} instead"
        ),
        12 => format!(
            "npm http fetch GET 200 https://registry.example.org/{name}/-/{name}-{a}.{c}.{b}.tgz {b}ms (cache miss)"
        ),
        13..16 => format!(
            "tests/unit/test_{word}.py::test_{other}[{name}-{b}] PASSED                        [ {c:>2}%]"
        ),
        16 => format!(
            "tests/integration/test_{word}.py::Test{}::test_{other} \x1b[32mPASSED\x1b[0m [ {c:>2}%]",
            name.replace('-', "")
        ),
        17 => format!(
            "#{a} {b}.{c} Get:{c} http://deb.example.org/debian bookworm/main amd64 lib{name} amd64 {a}.{c}-{b} [{b} kB]"
        ),
        18 => format!("{} {} Merge branch '{word}/{other}'", random.text(HEX, 40), a),
        19 => format!(
            "2026-03-{:02}T{:02}:{c:02}:11.{b:03}Z  INFO {word}::{other}: handled request id={} status=200 elapsed={b}us",
            a % 28 + 1,
            a % 24,
            uuid(random)
        ),
        20 => format!("[{a}/{b}] Building CXX object src/{word}/CMakeFiles/{other}.dir/{word}_{other}.cpp.o"),
        21 => format!(
            "/usr/bin/c++ -DNDEBUG -I/home/ci/work/app/include -O2 -Wall -std=c++20 -MD -MT {word}.o -MF {word}.o.d -o {word}.o -c /home/ci/work/app/src/{other}/{word}.cpp"
        ),
        22 => format!("checksum {} {name}-{a}.{c}.{b}.crate", random.text(HEX, 64)),
        23 => format!("ok  \texample.org/app/{word}/{other}\t{a}.{b:03}s\tcoverage: {c}.1% of statements"),
        24 => String::new(),
        _ => rare(random, word),
    };
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
}

/// Lines that the masker has to do with; a real secret now and then.
fn rare(random: &mut Random, word: &str) -> String {
    match random.below(40) {
        0 => format!("Authorization: Bearer {}", random.text(ALNUM, 40)),
        1 => format!("export {}_TOKEN={}", word.to_uppercase(), random.text(ALNUM, 32)),
        2 => format!("cloning https://ci:{}@git.example.org/app.git", random.text(ALNUM, 20)),
        3 => format!("using {}{}", "ghp_", random.text(ALNUM, 36)),
        4 => format!("value {} ok", values(40)[usize::try_from(random.below(40)).unwrap()]),
        5..9 => "  token: ***".to_owned(),
        _ => format!("   Finished {word} in {}.{:02}s", random.below(60), random.below(100)),
    }
}

fn uuid(random: &mut Random) -> String {
    let mut part = |len| random.text(HEX, len);
    format!("{}-{}-4{}-8{}-{}", part(8), part(4), part(3), part(3), part(12))
}

/// Appends a line that is nearly a secret, or is one.
pub(crate) fn worst(random: &mut Random, out: &mut Vec<u8>) {
    let text = random.text(ALNUM, 60);
    let line = match random.below(12) {
        0 => format!("{}{} {}", "ghp_", &text[..35], &text[35..]),
        1 => format!("password: {} token: required secret=$SECRET api_key=12345", "required"),
        2 => format!("{}{}.{}", "eyJ", &text[..30], &text[30..]),
        3 => format!("https://{}:8080/{}@{}", &text[..10], &text[10..20], &text[20..30]),
        4 => format!("Authorization: Bearer {text}"),
        5 => format!("{}{}", "AKIA", text[..15].to_uppercase()),
        6 => format!("Cookie: a={}; b={}; c=1", &text[..20], &text[20..40]),
        7 => format!("\x1b[31m{}\x1b[0m{}\x1b[1mtoken\x1b[0m={}", &text[..5], "sk-", &text[5..30]),
        8 => values(40)[usize::try_from(random.below(40)).unwrap()][..20].to_owned(),
        9 => format!("{}{} {}{}", "npm_", &text[..20], "glpat-", &text[20..39]),
        10 => format!("{0}BEGIN PRIVATE KEY{0}", "-----"),
        _ => format!("{{\"password\": \"{}\", \"secret\": \"{}\"}}", &text[..20], &text[20..40]),
    };
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
}

/// Returns values as they are in the environments of builds: tokens, passwords, links.
pub(crate) fn values(count: usize) -> Vec<String> {
    let mut random = Random::new(99);
    (0..count)
        .map(|index| match index % 5 {
            0 => format!("ghp_{}", random.text(ALNUM, 36)),
            1 => random.text(ALNUM, 32),
            2 => format!("{}/+&{}", random.text(ALNUM, 10), random.text(ALNUM, 9)),
            3 => format!("postgres://app:{}@db{index}.example.org/app", random.text(ALNUM, 20)),
            _ => random.text(HEX, 64),
        })
        .collect()
}

/// One line without an end.
pub(crate) struct Line {
    left: usize,
    block: Vec<u8>,
}

impl Line {
    pub(crate) fn new(len: usize) -> Self {
        let mut block = Vec::new();
        let mut random = Random::new(7);
        while block.len() < 1 << 20 {
            ordinary(&mut random, &mut block);
            block.pop();
        }
        Self { left: len, block }
    }
}

impl Read for Line {
    fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.left.min(self.block.len()).min(buffer.len());
        buffer.write_all(&self.block[..len])?;
        self.left -= len;
        Ok(len)
    }
}
