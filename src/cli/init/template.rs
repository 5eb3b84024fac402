//! Takes a template by its path or its name, gives the text of a plan: issue and title are laid in.

use std::path::{Path, PathBuf};

use super::graph::read;
use crate::cli::exit::{Cause, Failure};

/// Where templates lie, below a checkout or below the user's configuration.
const IN_CHECKOUT: &str = ".ai/templates";
const IN_CONFIG: &str = "autopilot/templates";

/// Makes a plan of a template: `{{issue}}` and `{{title}}` in it are replaced.
pub(super) fn plan(issue: u64, title: &str, named: &str, top: &Path) -> Result<String, Failure> {
    let file = find(named, top)?;
    Ok(filled(&read(&file)?, issue, title))
}

fn filled(text: &str, issue: u64, title: &str) -> String {
    // What JSON quotes is quoted in YAML, too.
    text.replace("{{issue}}", &issue.to_string()).replace("{{title}}", &serde_json::json!(title).to_string())
}

fn find(named: &str, top: &Path) -> Result<PathBuf, Failure> {
    let is_name = !named.contains('/');
    let places =
        || [Some(top.join(IN_CHECKOUT)), config().map(|own| own.join(IN_CONFIG))].into_iter().flatten();
    let mut candidates = vec![PathBuf::from(named)];
    candidates.extend(places().filter(|_| is_name).map(|folder| folder.join(format!("{named}.yaml"))));
    candidates.iter().find(|file| file.is_file()).cloned().ok_or_else(|| {
        let looked: Vec<String> = candidates.iter().map(|file| file.display().to_string()).collect();
        let what = format!("there is no template `{named}`: looked for {}", looked.join(", "));
        Failure::new(Cause::Usage, what).hint("a template is a plan with {{issue}} and {{title}} in it")
    })
}

fn config() -> Option<PathBuf> {
    let own = std::env::var_os("XDG_CONFIG_HOME").filter(|own| !own.is_empty()).map(PathBuf::from);
    own.or_else(|| Some(std::env::home_dir()?.join(".config")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_laid_in_as_one_text_whatever_it_holds() {
        let text = filled("issue: {{issue}}\ntitle: {{title}}\n", 7, "a: \"b\" # c\nd");
        assert_eq!(text, "issue: 7\ntitle: \"a: \\\"b\\\" # c\\nd\"\n");
    }
}
