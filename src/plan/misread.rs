//! Warnings about text that means something else here than its author thinks: what another tool would fill in, and a
//! number that YAML takes for a comment.

use super::fault::Findings;
use super::tree::{Node, Value};

/// Looks through all texts of a plan.
pub(super) fn look(root: &Node, warnings: &mut Findings<'_>) {
    for entry in root.entries() {
        texts(&entry.key, &entry.node, warnings);
    }
}

fn texts(key: &str, node: &Node, warnings: &mut Findings<'_>) {
    match &node.value {
        Value::Map(entries) => entries.iter().for_each(|entry| texts(&entry.key, &entry.node, warnings)),
        Value::List(items) => items.iter().for_each(|item| texts(key, item, warnings)),
        Value::Scalar { text, .. } => {
            expressions(key, text, node, warnings);
            comments(key, node, warnings);
        }
    }
}

/// A workflow of GitHub Actions has its `${{ … }}` filled in; here a shell sees it, and fails. A prompt may well be about
/// one.
fn expressions(key: &str, text: &str, node: &Node, warnings: &mut Findings<'_>) {
    if !matches!(key, "command" | "post" | "rollback" | "env" | "dir") {
        return;
    }
    let Some((inner, _)) = text.split_once("${{").and_then(|(_, rest)| rest.split_once("}}")) else { return };
    let inner = inner.trim();
    let name = inner.rsplit('.').next().unwrap_or_default();
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let hint = match inner.split('.').next().unwrap_or_default() {
        "secrets" if is_name => format!("name it in the step's `secrets: [{name}]`, and write `${name}`"),
        "env" | "vars" | "inputs" if is_name => {
            format!("name it in the step's `env: [{name}]`, and write `${name}`")
        }
        _ => "write a variable of the shell, and name it in the step's `env`".to_owned(),
    };
    let message = format!("`${{{{ {inner} }}}}` is filled in by GitHub Actions, and by nothing here");
    warnings.add(node.mark, message, hint);
}

/// `title: Mend #12` is `Mend`.
fn comments(key: &str, node: &Node, warnings: &mut Findings<'_>) {
    if !matches!(key, "title" | "commit") {
        return;
    }
    let comment = warnings.source.behind(node.mark).trim_start();
    let Some(rest) = comment.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return;
    };
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let message = format!("`{key}` ends before `#{number}`, which begins a comment");
    warnings.add(node.mark, message, "put the text in quotes if the rest is meant");
}
