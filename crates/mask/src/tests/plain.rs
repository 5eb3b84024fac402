//! What looks like a secret and is none: realistic logs come out as they went in.

use super::{BASE64, HEX, Secrets, noise, secrets, whole};

fn hash(len: usize, seed: u64) -> String {
    noise(HEX, len, seed)
}

fn stays(text: &str) {
    let none = Secrets::default();
    let some = secrets(&[b"an-unrelated-value-1", b"another one, with \"quotes\" & more"]);
    assert_eq!(whole(&none, text.as_bytes()), text);
    assert_eq!(whole(&some, text.as_bytes()), text);
}

#[test]
fn git_logs_stay() {
    for seed in 1..40 {
        stays(&format!(
            "commit {} (HEAD -> main, origin/main)\nAuthor: A B <a.b@example.org>\nindex {}..{} 100644\n\
             Merge: {} {}\n    Fix the token parser (#12)\nUpdating {}..{}\n",
            hash(40, seed),
            hash(7, seed),
            hash(10, seed + 1),
            hash(7, seed + 2),
            hash(7, seed + 3),
            hash(9, seed),
            hash(9, seed + 1),
        ));
    }
}

#[test]
fn lock_files_stay() {
    for seed in 1..40 {
        stays(&format!(
            "[[package]]\nname = \"aho-corasick\"\nversion = \"1.1.3\"\n\
             source = \"registry+https://github.com/example/index\"\nchecksum = \"{}\"\n",
            hash(64, seed)
        ));
        stays(&format!(
            "    \"node_modules/js-tokens\": {{\n      \"version\": \"4.0.0\",\n      \"resolved\": \
             \"https://registry.example.org/js-tokens/-/js-tokens-4.0.0.tgz\",\n      \"integrity\": \
             \"sha512-{}==\"\n    }},\n",
            noise(BASE64, 86, seed)
        ));
        stays(&format!("cookie==1.0 --hash=sha256:{}\n", hash(64, seed)));
        stays(&format!("secretstorage==3.3.3 \\\n    --hash=sha256:{}\n", hash(64, seed)));
    }
}

#[test]
fn build_logs_stay() {
    let uuid = format!("{}-{}-4{}-8{}-{}", hash(8, 1), hash(4, 2), hash(3, 3), hash(3, 4), hash(12, 5));
    stays(&format!("request {uuid} done\nRunning target/debug/deps/token_store-{}\n", hash(16, 1)));
    stays(&format!("   Compiling libsecret-sys v0.1.0 (/home/me/src/secret)\nlibfoo-{}.rlib\n", hash(16, 2)));
    stays("    Finished `dev` profile [unoptimized] target(s) in 12.34s\n");
    stays("tests/test_auth.py::test_token_refresh[basic auth] PASSED        [ 42%]\n");
    stays("npm warn deprecated har-validator@5.1.5: this library is no longer supported\n");
    stays("\x1b[1m\x1b[32m   Compiling\x1b[0m proc-macro2 v1.0.86\n\x1b[33mwarning\x1b[0m: unused import\n");
    stays("progress 10%\rprogress 20%\rprogress 30%\r\ndone\r\n");
    stays("#5 sha256:0123 12.3MB / 45.6MB 1.2s\n\tat java.base/java.lang.Thread.run(Thread.java:833)\n");
    stays("::group::Run actions/checkout@v4\n##[endgroup]\n  token: ***\n  persist-credentials: true\n");
    stays("GET /index.html HTTP/1.1\nHost: example.org\nAccept: */*\nContent-Length: 12\n");
}

#[test]
fn base64_images_stay() {
    for seed in 1..20 {
        stays(&format!("<img src=\"data:image/png;base64,iVBORw0KGgo{}\">\n", noise(BASE64, 20_000, seed)));
        let lines: String = (0..40).map(|line| noise(BASE64, 76, seed * 100 + line) + "\n").collect();
        stays(&lines);
    }
}

#[test]
fn binaries_stay() {
    let bytes: Vec<u8> = (0..=255u8).cycle().take(5000).collect();
    let none = Secrets::default();
    assert_eq!(super::show(&super::masked(&none, [bytes.as_slice()])), super::show(&bytes));
}
