//! `autopilot replay RUN`: does a run again from its record, and says the first difference.

use serde_json::json;

use super::exit::{Cause, Exit, Failure};
use super::{answer, completions, notes, output, shape, target};
use crate::app::replay::{self, Asked, Compared, Replayed};
use crate::app::{self, Crashed, Note, jobs};
use crate::evidence::{Unwatched, Watch};
use crate::plan::Plan;
use crate::policy::{Trust, Waivers};
use crate::run::{self, Interrupt};

/// Do a run again from its record, and compare: changes of agents, patches and steps with effects outside are laid on.
#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// A run, or an issue (its latest run).
    #[arg(value_name = "ISSUE|RUN", add = completions::runs())]
    target: String,
    /// Replay it on top of this in place of its own base: verdicts are compared, files are not.
    #[arg(long, value_name = "REF")]
    onto: Option<String>,
    /// Let its steps reach what its plan says they only fetch from: a record may be anybody's.
    #[arg(long)]
    trust: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ReplayArgs) -> Result<Exit, Failure> {
    let repository = target::repository_to_commit_in()?;
    let asked = Asked {
        run: &args.target,
        onto: args.onto.as_deref(),
        trust: if args.trust { Trust::Given } else { Trust::Withheld },
        waivers: &Waivers::default(),
    };
    let replayed = jobs::runtime()?.block_on(async {
        let interrupt = Interrupt::listen().map_err(|error| Failure::system(&error))?;
        Box::pin(replay::replay(asked, &repository, &interrupt, &Told)).await.map_err(Failure::from)
    })?;
    match replayed {
        Replayed::Interrupted(signal) => {
            let what = format!("not replayed to its end: {}", run::name_of_signal(signal));
            Err(Failure::new(Cause::Interrupted(signal), what))
        }
        Replayed::Ended(compared) => {
            if args.json {
                as_json(&compared)?;
            } else {
                in_words(&compared)?;
            }
            Ok(if compared.difference.is_some() { Exit::Failed } else { Exit::Done })
        }
    }
}

/// Who is told what is worth a word. What a replay prints is nobody's evidence, and shown to nobody.
struct Told;

impl app::Front for Told {
    fn note(&self, note: Note) {
        output::note(&notes::text(&note));
    }

    fn ask(&self, _: &Crashed) -> Option<impl Future<Output = bool>> {
        None::<std::future::Ready<bool>>
    }

    fn watch(&self, _: &Plan) -> Box<dyn Watch> {
        Box::new(Unwatched)
    }
}

fn in_words(compared: &Compared) -> Result<(), Failure> {
    let Compared { run, base, same_base, steps, difference } = compared;
    let on = if *same_base { String::new() } else { format!(" on {base}") };
    match difference {
        None if *same_base => output::line(&format!("run {run} replays: same verdicts, same files"))?,
        None => output::line(&format!("run {run} replays{on}: same verdicts"))?,
        Some(found) => {
            let line = |text: String| output::line(&text);
            line(format!("run {run} does not replay{on}: step `{}`, {}", found.step, found.what))?;
            line(format!("  recorded  {}", found.recorded))?;
            line(format!("  replayed  {}", found.replayed))?;
            for path in &found.paths {
                line(format!("  differs   {path}"))?;
            }
        }
    }
    for (step, way, _) in steps {
        output::line(&format!("  {:<20}  {step}", way.word()))?;
    }
    Ok(())
}

fn as_json(compared: &Compared) -> Result<(), Failure> {
    let Compared { run, base, same_base, steps, difference } = compared;
    let steps = steps.iter().map(|(id, way, tree)| shape::ReplayedStep {
        id: id.clone(),
        way: way.word(),
        tree: tree.clone(),
    });
    output::pretty_json(&shape::Replay {
        v: answer::V,
        run: run.to_string(),
        base: base.clone(),
        same_base: *same_base,
        verdict: if difference.is_none() { shape::Compared::Same } else { shape::Compared::Differs },
        steps: steps.collect(),
        difference: json!(difference),
    })
}
