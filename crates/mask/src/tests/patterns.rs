//! Every provider, in every surrounding, with its near misses.

use super::super::{detect, providers};
use super::{ALNUM, BASE64, HEX, Secrets, URL64, noise, show, whole};

/// A token of a provider: the public start, then what is secret.
fn tokens() -> Vec<(&'static str, String, String)> {
    let mut tokens = Vec::new();
    let mut add = |name, start: &str, rest: String| tokens.push((name, start.to_owned(), rest));
    for (seed, letter) in (1..).zip(["p", "o", "u", "s", "r"]) {
        add("github", &format!("gh{letter}_"), noise(ALNUM, 36, seed));
    }
    add("github", "github_pat_", format!("{}_{}", noise(ALNUM, 22, 6), noise(ALNUM, 59, 7)));
    add("openai", "sk-", format!("{}T3Blbk{}{}", noise(ALNUM, 20, 8), "FJ", noise(ALNUM, 20, 9)));
    add("openai", "sk-proj-", noise(URL64, 120, 10));
    add("openai", "sk-svcacct-", noise(URL64, 120, 11));
    add("anthropic", "sk-ant-api03-", format!("{}AA", noise(URL64, 93, 12)));
    add("aws", "AKIA", noise("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16, 13));
    add("aws", "ASIA", noise("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16, 14));
    let digits = "0123456789";
    let parts = [noise(digits, 12, 15), noise(digits, 12, 16), noise(ALNUM, 24, 17)];
    add("slack", "xoxb-", parts.join("-"));
    add("slack", "xoxp-", parts.join("-"));
    add("slack", "https://hooks.slack.com/services/", format!("T{}/B{}/{}", &parts[0], &parts[1], &parts[2]));
    add("stripe", "sk_live_", noise(ALNUM, 24, 18));
    add("stripe", "rk_test_", noise(ALNUM, 99, 19));
    add("stripe", "whsec_", noise(ALNUM, 32, 20));
    add("npm", "npm_", noise(ALNUM, 36, 21));
    add("pypi", "pypi-AgEIcHlwaS5vcmc", noise(URL64, 130, 22));
    add("google", "AIza", noise(URL64, 35, 23));
    add("google", "ya29.", noise(URL64, 60, 24));
    add("google", "GOCSPX-", noise(URL64, 28, 25));
    add("azure", "abc8Q~", noise(ALNUM, 34, 26));
    add("azure", "?sig=", format!("{}%3D", noise(ALNUM, 43, 27)));
    add("gitlab", "glpat-", noise(ALNUM, 20, 28));
    add("gitlab", "glrt-", noise(ALNUM, 20, 29));
    add("hugging face", "hf_", noise(ALNUM, 34, 30));
    add("sendgrid", "SG.", format!("{}.{}", noise(ALNUM, 22, 31), noise(ALNUM, 43, 32)));
    add("twilio", "SK", noise(HEX, 32, 33));
    add("digitalocean", "dop_v1_", noise(HEX, 64, 34));
    add("docker hub", "dckr_pat_", noise(URL64, 27, 35));
    add("rust registry", "cio", noise(ALNUM, 32, 36));
    add("age", "AGE-SECRET-KEY-1", noise("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58, 37));
    add("vault", "hvs.", noise(URL64, 92, 38));
    let claims = format!("eyJ{}", noise(URL64, 60, 39));
    add("jwt", "eyJhbGciOiJIUzI1NiJ9.", format!("{claims}.{}", noise(URL64, 43, 40)));
    tokens
}

/// Where tokens stand in logs. `@` stands for the token.
const PLACES: [&str; 20] = [
    "@",
    "@\n",
    "token @ found\n",
    "TOKEN=@\r\n",
    "export X=\"@\"\n",
    "{\"x\":\"@\"}\n",
    "{\"log\":\"first\\n@\\nthird\"}\n",
    "{\"a\":\"{\\\"b\\\":\\\"@\\\"}\"}\n",
    "https://example.org/x?y=@&z=1\n",
    "https://example.org/x?y%3D@\n",
    "10%\r20%\r@\r30%\r",
    "\x1b[31m@\x1b[0m\n",
    "\x1b[1;32mok\x1b[0m:@;\n",
    "\x1b]0;@\x07title\n",
    "\x1b]8;;https://example.org/@\x1b\\link\x1b]8;;\x1b\\\n",
    "\x1bP@\x1b\\\n",
    "'@'\n",
    "<a>@</a>\n",
    "2024-05-05T10:10:10Z INFO [main] got @, going on\n",
    "a\tb\t@\tc\n",
];

#[test]
fn every_provider_is_masked_everywhere() {
    let none = Secrets::default();
    for (name, start, rest) in tokens() {
        for place in PLACES {
            let line = place.replace('@', &format!("{start}{rest}"));
            let out = whole(&none, line.as_bytes());
            let visible =
                rest.as_bytes().windows(6).any(|part| memchr::memmem::find(out.as_bytes(), part).is_some());
            assert!(!visible, "{name} in {place:?}: {out:?}");
            assert_eq!(
                out.matches('\n').count(),
                line.matches('\n').count(),
                "newlines of {name} in {place:?}"
            );
        }
    }
}

#[test]
fn a_token_cut_by_terminal_codes_is_masked() {
    let none = Secrets::default();
    for (name, start, rest) in tokens() {
        let token = format!("{start}{rest}");
        for code in ["\x1b[0m", "\x1b[38;5;1m", "\x1b(B", "\x07", "\0", "\x7f", "x\x08", "\x1b]0;t\x07"] {
            for at in [1, start.len(), start.len() + 3, token.len() - 2] {
                let line = format!("a {}{code}{} b\n", &token[..at], &token[at..]);
                let out = whole(&none, line.as_bytes());
                let tail = &token[token.len() - 8..token.len() - 2];
                assert!(!out.contains(tail), "{name} cut by {code:?} at {at}: {out:?}");
            }
        }
    }
}

#[test]
fn utf_16_is_masked() {
    let none = Secrets::default();
    for (name, start, rest) in tokens() {
        let text = format!("x {start}{rest} y\n");
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let out = whole(&none, &little).replace('\0', "");
        assert!(!out.contains(&rest[..8]), "{name}: {out:?}");
    }
}

#[test]
fn near_misses_stay() {
    let none = Secrets::default();
    let near = [
        format!("gh{}_{}", "p", noise(ALNUM, 35, 1)),
        format!("gh{}_{}", "x", noise(ALNUM, 36, 2)),
        format!("AK{}{}", "IA", noise("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 15, 3)),
        format!("AK{}{}", "IA", noise("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 17, 3)),
        format!("xAK{}{}", "IA", noise("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 16, 3)),
        format!("S{}{}", "K", noise(HEX, 31, 4)),
        format!("S{}{}", "K", noise(HEX, 33, 4)),
        format!("ci{}{}", "o", noise(ALNUM, 33, 5)),
        format!("np{}{}", "m_", noise(ALNUM, 20, 6)),
        "sk-this-is-a-name-of-a-class-in-some-style-sheet".to_owned(),
        "disk-0123456789abcdef0123456789abcdef0123".to_owned(),
        "eyJ.not.one".to_owned(),
        "npm_config_registry=https://registry.example.org/".to_owned(),
        "hf_hub_download_of_a_very_long_function_name".to_owned(),
    ];
    for text in near {
        for line in [format!("{text}\n"), format!("see {text}, ok\n"), format!("\"{text}\"")] {
            assert_eq!(whole(&none, line.as_bytes()), line, "{text}");
        }
    }
}

#[test]
fn aws_secrets_go_with_their_ids() {
    let none = Secrets::default();
    let id = format!("AK{}{}", "IA", noise("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 16, 1));
    let secret = noise(BASE64, 40, 2);
    for line in [format!("{id},{secret}\n"), format!("{id}:{secret}"), format!("id {id} secret {secret} x\n")]
    {
        assert!(!whole(&none, line.as_bytes()).contains(&secret[..8]), "{line}");
    }
    let hash = noise(HEX, 40, 3);
    assert!(whole(&none, format!("{id} at {hash}\n").as_bytes()).contains(&hash));
}

/// Pairs whose value is a secret; `@` stands for it.
const PAIRS: [&str; 34] = [
    "password=@\n",
    "PASSWORD: @\n",
    "DB_PASSWORD='@'\n",
    "\"password\": \"@\"\n",
    "{\"password\":\"@\",\"user\":\"me\"}\n",
    "{\\\"password\\\":\\\"@\\\"}\n",
    "{\\\\\\\"password\\\\\\\":\\\\\\\"@\\\\\\\"}\n",
    "passwd = @\n",
    "pwd=@;\n",
    "Server=db;User Id=sa;Password=@;Encrypt=true\n",
    "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=@;EndpointSuffix=core\n",
    "Endpoint=sb://x/;SharedAccessKeyName=y;SharedAccessKey=@\n",
    "api_key=@\n",
    "apiKey: \"@\",\n",
    "X-Api-Key: @\n",
    "client_secret=@&grant_type=x\n",
    "https://x.org/cb?access_token=@&state=1\n",
    "aws_secret_access_key = @\n",
    "SecretAccessKey: @\n",
    "--password @ --user x\n",
    "--token=@\n",
    "<password>@</password>\n",
    "PRIVATE-TOKEN: @\n",
    "//registry.example.org/:_authToken=@\n",
    "_auth=@\n",
    "Authorization: Bearer @\n",
    "Authorization: Basic @\n",
    "authorization: token @\n",
    "-H 'Authorization: @'\n",
    "http.extraheader=AUTHORIZATION: basic @\n",
    "Bearer @ was refused\n",
    "Cookie: a=@; b=@\n",
    "Set-Cookie: session=@; Path=/; HttpOnly\n",
    "postgres://app:@@db.example.org:5432/x\n",
];

#[test]
fn values_of_telling_keys_are_masked() {
    let none = Secrets::default();
    for value in ["hunter2x", "S3cr3t!pass", &noise(ALNUM, 32, 1), &noise(HEX, 32, 2), &noise(BASE64, 44, 3)]
    {
        for pair in PAIRS {
            if value.contains('!') && pair.starts_with("Bearer") {
                continue;
            }
            let line = match pair.strip_prefix("postgres") {
                Some(_) => pair.replacen('@', value, 1),
                None => pair.replace('@', value),
            };
            let out = whole(&none, line.as_bytes());
            assert!(!out.contains(value), "{line} {out}");
            assert!(out.contains("***"), "{line} {out}");
            let name = pair.split(['=', ':', ' ', '>']).next().unwrap();
            assert!(out.starts_with(name), "the key stays: {line} {out}");
        }
    }
}

#[test]
fn keys_in_a_value_are_masked_with_it() {
    let none = Secrets::default();
    for key in ["token=", "token:", ".pass=", "token=$", "tokens=", "token=a&b/"] {
        let line = format!("{} {}\n", key.repeat(500), key.repeat(30_000));
        let out = whole(&none, line.as_bytes());
        assert!(out.len() < line.len() / 100, "{key}: {} bytes", out.len());
    }
    let line = format!("{}password=\"two words1\" end\n", "token=".repeat(60));
    assert_eq!(whole(&none, line.as_bytes()), "token=***\"***\" end\n");
    let line = format!("{}bearer a1b2c3d4e5 end\n", "token=".repeat(60));
    assert_eq!(whole(&none, line.as_bytes()), "token=*** *** end\n");
}

#[test]
fn tokens_in_tokens_are_masked_with_them() {
    let none = Secrets::default();
    let plain = format!("{}{} ", "xox", "b-xoxb-".repeat(20_000));
    assert_eq!(whole(&none, plain.as_bytes()), plain, "no digit, no token");
    let out = whole(&none, format!("{} end\n", "7Q\u{7e}".repeat(60_000)).as_bytes());
    assert!(out.ends_with("*** end\n") && !out.contains('7'), "{} bytes", out.len());
}

#[test]
fn a_basic_header_is_known_by_its_content() {
    let none = Secrets::default();
    // base64 of "user:hunter2"
    let line = "Basic dXNlcjpodW50ZXIy\n";
    assert_eq!(whole(&none, line.as_bytes()), "Basic ***\n");
    let line = "Basic authentication is used. Basic usage\n";
    assert_eq!(whole(&none, line.as_bytes()), line);
}

#[test]
fn plain_values_stay() {
    let none = Secrets::default();
    for line in [
        "password=$PASSWORD\n",
        "password: ${{ secrets.PASSWORD }}\n",
        "token=${TOKEN}\n",
        "token=***\n",
        "password: required\n",
        "secret=None\n",
        "token: 12345\n",
        "max_tokens=4096, prompt_tokens: 17\n",
        "tokens: 1234567\n",
        "error: unexpected token: `foo`\n",
        "let token = parser.next_token();\n",
        "token: Option<String>,\n",
        "test auth::token::tests::refresh_2_works ... ok\n",
        "api_key: &str,\n",
        "secret_name: tls-cert\n",
        "Password: \n",
        "Password for 'https://user@example.org': \n",
        "PWD=/home/me/src\n",
        "token-file=/var/run/secrets/token1\n",
        "token_path: /var/run/secrets/token1\n",
        "cookies: 3 of 4\n",
        "Set-Cookie: theme=dark; Path=/; Max-Age=3600\n",
        "git clone https://github.com/a/b.git\n",
        "https://registry.example.org/@scope/pkg/-/pkg-1.2.3.tgz\n",
        "http://localhost:4873/@scope/pkg\n",
        "ssh://git@github.com/a/b.git\n",
        "postgres://app:$PASS@db/x\n",
        "postgres://app:***@db/x\n",
        "the bearer of bad news; Bearer token required\n",
        "authors = [\"a <b@c.org>\"]\n",
    ] {
        assert_eq!(whole(&none, line.as_bytes()), line);
    }
}

#[test]
fn keys_in_armour_are_masked_line_by_line() {
    let none = Secrets::default();
    let body: Vec<String> =
        (0..12).map(|line| noise(BASE64, 64, line + 1)).chain([noise(BASE64, 12, 99)]).collect();
    let dashes = "-".repeat(5);
    for label in ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"] {
        for prefix in ["", "    ", "2024-05-05T10:10:10.123Z [build] ", "\x1b[36mweb_1  |\x1b[0m "] {
            for ending in ["\n", "\r\n"] {
                let mut lines = vec![format!("{dashes}BEGIN {label}{dashes}")];
                lines.extend(body.clone());
                for end in [vec![], vec![format!("{dashes}END {label}{dashes}")]] {
                    let text: String = lines
                        .iter()
                        .chain(&end)
                        .chain(&["after the key 1".to_owned(), "cargo build".to_owned()])
                        .flat_map(|line| [prefix, line, ending])
                        .collect();
                    let out = whole(&none, text.as_bytes());
                    for line in &body {
                        assert!(!out.contains(line.as_str()), "{label} {prefix:?} {line} {out}");
                    }
                    assert!(out.contains("after the key 1") && out.contains("cargo build"), "{out}");
                    assert_eq!(out.lines().count(), text.lines().count());
                }
            }
        }
    }
    let escaped = format!(
        "{{\"private_key\": \"{dashes}BEGIN PRIVATE KEY{dashes}\\n{}\\n{dashes}END PRIVATE KEY{dashes}\\n\"}}\n",
        body.join("\\n")
    );
    let out = whole(&none, escaped.as_bytes());
    assert!(body.iter().all(|line| !out.contains(line.as_str())), "{out}");
}

/// As `env`, a YAML file or a variable of a pipeline has them: blanks or `\\n` stand for the ends of lines.
#[test]
fn a_key_in_one_line_is_masked_between_its_ends() {
    let none = Secrets::default();
    let (begin, end) = ["BEGIN", "END"].map(|word| format!("{0}{word} PRIVATE KEY{0}", "-".repeat(5))).into();
    let (body, more) = (noise(BASE64, 64, 1), noise(BASE64, 64, 2));
    for (before, behind) in [("", ""), (" ", " "), ("\t", "\t"), (r"\n", ""), (r"\r\n", ""), (r"\n ", " \t ")]
    {
        for between in [" ", r"\n", r"\r\n"] {
            let line = |text: &str| format!("KEY={begin}{before}{text}{behind}{end} and more\n");
            let out = whole(&none, line(&format!("{body}{between}{more}")).as_bytes());
            assert_eq!(out, line("***"), "{before:?} {between:?} {behind:?}");
        }
        // Cut off: what follows in the next line belongs to it.
        let cut = |text: &str, next: &str| format!("KEY={begin}{before}{text}\n{next}\nand more of it\n");
        assert_eq!(whole(&none, cut(&body, &more).as_bytes()), cut("***", "***"), "{before:?}");
    }
    for nothing in ["", " ", " \t ", r"\n"] {
        let line = format!("{begin}{nothing}{end} and more\n");
        assert_eq!(whole(&none, line.as_bytes()), line, "there is nothing to mask");
    }
    // A few letters behind a BEGIN line are no body.
    let line = format!("{begin} was found here\n");
    assert_eq!(whole(&none, line.as_bytes()), line);
}

#[test]
fn a_key_stops_after_three_foreign_lines() {
    let none = Secrets::default();
    let start = format!("{0}BEGIN PRIVATE KEY{0}\n", "-".repeat(5));
    let body = noise(BASE64, 64, 1);
    let text = format!("{start}{body}\nfirst one\nsecond one\nthird one\n{body}\n");
    let out = whole(&none, text.as_bytes());
    assert_eq!(out, format!("{start}***\nfirst one\nsecond one\nthird one\n{body}\n"));
    let long = format!("{start}{}after\n{body}\n", format!("{body}\n").repeat(1100));
    let out = whole(&none, long.as_bytes());
    assert!(out.ends_with(&format!("after\n{body}\n")), "64 KiB are no key");
}

#[test]
fn hits_tell_kind_and_place_only() {
    let (_, start, rest) = tokens().swap_remove(0);
    let text = format!("one\ntwo \x1b[1m{start}{rest}\x1b[0m three\n");
    let hits = detect(text.as_bytes());
    assert_eq!(hits.len(), 1, "{hits:?}");
    assert_eq!(hits[0].kind.to_string(), "github-token");
    assert_eq!(&text[hits[0].range.clone()], format!("{start}{rest}"));
    assert!(detect(b"nothing here\n").is_empty());
}

#[test]
fn all_patterns_compile() {
    for index in 0..providers::ALL.len() {
        assert!(providers::compiles(index), "{index}");
    }
    assert!(show(b"\n") == "\\n");
}
