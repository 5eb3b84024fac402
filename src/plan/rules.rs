//! What a schema cannot say: rules between keys and between steps. They look at the marked tree and skip
//! what is not of the right shape, so that one fault does not hide another.

use std::collections::HashMap;

use super::agents::{self, AgentId};
use super::fault::Findings;
use super::order;
use super::provider::Provider;
use super::quote::quote;
use super::source::Mark;
use super::tree::{Kind, Node, Value};
use super::{Cached, cached, command, hint};

/// Finds the faults between keys and steps; returns the order of the steps if there is one.
pub(super) fn check(root: &Node, issue: Option<u64>, findings: &mut Findings<'_>) -> Option<Vec<usize>> {
    let steps = root.get("steps").map(Node::items).unwrap_or_default();
    let mut rules = Rules { findings };
    rules.issue(root, issue);
    rules.cache(root);
    for step in steps {
        rules.commands(step);
        rules.agents_only(step);
        rules.providers(step);
        rules.environment(step);
        rules.changes(step);
        rules.proves(step);
    }
    rules.providers(root);
    if let Some(defaults) = root.get("defaults") {
        rules.environment(defaults);
    }
    let ids = rules.ids(steps);
    let needs = rules.needs(steps, &ids);
    let order = rules.order(steps, &needs);
    rules.context(steps, &ids, order.as_deref());
    rules.since(steps, &ids, order.as_deref());
    order
}

struct Rules<'a, 'b> {
    findings: &'a mut Findings<'b>,
}

impl Rules<'_, '_> {
    fn fault(&mut self, mark: Mark, message: impl Into<String>, hint: impl Into<String>) {
        self.findings.add(mark, message, hint);
    }

    fn issue(&mut self, root: &Node, asked: Option<u64>) {
        let Some((node, asked)) = root.get("issue").zip(asked) else { return };
        if let Some(found) = node.integer().filter(|found| *found != i128::from(asked)) {
            let hint = format!("write `issue: {asked}`, or run the plan as what it is: `autopilot {found}`");
            self.fault(node.mark, format!("this is the plan of issue {found}, not of {asked}"), hint);
        }
    }

    /// Each folder is kept once.
    fn cache(&mut self, root: &Node) {
        let mut before: Vec<Cached> = Vec::new();
        for node in root.get("cache").map(Node::items).unwrap_or_default() {
            let Some(Ok(folder)) = node.text().map(cached::read) else { continue };
            if let Some(other) = before.iter().find(|other| other.overlaps(&folder)) {
                let message = format!("{} and `{other}` are in each other", quote(&folder.to_string()));
                self.fault(node.mark, message, "write the outer one alone");
            }
            before.push(folder);
        }
    }

