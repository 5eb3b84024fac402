//! A real local model: llama.cpp's own server with a model that uses the agent's shell once, so that nobody's account
//! and no stub is between an agent's work and a branch. `.ci/llama` installs it.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Real, all};
use crate::common::{Repo, wait_for};

/// Where Ollama serves: its provider leads there and nowhere else.
const OLLAMA: &str = "127.0.0.1:11434";

/// llama.cpp, until it is dropped: it ends with its standard input.
#[derive(Debug)]
struct Llama(Child);

impl Llama {
    fn serve() -> Self {
        let program = std::env::var_os("AUTOPILOT_TEST_LLAMA").expect(
            "no llama.cpp: `eval \"$(bash .ci/agents)\"` installs one and names it in AUTOPILOT_TEST_LLAMA",
        );
        assert!(TcpStream::connect(OLLAMA).is_err(), "somebody serves at {OLLAMA} already: stop it");
        let port = OLLAMA.rsplit(':').next().unwrap();
        let command = Command::new(&program).arg(port).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        let mut llama = Self(command.unwrap_or_else(|error| panic!("{}: {error}", program.display())));
        wait_for(Duration::from_secs(60), || {
            assert_eq!(llama.0.try_wait().unwrap(), None, "llama.cpp ended: what it said stands above");
            TcpStream::connect(OLLAMA).is_ok()
        });
        llama
    }
}

impl Drop for Llama {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

/// The defaults that lead an agent there: by its provider's name if it knows it, else by the address.
fn defaults(agent: &Real) -> String {
    let provider = match agent.key {
        "codex" => "ollama".to_owned(),
        _ => format!("{{base_url: \"http://{OLLAMA}\"}}"),
    };
    format!("{}: {{provider: {provider}, model: tests}}", agent.key)
}

#[test]
#[ignore = "needs codex, claude and llama.cpp"]
fn a_real_local_model_works_through_a_real_agent_and_is_counted() {
    let _llama = Llama::serve();
    for agent in all() {
        let repo = Repo::new();
        let step = format!(
            "  - id: a
    {}: Make a file.
    expectation: {{output_matches: ['One file is made'], changes: {{min: 1, max: 1, within: [made]}}}}
",
            agent.key
        );
        repo.plan_with(&defaults(&agent), &step);
        agent.run(&repo).exits(0);
        assert_eq!(repo.on_branch("made"), "by-a-local-model");
        let ended = repo.events_of("agent.ended").remove(0);
        assert_eq!((&ended["acts"], &ended["requests"], &ended["cost"]), (&1.into(), &2.into(), &0.into()));
        // By the server's own numbers: the call and its end, and five for the four words.
        let tokens = &ended["tokens"];
        assert_eq!(tokens["output"], 7, "{ended}");
        assert!(tokens["input"].as_u64().is_some_and(|input| input > 2000), "{ended}");
    }
}
