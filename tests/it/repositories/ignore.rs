//! What the base's `.gitignore` says means here what it means to git: nothing is lost as ignored that git would commit, and
//! nothing is committed that git would ignore.

use super::{names, refused, run_without_trace, script};
use crate::common::Repo;

#[test]
fn git_decides_what_is_ignored() {
    let repo = Repo::new();
    // To git, braces stand for themselves, a mark at the beginning of a file is no part of it, and so on.
    repo.file(".gitignore", "\u{feff}secret\n*.{key,pem}\n[!-]?\n!\ntab\t\nspace \nends\r\n[[:digit:]]*\n");
    repo.file("sub/.gitignore", "!secret\n");
    script(
        &repo,
        "for name in secret a.key 'a.{key,pem}' -- -x xy tab space ends 1a sub/secret sub/a.key; do echo x > \"./$name\"; done",
    );
    run_without_trace(&repo, 0);
    let names: Vec<String> = names(&repo)
        .into_iter()
        .map(|name| String::from_utf8(name).unwrap())
        .filter(|name| !name.starts_with(".ai"))
        .collect();
    assert_eq!(
        names,
        ["--", "-x", ".gitignore", "README.md", "a.key", "sub/.gitignore", "sub/a.key", "sub/secret", "tab"]
    );
}

#[test]
fn rules_that_cannot_be_read_are_refused_before_the_first_step() {
    type Lay = fn(&Repo);
    let cases: [(Lay, &str); 3] = [
        (
            |repo| {
                std::fs::create_dir(repo.top().join("sub")).unwrap();
                std::os::unix::fs::symlink("../rules", repo.top().join("sub/.gitignore")).unwrap();
                repo.file("rules", "secret\n");
            },
            "sub/.gitignore of the base is a link, which git does not follow",
        ),
        (
            |repo| repo.file(".gitignore", &"x\n".repeat(600_000)),
            ".gitignore of the base is larger than 1 MiB",
        ),
        (
            |repo| repo.file(".gitignore", &format!("secret\n{}\n", "*a".repeat(65))),
            ".gitignore of the base, line 2: a pattern may have stars in 64 places",
        ),
    ];
    for (lay, says) in cases {
        let repo = Repo::new();
        lay(&repo);
        script(&repo, "echo x > made");
        refused(&repo).says(says).says("commit that, and run again");
    }
}
