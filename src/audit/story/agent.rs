//! An agent at work: it is given what a step of the plan says, within an attempt at that step, and reaches its model
//! beside what the plan allows.

use super::at::At;
use super::state::Story;
use super::tried::Try;
use crate::audit::code::Code;
use crate::audit::plan::{Action, MASK};
use crate::evidence::event::{
    AgentEnded, AgentStarted, AgentUsed, Reason, ReasonKind, Role, Spending, Tokens,
};

/// Where the model is that an OpenAI key leads to, and where a ChatGPT login leads instead: to a model, and to the
/// cloud's tasks, unless the run says otherwise from its beginning.
const OPENAI: &str = "api.openai.com";
const CHATGPT: (&str, u16) = ("chatgpt.com", 443);

impl Story {
    /// Takes what an agent is given, and with it where its model is.
    pub(super) fn agent_started(&mut self, started: &AgentStarted) {
        self.at_work(started.at.step.as_str(), started.at.attempt, "agent.started");
        if let Some(at) = self.step_of(started.at.step.as_str()) {
            self.is_left(at);
        }
        self.is_found(started);
        if let Some(attempt) = self.at.attempt_mut() {
            attempt.model = host_and_port(started.provider.as_str());
        }
    }

    /// Demands an agent that was found before the first step. Whoever went on may have another version.
    fn is_found(&mut self, started: &AgentStarted) {
        let own = (started.id.as_ref().map(ToString::to_string), started.agent.to_string());
        let fits = |known: &(Option<String>, String)| {
            // Version 1 has no names of agents.
            let is_same = known.0.as_ref().zip(own.0.as_ref()).is_none_or(|(known, own)| known == own);
            is_same && (known.1 == own.1 || self.taken_over || own.1.contains(MASK))
        };
        if !self.agents.iter().any(fits) {
            let found = format!("{} at `{}`", own.1, started.at.step);
            self.wrong(Code::ResultWrong, "an agent that was found before", found);
        }
    }

    /// Takes what an agent has used so far: while its command runs, and never less than before.
    pub(super) fn agent_used(&mut self, used: &AgentUsed) {
        self.at_work(used.at.step.as_str(), used.at.attempt, "agent.used");
        if matches!(self.at, At::Command(_, role) if role != Role::Action) {
            let found = format!("`agent.used` of `{}`", used.at.step);
            self.wrong(Code::OutOfOrder, "an agent that works", found);
        }
        self.has_used(used.at.step.as_str(), used.requests, used.tokens);
        if let Some(spending) = self.spending_of(used.at.step.as_str()) {
            spending.under_way(used);
        }
        self.note_limit(used.at.step.as_str(), used.requests);
    }

    /// Takes that an agent's turn is over.
    pub(super) fn agent_ended(&mut self, ended: &AgentEnded) {
        let (requests, tokens) = (ended.requests, ended.tokens);
        let (id, number) = (ended.at.step.as_str(), ended.at.attempt);
        self.at_work(id, number, "agent.ended");
        self.has_used(id, requests, tokens.unwrap_or_default());
        self.is_priced(id, tokens, ended.cost);
        if let Some(attempt) = self.at.attempt_mut() {
            (attempt.used, attempt.limit_at) = ((0, Tokens::default()), None);
            if std::mem::replace(&mut attempt.heard_out, true) {
                self.wrong(Code::OutOfOrder, "one end of a turn", format!("another one of `{id}`"));
            }
        }
        if let Some(spending) = self.spending_of(id) {
            spending.turn_over(tokens, ended.cost);
        }
    }

    fn spending_of(&mut self, id: &str) -> Option<&mut Spending> {
        let at = *self.by_id.get(id)?;
        self.steps.get_mut(at).map(|step| &mut step.spending)
    }

    /// Takes anything else that an agent does: only within the attempt that gave it a task.
    pub(super) fn at_work(&mut self, id: &str, number: u32, kind: &str) {
        let Some(at) = self.step_of(id) else { return };
        let of = Try { step: at, number };
        let here = self.at.attempt().is_none_or(|attempt| attempt.of == of);
        let agents = self.planned(at).is_some_and(|step| step.action.is_agent());
        if !here || !agents {
            let found = format!("`{kind}` of `{id}`");
            self.wrong(Code::OutOfOrder, "an agent in the attempt at its own step", found);
        }
    }

    /// Takes that a model asked for patience: the attempt's action is begun anew, and for nothing else.
    pub(super) fn agent_waiting(&mut self, id: &str, number: u32, reason: &Reason) {
        self.at_work(id, number, "agent.waiting");
        if reason.kind != ReasonKind::RateLimit {
            let found = format!("{:?} of `{id}`", reason.kind);
            self.wrong(Code::ResultWrong, "a wait for a rate limit", found);
        }
        if let Some(attempt) = self.at.attempt_mut() {
            attempt.act_again();
        }
    }

    /// Tells whether a destination is the model of the agent that works, or the cloud whose work is applied.
    pub(super) fn is_model(&self, at: usize, host: &str, port: u16) -> bool {
        match self.planned(at).map(|step| &step.action) {
            Some(Action::CloudTask(_)) => {
                let cloud = self.start.as_ref().and_then(|start| start.cloud.as_ref());
                let own = format!("{host}:{port}");
                cloud.map_or((host, port) == CHATGPT, |cloud| cloud.as_str() == own)
            }
            Some(Action::Agent(..)) => {
                let model = self.at.attempt().and_then(|attempt| attempt.model.as_ref());
                model.is_some_and(|(own, own_port)| {
                    (host, port) == (own, *own_port) || (own == OPENAI && (host, port) == CHATGPT)
                })
            }
            _ => false,
        }
    }
}

/// Reads where a base URL leads.
fn host_and_port(url: &str) -> Option<(String, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let default = if scheme == "http" { 80 } else { 443 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (authority, default),
    };
    Some((host.trim_start_matches('[').trim_end_matches(']').to_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_leads_to_a_host_and_a_port() {
        for (url, host, port) in [
            ("https://api.openai.com/v1", "api.openai.com", 443),
            ("http://127.0.0.1:11434/v1", "127.0.0.1", 11434),
            ("http://[::1]:80", "::1", 80),
            ("https://[::1]/v1", "::1", 443),
            ("http://Example.org", "example.org", 80),
        ] {
            assert_eq!(host_and_port(url), Some((host.to_owned(), port)), "{url}");
        }
        assert_eq!(host_and_port("example.org"), None);
    }
}
