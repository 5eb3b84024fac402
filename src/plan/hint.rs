//! What to write instead: the keys other tools use, near misses, and what YAML's own complaints mean.

use serde_json::Value as Json;

use super::agents::AgentId;
use super::odd;
use super::place::Place;

/// The smallest plan, for somebody who has none.
pub(super) const SMALLEST: &str =
    "the smallest plan: `{version: 1, issue: 653, title: Try it, steps: [{id: a, command: make}]}`";

/// Longer keys are not compared: nobody misspells a known key by so much.
const LONGEST: usize = 40;

/// What a key of another tool, or of another place, is called here: where (nothing: anywhere), theirs, which key of that
/// place is meant if one is, what to write.
type Alias = (Option<Place<'static>>, &'static [&'static str], Option<&'static str>, &'static str);

const ALIASES: &[Alias] = &[
    (
        Some(Place::Step),
        &["run", "script", "cmd", "exec", "shell_command", "sh", "bash"],
        Some("command"),
        "write `command:`",
    ),
    (
        Some(Place::Step),
        &["prompt", "instructions", "agent", "task", "ai"],
        Some("codex"),
        "write `codex:`, or `claude:`, with the prompt",
    ),
    (Some(Place::Step), &["prompt_file"], Some("codex"), "write `codex: {prompt_file: …}`"),
    (
        Some(Place::Step),
        &["model", "effort", "tokens", "budget", "silence", "provider", "mcp"],
        Some("codex"),
        "write it into the step's `codex: {prompt: …, …}`, or `claude`",
    ),
    (
        Some(Place::Step),
        &["cwd", "workdir", "working_dir", "working_directory", "directory", "folder", "path"],
        Some("dir"),
        "write `dir:`",
    ),
    (
        Some(Place::Step),
        &["if", "when", "unless", "condition", "only"],
        None,
        "there are no conditions: `needs` skips a step whose need failed, `on_failure` decides what goes on",
    ),
    (
        Some(Place::Step),
        &["name", "title", "description", "key", "step"],
        Some("id"),
        "write `id:`; `a-z`, `0-9`, `.`, `_`, `-`",
    ),
    (
        Some(Place::Step),
        &["depends_on", "depends", "dependencies", "after", "requires", "need"],
        Some("needs"),
        "write `needs: [ID, …]`",
    ),
    (
        Some(Place::Step),
        &["continue_on_error", "allow_failure", "ignore_errors", "ignore_failure"],
        Some("on_failure"),
        "write `on_failure: continue` (or `ignore`)",
    ),
    (
        Some(Place::Step),
        &["expect", "expects", "expected", "expectations", "assert", "asserts", "verify", "success"],
        Some("expectation"),
        "write `expectation:`",
    ),
    (
        Some(Place::Step),
        &["undo", "revert", "on_error", "cleanup", "recover"],
        Some("rollback"),
        "write `rollback: [COMMAND, …]`",
    ),
    (
        Some(Place::Step),
        &["post_step", "post_steps", "after_script", "post_commands", "then", "finally", "checks"],
        Some("post"),
        "write `post: [COMMAND, …]`",
    ),
    (
        Some(Place::Step),
        &["uses", "with", "image", "container", "services"],
        None,
        "steps run `command`, `codex`, `claude`, `codex_apply` or `apply`; there are no shared actions or images",
    ),
    (Some(Place::Step), &["patch", "diff"], Some("apply"), "write `apply: FILE`, a file beside the plan"),
    (Some(Place::Step), &["message", "commit_message"], Some("commit"), "write `commit:`"),
    (
        Some(Place::Step),
        &[
            "exit_code",
            "files_exist",
            "files_absent",
            "file_contains",
            "output_matches",
            "output_excludes",
            "changes",
            "proves",
        ],
        Some("expectation"),
        "write it into the step's `expectation:`",
    ),
    (
        Some(Place::Step),
        &["push", "pull_request", "comment"],
        Some("publish"),
        "write it into the plan's `publish:`: the runner does it, never a step",
    ),
    (None, &["timeout_minutes"], Some("timeout"), "write `timeout:` with a unit, such as `10m`"),
    (
        None,
        &["timeout_seconds", "timeout_secs", "timeout_sec", "time_limit", "max_time", "deadline"],
        Some("timeout"),
        "write `timeout:` with a unit, such as `90s`",
    ),
    (
        None,
        &["retry", "attempts", "max_attempts", "max_retries", "tries"],
        Some("retries"),
        "write `retries:`, the number of attempts after the first",
    ),
    (
        None,
        &["environment", "envs", "variables", "vars", "env_vars"],
        Some("env"),
        "write `env: [NAME, NAME=value]`",
    ),
    (
        None,
        &["net", "internet", "allow_network"],
        Some("network"),
        "write `network: none`, `full` or `{allow: [HOST, …]}`",
    ),
    (None, &["fs", "mounts", "volumes"], Some("filesystem"), "write `filesystem: {read: [], write: []}`"),
    (
        Some(Place::Plan),
        &["jobs", "tasks", "stages", "pipeline", "workflow", "actions"],
        Some("steps"),
        "write `steps:`, a list",
    ),
    (Some(Place::Plan), &["name", "description", "summary"], Some("title"), "write `title:`"),
    (
        Some(Place::Plan),
        &["on", "trigger", "triggers", "schedule"],
        None,
        "a plan has no triggers: `autopilot ISSUE` runs it",
    ),
    (
        Some(Place::Plan),
        &["apiVersion", "api_version", "schema", "schema_version", "$schema"],
        Some("version"),
        "write `version: 1`",
    ),
    (
        Some(Place::Ceiling),
        &["hosts", "host", "allow", "net"],
        Some("network"),
        "write `network: {allow: [HOST, …]}`",
    ),
    (
        Some(Place::Ceiling),
        &["paths", "path", "read", "write", "fs"],
        Some("filesystem"),
        "write `filesystem: {read: […], write: […]}`",
    ),
    (
        Some(Place::Ceiling),
        &["push", "comment", "pull_request"],
        Some("publish"),
        "write it into `publish: {…}`",
    ),
    (
        Some(Place::Ceiling),
        &["memory", "cpu", "processes"],
        Some("resources"),
        "write it into `resources: {…}`",
    ),
    (
        Some(Place::Ceiling),
        &["price", "rates", "cost", "costs"],
        Some("prices"),
        "write `prices: [{model: NAME, input: 2 USD, output: 10 USD}]`, for a million tokens",
    ),
    (
        Some(Place::Ceiling),
        &["codex", "provider", "claude"],
        Some("agents"),
        "write `agents: [codex, claude]`, and `models: [NAME, …]`",
    ),
    (Some(Place::Plan), &["issue_number", "number", "id", "ticket"], Some("issue"), "write `issue:`"),
    (Some(Place::Plan), &["branch", "ref", "base_branch", "from"], Some("base"), "write `base:`"),
    (
        Some(Place::Plan),
        &["model", "provider", "mcp", "effort"],
        Some("codex"),
        "write it into `codex: {…}` or `claude: {…}`",
    ),
    (
        Some(Place::Plan),
        &["timeout", "consecutive_failures", "max_failures", "tokens", "salvage", "silence", "budget"],
        Some("limits"),
        "write it into `limits: {…}`",
    ),
    (
        Some(Place::Plan),
        &["env", "network", "filesystem", "resources", "retries"],
        Some("defaults"),
        "write it into `defaults: {…}`",
    ),
    (
        Some(Place::Plan),
        &["comment", "push", "pull_request", "escalate", "notify"],
        Some("publish"),
        "write it into `publish: {…}`",
    ),
    (
        Some(Place::Key("codex")),
        &["text", "instructions", "message", "input"],
        Some("prompt"),
        "write `prompt:`",
    ),
    (Some(Place::Key("codex")), &["file"], Some("prompt_file"), "write `prompt_file:`"),
    (Some(Place::Key("codex")), &["context"], None, "`context` is a key of the step, beside the agent's"),
    (
        Some(Place::Key("codex")),
        &["reasoning_effort", "reasoning", "model_reasoning_effort"],
        Some("effort"),
        "write `effort:`",
    ),
    (Some(Place::Key("codex")), &["max_tokens", "token_limit"], Some("tokens"), "write `tokens:`"),
    (Some(Place::Key("resources")), &["ram", "mem", "memory_limit"], Some("memory"), "write `memory:`"),
    (Some(Place::Key("resources")), &["pids", "procs", "nproc"], Some("processes"), "write `processes:`"),
    (
        Some(Place::Key("expectation")),
        &["exit", "code", "status", "exitcode", "returncode"],
        Some("exit_code"),
        "write `exit_code:`",
    ),
    (
        Some(Place::Key("expectation")),
        &["files", "exists", "file_exists"],
        Some("files_exist"),
        "write `files_exist:`",
    ),
    (
        Some(Place::Key("expectation")),
        &["output", "output_contains", "stdout", "contains"],
        Some("output_matches"),
        "write `output_matches: [REGEX, …]`",
    ),
];

/// What to write instead of a key.
#[derive(Debug, Default)]
pub(super) struct Advice {
    /// In words.
    pub(super) text: String,
    /// The key of the same map that was meant, if that is known.
    pub(super) means: Option<String>,
}

impl Advice {
    fn new(text: impl Into<String>, means: Option<&str>) -> Self {
        Self { text: text.into(), means: means.map(str::to_owned) }
    }
}

/// Returns the place whose keys are the same: those of all agents are.
fn alike(place: Place<'_>) -> Place<'_> {
    match place {
        Place::Key(key) if AgentId::of_key(key).is_some() => Place::Key("codex"),
        other => other,
    }
}

/// Says what to write instead of an unknown key.
pub(super) fn unknown_key(key: &str, place: Place<'_>, known: &[&str], schema: &Json) -> Advice {
    if let Some(odd) = odd::in_word(key) {
        return match nearest(&odd::respelled(key), known) {
            Some(near) => Advice::new(format!("{odd}: did you mean `{near}`?"), Some(near)),
            None => Advice::new(format!("{odd}: keys are written with plain letters"), None),
        };
    }
    let plain = normalise(key);
    let like = alike(place);
    let alias = ALIASES.iter().find(|(at, theirs, ..)| {
        at.is_none_or(|at| at == like) && theirs.iter().any(|alias| normalise(alias) == plain)
    });
    // `timeout_minutes` is no help where there is no `timeout`. A step is told of the plan's keys, too.
    let fits = |means: Option<&str>| means.is_none_or(|key| place == Place::Step || known.contains(&key));
    if let Some((_, _, means, text)) = alias.filter(|(_, _, means, _)| fits(*means)) {
        return Advice::new(*text, *means);
    }
    if let Some(near) = nearest(key, known) {
        return Advice::new(format!("did you mean `{near}`?"), Some(near));
    }
    let all = known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    Advice::new(
        match homes(key, schema) {
            homes if homes.is_empty() => format!("known here: {all}"),
            homes => format!("`{key}` is a key of {homes}; known here: {all}"),
        },
        None,
    )
}

/// Returns what was probably meant.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let plain = normalise(word);
    let distance = |candidate: &str| {
        let other = normalise(candidate);
        let plural = other.trim_end_matches('s') == plain.trim_end_matches('s');
        if plural { 0 } else { strsim::osa_distance(&plain, &other) }
    };
    let allowed = match plain.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    let best = known.iter().map(|candidate| (distance(candidate), *candidate)).min_by_key(|(far, _)| *far);
    best.filter(|(far, _)| *far <= allowed).map(|(_, candidate)| candidate)
}

fn normalise(word: &str) -> String {
    word.trim()
        .chars()
        .map(|c| if matches!(c, '-' | ' ' | '.') { '_' } else { c.to_ascii_lowercase() })
        .collect()
}

/// Names the maps that do know a key.
fn homes(key: &str, schema: &Json) -> String {
    let names = [
        ("Step", "a step"),
        ("Defaults", "`defaults`"),
        ("Limits", "`limits`"),
        ("Expectation", "`expectation`"),
        ("Changes", "`expectation.changes`"),
        ("Proves", "`expectation.proves`"),
        ("Publish", "`publish`"),
        ("Resources", "`resources`"),
    ];
    let knows = |name: &str| schema.pointer(&format!("/definitions/{name}/properties/{key}")).is_some();
    let mut homes: Vec<&str> =
        names.iter().filter(|(name, _)| knows(name)).map(|(_, shown)| *shown).collect();
    if schema.pointer(&format!("/properties/{key}")).is_some() {
        homes.insert(0, "the plan itself");
    }
    homes.join(" and ")
}

/// Explains a complaint of the YAML scanner: what is wrong, in the plan author's words, and what helps.
pub(super) fn syntax(info: &str, line: &str, column: usize) -> (String, String) {
    let message = if info.contains("recursion") {
        "this is nested too deep".to_owned()
    } else {
        format!("this is not YAML: {info}")
    };
    let hint = match line.chars().nth(column) {
        _ if info.contains("recursion") => "no plan needs that",
        _ if odd::in_line(line).is_some() => {
            let odd = odd::in_line(line).unwrap_or_default();
            return (message, format!("{odd}: write a plain space, or take it out"));
        }
        _ if line.chars().take(column + 1).any(|c| c == '\t') => "write spaces: YAML takes no tabs there",
        Some('@' | '`' | '%') => "text that starts with `@`, `` ` `` or `%` needs quotes",
        Some('*') => "text that starts with `*` needs quotes: \"**/*.rs\"",
        _ if info.contains("anchor") => "text that starts with `*` or `&` needs quotes: \"*.rs\"",
        _ if info.contains("mapping values") || info.contains("simple key") => {
            "text that holds `: ` needs quotes, or `|` and lines of its own; else look at the indentation"
        }
        _ if info.contains("escape") => {
            "in double quotes `\\` starts an escape: write `\\\\`, or use single quotes"
        }
        _ if info.contains("quoted") || info.contains("scalar") => {
            "a quote that is opened must be closed, on lines that are indented"
        }
        _ if info.contains("flow") || info.contains("',' or") => {
            "a `[` or `{` that is opened must be closed; entries are separated by commas"
        }
        _ => "look at the indentation and at quotes in this line and the one before",
    };
    (message, hint.to_owned())
}
