//! What keys of other tools, and of other places of a plan, are called here.

use super::agents::AgentId;
use super::place::Place;

/// What a key of another tool, or of another place, is called here: where (nothing: anywhere), theirs, which key of that
/// place is meant if one is, what to write.
pub(super) type Alias = (Option<Place<'static>>, &'static [&'static str], Option<&'static str>, &'static str);

pub(super) const ALIASES: &[Alias] = &[
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
        &["parallel", "concurrency", "concurrent", "background", "detach", "async"],
        None,
        "take it out: steps run one after another, in the order of `needs`, and nothing outlives its step; \
         `--jobs` runs several issues side by side",
    ),
    (
        Some(Place::Step),
        &["matrix", "strategy", "for", "foreach", "for_each", "loop", "with_items", "repeat", "each"],
        None,
        "write a step for each: there are no loops",
    ),
    (
        Some(Place::Step),
        &["user", "sudo", "become", "root", "privileged", "run_as"],
        None,
        "take it out: `autopilot run --run-as USER` chooses whose rights all steps have",
    ),
    (
        Some(Place::Step),
        &["outputs", "output", "artifacts", "artifact", "log", "stdout", "stderr", "tee"],
        None,
        "take it out: what a step prints is in `autopilot logs`, and what it leaves in the worktree is committed",
    ),
    (
        Some(Place::Step),
        &["stage", "level", "group", "phase", "order"],
        Some("needs"),
        "write `needs: [ID, …]`: the order of steps follows from it",
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
        &["image", "container", "services", "runs_on", "pool", "os", "platform"],
        None,
        "take it out: steps run on this machine, in a sandbox each, with the tools that are on PATH; there are no \
         images",
    ),
    (
        Some(Place::Plan),
        &["matrix", "strategy", "loop", "for_each", "foreach"],
        None,
        "write a step for each: there are no loops",
    ),
    (
        Some(Place::Plan),
        &["parallel", "parallelism", "concurrency", "max_parallel", "workers"],
        None,
        "take it out: `autopilot run --jobs N` runs several issues side by side",
    ),
    (
        Some(Place::Plan),
        &["permissions", "secrets", "secret", "credentials"],
        None,
        "write it into a step: `secrets: [NAME]` gives the value of that variable to this step alone",
    ),
    (Some(Place::Plan), &["shell"], None, "write it into a step: `shell: bash`"),
    (
        Some(Place::Plan),
        &["include", "includes", "extends", "import", "imports", "anchors", "templates", "rules"],
        None,
        "write it out: a plan is one file, and reads no other",
    ),
    (
        Some(Place::Plan),
        &["before_script", "setup", "before", "pre", "install", "after_script", "teardown", "cleanup"],
        Some("steps"),
        "write it as a step; what must go on after a failure has `on_failure: continue` before it",
    ),
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
        &["comment", "push", "pull_request", "rebase", "evidence", "escalate", "notify"],
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

/// Returns the place whose keys are the same: those of all agents are.
pub(super) fn alike(place: Place<'_>) -> Place<'_> {
    match place {
        Place::Key(key) if AgentId::of_key(key).is_some() => Place::Key("codex"),
        other => other,
    }
}
