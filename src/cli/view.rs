//! `autopilot view`: something to look at. A run as one file for a browser, or all of them, live.

use std::path::PathBuf;

use super::exit::{Exit, Failure};
use super::{completions, output, target};
use crate::app::{jobs, runs};
use crate::view::{self, Life, Site, Source};
use crate::worktree::State;

/// Make a page of a run to look at in a browser; or serve the pages of all runs, live.
#[derive(Debug, clap::Args)]
pub(super) struct ViewArgs {
    /// An issue (its latest run), a run, or nothing: the latest run.
    #[arg(value_name = "ISSUE|RUN", add = completions::runs())]
    target: Option<String>,
    /// Write the page there instead of to .ai/logs/view; `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Serve the pages of all runs on 127.0.0.1, until interrupted: read-only, and with a token.
    #[arg(long, conflicts_with_all = ["target", "output"])]
    serve: bool,
    /// The port to serve on; 0 is any that is free.
    #[arg(long, value_name = "PORT", requires = "serve", default_value_t = 0)]
    port: u16,
}

pub(super) fn run(args: ViewArgs) -> Result<Exit, Failure> {
    let repository = target::repository()?;
    let host = State::find()?;
    if args.serve {
        let tell = |address: &view::Address| {
            let _ = output::line(&address.url());
            output::note("open it in a browser; anybody who has it can read these pages. Stop with Ctrl-C");
        };
        let served = jobs::runtime()?.block_on(view::serve(Site::of(repository, host), args.port, tell));
        return served.map(|never| match never {}).map_err(Failure::from);
    }
    let found = target::find(&repository, args.target.as_deref())?;
    let files = found.files();
    let state = runs::read(files)?;
    let is_running = view::is_running(&repository, &host, files.run());
    let (own, host) = (&repository, &host);
    let source = Source {
        repository: found.repository(own),
        files,
        host,
        state: &state,
        is_running,
        life: Life::Still,
    };
    let page = view::page(&source)?;
    if args.output.as_ref().is_some_and(|path| path.as_os_str() == "-") {
        // As it is: a page spells for itself what nobody would see.
        output::write(page.as_bytes())?;
        return Ok(Exit::Done);
    }
    let path = view::write(own, files, args.output.as_deref(), &page)?;
    output::line(&target::from_here(&path))?;
    Ok(Exit::Done)
}
