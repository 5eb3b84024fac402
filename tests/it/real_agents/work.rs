//! What agents do, and with what: files, a further attempt, the key, MCP servers.

use super::{KEY, all};
use crate::common::model::{Model, add_file, call, does, say, shell};
use crate::common::program::write_program;
use crate::common::{Repo, wait_until};

#[test]
#[ignore = "needs codex and claude"]
fn what_its_shell_and_apply_patch_make_lands_on_the_branch() {
    for agent in all() {
        let repo = Repo::new();
        let model = Model::serve(vec![
            does(shell("echo by-shell > shell.txt; id -u; touch /usr/outside; cat /etc/shadow")),
            does(add_file("patched.txt", "by-patch")),
            does(say("I made two files.")),
        ]);
        agent.plan(
            &repo,
            &model,
            "  - id: a
    AGENT: Make two files.
    expectation: {output_matches: ['two files'], changes: {min: 2, max: 2}}
",
        );
        agent.run(&repo).exits(0).says("330 tokens");
        assert_eq!(repo.on_branch("shell.txt"), "by-shell");
        assert_eq!(repo.on_branch("patched.txt"), "by-patch");
        let summary = repo.summary();
        assert!(summary.contains("**`a` says:** `I made two files.`"), "{summary}");
        assert!(summary.contains("| a | ✅ | 1 |") && summary.contains("| 330, $0.00"), "{summary}");
        let ended = repo.events_of("agent.ended").remove(0);
        assert_eq!(ended["tokens"]["input"], 300);
        assert!(ended["cost"].as_u64().is_some_and(|cost| cost > 0), "its model has a price: {ended}");
        assert_eq!(ended["acts"], 2, "{}\n{}", repo.log(), model.turns()[1]);
        let log = repo.log();
        assert!(log.contains("/usr/outside") && !log.contains("\"type\""), "{log}");
        assert!(!log.contains("\n0\n"), "its shell is not root: {log}");
        wait_until(|| repo.processes().is_empty());
        assert!(repo.left_in_state().is_empty());
    }
}

#[test]
#[ignore = "needs codex and claude"]
fn a_retry_is_told_why_the_attempt_before_failed() {
    for agent in all() {
        let repo = Repo::new();
        let model = Model::serve(vec![
            does(shell("echo wrong > made")),
            does(say("done")),
            does(shell("cat made; echo right > made")),
            does(say("done")),
        ]);
        agent.plan(
            &repo,
            &model,
            "  - id: a
    AGENT: Make it right.
    retries: 1
    post: ['grep -q right made || { echo the-file-says $(cat made); exit 4; }']
",
        );
        agent.run(&repo).exits(0);
        assert_eq!(repo.on_branch("made"), "right");
        let turns = model.turns();
        assert!(!turns[0].contains("The attempt before"), "{}", turns[0]);
        assert!(turns[2].contains("attempt 2 of 2"), "{}", turns[2]);
        assert!(turns[2].contains("exit 4") && turns[2].contains("the-file-says wrong"), "{}", turns[2]);
        assert!(turns[3].contains("wrong"), "the work of the first attempt was still there: {}", turns[3]);
    }
}

#[test]
#[ignore = "needs codex and claude"]
fn the_key_reaches_the_model_and_nobody_else() {
    for agent in all() {
        let repo = Repo::new();
        let look = format!(
            "env; cat /proc/*/environ | tr '\\0' '\\n'; own=${{CODEX_HOME:-$CLAUDE_CONFIG_DIR}}; ls -ld $own; echo own=$own; \
             grep -ahoF {KEY} $own/*.*; grep -rl {KEY} $own ~ $TMPDIR .; echo looked > made"
        );
        let model = Model::serve(vec![does(shell(&look)), does(say("done"))]);
        agent.plan(&repo, &model, "  - {id: a, AGENT: Look for the key.}\n");
        agent.run(&repo).exits(0).hides(KEY);
        let asked = model.asked();
        assert!(
            asked.iter().all(|asked| asked.headers.to_lowercase().contains(&agent.auth(KEY))),
            "{asked:?}"
        );
        let seen = model.turns()[1].clone();
        assert!(seen.contains("own=/home/step/.agent-"), "{seen}");
        assert!(seen.contains("drwx------"), "{seen}");
        // The command itself names it once, as the model wrote it.
        let called = look.matches(KEY).count();
        assert_eq!(seen.matches(KEY).count(), called, "{seen}");
        for file in ["status-", "summary-", "provenance-"].iter().flat_map(|prefix| repo.evidence(prefix)) {
            assert!(!std::fs::read_to_string(&file).unwrap().contains(KEY), "{}", file.display());
        }
        assert!(!repo.log().contains(KEY));
        assert!(repo.left_in_state().is_empty());
    }
}

