//! `autopilot demo [DIR]`: a tour of about a minute with git and sh alone, in a folder of its own. Every line that it shows was
//! printed by the program that it shows.

mod files;
mod scene;
mod stage;

use std::path::PathBuf;

use super::exit::{Cause, Exit, Failure};
use super::output;
use stage::Stage;

/// Take a tour: what a step cannot reach, what survives a kill, and what the audit finds. Needs git and sh, and no account.
#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// The folder to make for it. Default: a new one below the temporary directory.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Takes the tour: 0 if each scene ended as it has to.
pub(super) fn run(args: DemoArgs) -> Result<Exit, Failure> {
    let stage = Stage::set(args.folder).map_err(|error| {
        Failure::new(Cause::Usage, format!("the folder of the demo: {error}"))
            .hint("name one that is not there yet")
    })?;
    let mut missed = Vec::new();
    for scene in scene::all(&stage) {
        output::line(&format!("\n── {}", scene.title))?;
        for act in &scene.acts {
            let code = stage.play(act)?;
            if code != act.code {
                missed.push(format!("`{}` ended with {code}, not {}", act.shown(), act.code));
            }
        }
        output::line(&format!("   {}", scene.moral))?;
    }
    output::line(&format!("\nall of it lies in {}: look around, then rm -r it", stage.folder().display()))?;
    output::line("yours: autopilot init --title 'What is to be done', in a checkout of git")?;
    if missed.is_empty() {
        return Ok(Exit::Done);
    }
    let what = format!("not everything here is as it should be: {}", missed.join("; "));
    Err(Failure::new(Cause::Failed, what).hint("`autopilot doctor` says what this host lacks"))
}