    /// Indexes the steps by id; an id that is there twice stands for the first.
    fn ids<'n>(&mut self, steps: &'n [Node]) -> HashMap<&'n str, usize> {
        let mut ids = HashMap::new();
        for (index, step) in steps.iter().enumerate() {
            let Some((node, id)) = step.get("id").and_then(|node| Some((node, node.text()?))) else {
                continue;
            };
            let first = *ids.entry(id).or_insert(index);
            if first != index {
                let line = steps[first].mark.line;
                let message = format!("{} is the id of two steps, first in line {line}", quote(id));
                self.fault(node.mark, message, "give each step an id of its own");
            }
        }
        ids
    }

    fn needs(&mut self, steps: &[Node], ids: &HashMap<&str, usize>) -> Vec<Vec<usize>> {
        let mut all = Vec::with_capacity(steps.len());
        for step in steps {
            let mut needs = Vec::new();
            for node in step.get("needs").map(Node::items).unwrap_or_default() {
                match node.text().map(|id| (id, ids.get(id))) {
                    Some((id, Some(index))) if needs.contains(index) => {
                        self.fault(node.mark, format!("{} is needed twice", quote(id)), "take one out");
                    }
                    Some((_, Some(index))) => needs.push(*index),
                    Some((id, None)) => self.dangling(node, id, ids),
                    None => {}
                }
            }
            all.push(needs);
        }
        all
    }

    fn dangling(&mut self, node: &Node, id: &str, ids: &HashMap<&str, usize>) {
        let mut known: Vec<&str> =
            if self.findings.is_crowded() { Vec::new() } else { ids.keys().copied().collect() };
        known.sort_by_key(|id| ids[id]);
        let hint = match hint::nearest(id, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if (1..=20).contains(&known.len()) => format!("the steps are {}", known.join(", ")),
            None => "name the `id` of another step".to_owned(),
        };
        self.fault(node.mark, format!("there is no step {}", quote(id)), hint);
    }

    fn order(&mut self, steps: &[Node], needs: &[Vec<usize>]) -> Option<Vec<usize>> {
        let cycles = match order::order(needs) {
            Ok(order) => return Some(order),
            Err(cycles) => cycles,
        };
        for cycle in cycles {
            let name = |index: &usize| steps[*index].get("id").and_then(Node::text).unwrap_or("?").to_owned();
            let mut names: Vec<String> = cycle.iter().map(name).collect();
            if names.len() > 12 {
                names.splice(8..names.len() - 2, ["…".to_owned()]);
            }
            names.extend(names.first().cloned());
            let step = &steps[cycle[0]];
            let mark = step.entry("needs").map_or(step.mark, |entry| entry.mark);
            let message = match cycle.len() {
                1 => format!("step `{}` needs itself", names[0]),
                _ => format!("these steps wait for each other: {}", names.join(" → ")),
            };
            self.fault(mark, message, "take one of these needs out");
        }
        None
    }

    /// A step whose output is attached runs before the step that reads it.
    fn context(&mut self, steps: &[Node], ids: &HashMap<&str, usize>, order: Option<&[usize]>) {
        let mut place = vec![0; steps.len()];
        for (position, index) in order.unwrap_or_default().iter().enumerate() {
            place[*index] = position;
        }
        for (index, step) in steps.iter().enumerate() {
            let entries = step.get("context").map(Node::items).unwrap_or_default();
            for node in entries.iter().filter_map(|entry| entry.get("step")) {
                let Some(id) = node.text() else { continue };
                match ids.get(id) {
                    None => self.dangling(node, id, ids),
                    Some(other) if order.is_some() && place[*other] >= place[index] => {
                        let hint = format!("add `needs: [{id}]`, or move the step up");
                        self.fault(node.mark, format!("step {} has not run by then", quote(id)), hint);
                    }
                    Some(_) => {}
                }
            }
        }
    }

    fn commands(&mut self, step: &Node) {
        if let Some(node) = step.get("command") {
            self.command(node);
        }
        for key in ["post", "rollback"] {
            for node in step.get(key).map(Node::items).unwrap_or_default() {
                if node.text().is_some_and(|text| text.starts_with('-')) {
                    let hint = format!(
                        "each entry of `{key}` is a command of its own: `{key}: [cargo test --offline]` or \
                         `{key}: [[cargo, test, --offline]]`"
                    );
                    self.fault(node.mark, "this is an option, not a command", hint);
                }
                self.command(node);
            }
        }
    }

    fn command(&mut self, node: &Node) {
        let words: Vec<&str> = match &node.value {
            Value::Scalar { text, kind: Kind::Text } => vec![text],
            Value::List(items) => items.iter().filter_map(Node::text).collect(),
            _ => return,
        };
        if let Some((agent, found)) = command::calls_agent(&words) {
            let hint = format!(
                "write `{agent}:` with the prompt in place of `command:`: autopilot starts {} itself, confined",
                agent.title()
            );
            self.fault(node.mark, format!("the command calls {} by hand", quote(&found)), hint);
        }
        if let Some(first) = node.items().first() {
            self.first_word(first);
        }
    }

    /// The first word of a list is a program's name; the whole command in it is the usual slip.
    fn first_word(&mut self, node: &Node) {
        let Some(word) = node.text() else { return };
        if word.trim().is_empty() {
            self.fault(node.mark, "a command's first word is empty", "the first word is the program");
        } else if word.contains(char::is_whitespace) {
            let split = word.split_whitespace().collect::<Vec<_>>().join(", ");
            let hint = format!("write each word as an entry, `[{split}]`, or the whole command as text");
            self.fault(node.mark, format!("{} holds a space: no program is called that", quote(word)), hint);
        } else if word.starts_with('-') {
            let message = format!("{} is an option, not a program", quote(word));
            self.fault(node.mark, message, "the first word is the program");
        }
    }

    fn agents_only(&mut self, step: &Node) {
        let agent = agents::keys().find(|key| step.entry(key).is_some());
        let action = agent.or_else(|| step.entry(agents::CLOUD_KEY).map(|_| agents::CLOUD_KEY));
        if let (Some(action), Some(entry)) = (action, step.entry("secrets")) {
            let hint = "an agent must not read secrets: give them to a `command` step that needs this one";
            self.fault(entry.mark, format!("a `{action}` step gets no secrets"), hint);
        }
        if let (None, Some(entry)) = (agent, step.entry("context")) {
            let hint = "take it out; a command reads files by itself";
            let which = agents::listed("` or `");
            self.fault(entry.mark, format!("only a `{which}` step has a `context`"), hint);
        }
    }

    /// Each agent has providers that speak what it speaks.
    fn providers(&mut self, map: &Node) {
        for agent in AgentId::ALL {
            let Some(node) = map.get(agent.key()).and_then(|asked| asked.get("provider")) else { continue };
            let node = node.get("base_url").unwrap_or(node);
            let named = node.text().and_then(|text| text.parse::<Provider>().ok());
            if let Some((own, wrong)) = named.and_then(|own| agent.cannot_use(&own).map(|wrong| (own, wrong)))
            {
                self.fault(node.mark, format!("{} {}", quote(own.word()), wrong.message), wrong.hint);
            }
        }
    }

    /// A variable comes in once.
    fn environment(&mut self, map: &Node) {
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for key in ["env", "secrets"] {
            for node in map.get(key).map(Node::items).unwrap_or_default() {
                let Some(text) = node.text() else { continue };
                let name = text.split('=').next().unwrap_or_default();
                if let Some(first) = seen.insert(name, key) {
                    let message = if first == key {
                        format!("{} is in `{key}` twice", quote(name))
                    } else {
                        format!("{} is in `{first}` and in `{key}`", quote(name))
                    };
                    self.fault(
                        node.mark,
                        message,
                        "keep one of them; what must not be seen belongs in `secrets`",
                    );
                }
            }
        }
    }

    fn changes(&mut self, step: &Node) {
        let Some(changes) = step.get("expectation").and_then(|node| node.get("changes")) else { return };
        let bound = |key| changes.get(key).and_then(|node| Some((node.mark, node.integer()?)));
        if let (Some((_, min)), Some((mark, max))) = (bound("min"), bound("max"))
            && min > max
        {
            self.fault(
                mark,
                format!("`max` {max} is less than `min` {min}: no attempt could meet it"),
                "swap them",
            );
        }
    }

    /// What runs the tests is a command as any other.
    fn proves(&mut self, step: &Node) {
        if let Some(node) = proves_of(step).and_then(|proves| proves.get("command")) {
            self.command(node);
        }
    }

    /// The base of a proof stood before the step that it is of.
    fn since(&mut self, steps: &[Node], ids: &HashMap<&str, usize>, order: Option<&[usize]>) {
        let position = |index: usize| order?.iter().position(|own| *own == index);
        for (index, step) in steps.iter().enumerate() {
            let since = proves_of(step).and_then(|proves| proves.get("since"));
            let Some((node, id)) = since.and_then(|node| Some((node, node.text()?))) else { continue };
            match ids.get(id) {
                None => self.dangling(node, id, ids),
                Some(other) if position(*other) > position(index) => {
                    let hint = "name this step or one before it, or take `since` out";
                    self.fault(node.mark, format!("step {} comes after this one", quote(id)), hint);
                }
                Some(_) => {}
            }
        }
    }
}

fn proves_of(step: &Node) -> Option<&Node> {
    step.get("expectation")?.get("proves")
}