/// A server that says of itself that it was started, and with which HOME, and answers what it is asked.
const SERVER: &str = "echo $HOME > /work/tree/NAME-started
while read -r line; do
  id=$(echo \"$line\" | sed -n \"s/.*\\\"id\\\":\\([0-9]*\\).*/\\1/p\")
  case $line in
    *initialize\\\"*) r=\"{\\\"protocolVersion\\\":\\\"2025-06-18\\\",\\\"capabilities\\\":{\\\"tools\\\":{}},\\\"serverInfo\\\":{\\\"name\\\":\\\"docs\\\",\\\"version\\\":\\\"1\\\"}}\";;
    *tools/list*) r=\"{\\\"tools\\\":[{\\\"name\\\":\\\"look\\\",\\\"inputSchema\\\":{\\\"type\\\":\\\"object\\\",\\\"properties\\\":{}}}]}\";;
    *tools/call*) r=\"{\\\"content\\\":[{\\\"type\\\":\\\"text\\\",\\\"text\\\":\\\"seen-by-the-server\\\"}]}\";;
    *) continue;;
  esac
  echo \"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"id\\\":$id,\\\"result\\\":$r}\"
done";

#[test]
#[ignore = "needs codex and claude"]
fn the_named_mcp_servers_are_started_and_no_others() {
    for agent in all() {
        let repo = Repo::new();
        let tools = repo.dir().join("tools");
        std::fs::create_dir(&tools).unwrap();
        for name in ["docs", "other"] {
            write_program(
                &tools.join(format!("{name}-mcp")),
                &format!("#!/bin/sh\n{}\n", SERVER.replace("NAME", name)),
            );
        }
        let program = |name: &str| tools.join(format!("{name}-mcp")).to_str().unwrap().to_owned();
        let (docs, other) = (program("docs"), program("other"));
        agent.servers(&repo, &[("docs", &docs), ("other", &other)]);
        let model = Model::serve(vec![does(call("docs", "look")), does(say("done"))]);
        let steps = format!(
            "  - id: a
    AGENT: {{prompt: Do it., mcp: [docs]}}
    filesystem: {{read: [{}]}}
    expectation: {{files_exist: [docs-started], files_absent: [other-started]}}
",
            tools.display()
        );
        agent.plan(&repo, &model, &steps);
        agent.run(&repo).exits(0);
        assert_eq!(repo.events_of("agent.found")[0]["servers"], serde_json::json!(["docs", "other"]));
        assert_eq!(repo.events_of("agent.started")[0]["servers"], serde_json::json!(["docs"]));
        assert_eq!(repo.on_branch("docs-started"), "/home/step");
        assert!(
            agent.key == "codex" || model.turns()[1].contains("seen-by-the-server"),
            "{}",
            model.turns()[1]
        );
    }
}

#[test]
#[ignore = "needs codex and claude"]
fn beside_an_allow_list_and_below_the_top_an_agent_works_as_well() {
    for agent in all() {
        let repo = Repo::new();
        repo.commit_file("AGENTS.md", "Always be of-the-top.\n");
        repo.commit_file("below/AGENTS.md", "Always be of-below.\n");
        repo.commit_file("beside/AGENTS.md", "Always be of-beside.\n");
        let model = Model::serve(vec![
            does(shell("pwd; echo x > made; env | grep -i ^http_proxy")),
            does(say("done")),
        ]);
        let steps = "  - id: a
    AGENT: Make it.
    dir: below
    network: {allow: [example.org]}
    expectation: {files_exist: [below/made]}
";
        agent.plan(&repo, &model, steps);
        agent.run(&repo).exits(0);
        let asked = model.asked()[0].body.to_string();
        assert!(asked.contains("of-the-top") && asked.contains("of-below") && !asked.contains("of-beside"));
        let seen = &model.turns()[1];
        assert!(
            seen.contains("/work/tree/below") && seen.to_lowercase().contains("http_proxy=http://"),
            "{seen}"
        );
    }
}
