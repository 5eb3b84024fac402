//! What to write instead: the keys other tools use, near misses, and what YAML's own complaints mean.

use serde_json::Value as Json;

use super::odd;

/// The smallest plan, for somebody who has none.
pub(super) const SMALLEST: &str =
    "the smallest plan: `{version: 1, issue: 653, title: Try it, steps: [{id: a, command: make}]}`";

/// Longer keys are not compared: nobody misspells a known key by so much.
const LONGEST: usize = 40;

/// What keys of other tools, or of other places, are called here: where (empty: anywhere), theirs, what to write.
const ALIASES: &[(&str, &[&str], &str)] = &[
    ("a step", &["run", "script", "cmd", "exec", "shell_command", "sh", "bash"], "write `command:`"),
    (
        "a step",
        &["prompt", "instructions", "agent", "task", "claude", "ai"],
        "write `codex:` with the prompt",
    ),
    ("a step", &["prompt_file"], "write `codex: {prompt_file: …}`"),
    (
        "a step",
        &["model", "effort", "tokens", "provider", "mcp"],
        "write it into the step's `codex: {prompt: …, …}`",
    ),
    (
        "a step",
        &["cwd", "workdir", "working_dir", "working_directory", "directory", "folder", "path"],
        "write `dir:`",
    ),
    (
        "a step",
        &["if", "when", "unless", "condition", "only"],
        "there are no conditions: `needs` skips a step whose need failed, `on_failure` decides what goes on",
    ),
    ("a step", &["name", "title", "description", "key", "step"], "write `id:`; `a-z`, `0-9`, `.`, `_`, `-`"),
    (
        "a step",
        &["depends_on", "depends", "dependencies", "after", "requires", "need"],
        "write `needs: [ID, …]`",
    ),
    (
        "a step",
        &["continue_on_error", "allow_failure", "ignore_errors", "ignore_failure"],
        "write `on_failure: continue` (or `ignore`)",
    ),
    (
        "a step",
        &["expect", "expects", "expected", "expectations", "assert", "asserts", "verify", "success"],
        "write `expectation:`",
    ),
    ("a step", &["undo", "revert", "on_error", "cleanup", "recover"], "write `rollback: [COMMAND, …]`"),
    (
        "a step",
        &["post_step", "post_steps", "after_script", "post_commands", "then", "finally", "checks"],
        "write `post: [COMMAND, …]`",
    ),
    (
        "a step",
        &["uses", "with", "image", "container", "services"],
        "steps run `command`, `codex`, `codex_apply` or `apply`; there are no shared actions or images",
    ),
    ("a step", &["patch", "diff"], "write `apply: FILE`, a file beside the plan"),
    ("a step", &["message", "commit_message"], "write `commit:`"),
    (
        "a step",
        &[
            "exit_code",
            "files_exist",
            "files_absent",
            "file_contains",
            "output_matches",
            "output_excludes",
            "changes",
        ],
        "write it into the step's `expectation:`",
    ),
    (
        "a step",
        &["push", "pull_request", "comment"],
        "write it into the plan's `publish:`: the runner does it, never a step",
    ),
    ("", &["timeout_minutes"], "write `timeout:` with a unit, such as `10m`"),
    (
        "",
        &["timeout_seconds", "timeout_secs", "timeout_sec", "time_limit", "max_time", "deadline"],
        "write `timeout:` with a unit, such as `90s`",
    ),
    (
        "",
        &["retry", "attempts", "max_attempts", "max_retries", "tries"],
        "write `retries:`, the number of attempts after the first",
    ),
    ("", &["environment", "envs", "variables", "vars", "env_vars"], "write `env: [NAME, NAME=value]`"),
    ("", &["net", "internet", "allow_network"], "write `network: none`, `full` or `{allow: [HOST, …]}`"),
    ("", &["fs", "mounts", "volumes"], "write `filesystem: {read: [], write: []}`"),
    ("the plan", &["jobs", "tasks", "stages", "pipeline", "workflow", "actions"], "write `steps:`, a list"),
    ("the plan", &["name", "description", "summary"], "write `title:`"),
    (
        "the plan",
        &["on", "trigger", "triggers", "schedule"],
        "a plan has no triggers: `autopilot ISSUE` runs it",
    ),
    ("the plan", &["apiVersion", "api_version", "schema", "schema_version", "$schema"], "write `version: 1`"),
    ("the plan", &["issue_number", "number", "id", "ticket"], "write `issue:`"),
    ("the plan", &["branch", "ref", "base_branch", "from"], "write `base:`"),
    ("the plan", &["model", "provider", "mcp", "effort"], "write it into `codex: {…}`"),
    (
        "the plan",
        &["timeout", "consecutive_failures", "max_failures", "tokens", "salvage"],
        "write it into `limits: {…}`",
    ),
    ("the plan", &["env", "network", "filesystem", "resources", "retries"], "write it into `defaults: {…}`"),
    ("the plan", &["comment", "push", "pull_request", "escalate", "notify"], "write it into `publish: {…}`"),
    ("`codex`", &["text", "instructions", "message", "input"], "write `prompt:`"),
    ("`codex`", &["file"], "write `prompt_file:`"),
    ("`codex`", &["context"], "`context` is a key of the step, beside `codex`"),
    ("`codex`", &["reasoning_effort", "reasoning", "model_reasoning_effort"], "write `effort:`"),
    ("`codex`", &["max_tokens", "token_limit", "budget"], "write `tokens:`"),
    ("`resources`", &["ram", "mem", "memory_limit"], "write `memory:`"),
    ("`resources`", &["pids", "procs", "nproc"], "write `processes:`"),
    ("`expectation`", &["exit", "code", "status", "exitcode", "returncode"], "write `exit_code:`"),
    ("`expectation`", &["files", "exists", "file_exists"], "write `files_exist:`"),
    (
        "`expectation`",
        &["output", "output_contains", "stdout", "contains"],
        "write `output_matches: [REGEX, …]`",
    ),
];

/// Says what to write instead of an unknown key.
pub(super) fn unknown_key(key: &str, place: &str, known: &[&str], schema: &Json) -> String {
    if let Some(odd) = odd::in_word(key) {
        return match nearest(&odd::respelled(key), known) {
            Some(near) => format!("{odd}: did you mean `{near}`?"),
            None => format!("{odd}: keys are written with plain letters"),
        };
    }
    let plain = normalise(key);
    let alias = ALIASES.iter().find(|(at, theirs, _)| {
        (at.is_empty() || *at == place) && theirs.iter().any(|alias| normalise(alias) == plain)
    });
    // `timeout_minutes` is no help where there is no `timeout`.
    let fits = |text: &&str| {
        !text.starts_with("write `") || place == "a step" || mentions(text, known) || text.contains("{…}")
    };
    if let Some(text) = alias.map(|(_, _, text)| *text).filter(fits) {
        return text.to_owned();
    }
    if let Some(near) = nearest(key, known) {
        return format!("did you mean `{near}`?");
    }
    let all = known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    match homes(key, schema) {
        homes if homes.is_empty() => format!("known here: {all}"),
        homes => format!("`{key}` is a key of {homes}; known here: {all}"),
    }
}

fn mentions(text: &str, known: &[&str]) -> bool {
    known.iter().any(|key| text.starts_with(&format!("write `{key}")))
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
