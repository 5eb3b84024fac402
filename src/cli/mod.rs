//! Takes the command line, calls the use cases; makes text of what comes back, and exit codes. Holds no logic of its own.

mod actions;
mod answer;
mod audit;
mod cause;
mod check;
mod checkout;
mod clean;
mod completions;
mod confined;
mod demo;
mod doctor;
mod exit;
mod front;
#[cfg(test)]
mod help;
mod inert;
mod init;
mod learn;
mod logs;
mod man;
mod mask;
mod notes;
mod number;
mod output;
mod overview;
mod plans;
mod progress;
mod prune;
mod publish;
mod replay;
mod revise;
mod run;
mod sandbox;
mod schema;
mod served;
mod shape;
mod status;
mod stop;
mod tally;
mod target;
mod view;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use exit::{Cause, Exit, Failure};

use crate::app::runs;
use crate::evidence::RunName;

/// Runs plans for GitHub issues unattended: a plan proposes, a sandbox confines, the runner disposes, the
/// evidence proves.
#[derive(Debug, Parser)]
#[command(name = "autopilot", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    /// The checkout to work in, instead of the current directory.
    #[arg(short = 'C', value_name = "DIR", global = true)]
    directory: Option<PathBuf>,
    /// Tell on standard error what the rooms do, as `AUTOPILOT_LOG=debug` does; -vv: more of it.
    #[arg(short, long, action = clap::ArgAction::Count, global = true, conflicts_with = "quiet")]
    verbose: u8,
    /// Tell nothing but errors, on standard error; what is asked for is printed all the same.
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Without a command: where one stands, and what there is to do.
    #[command(subcommand)]
    command: Option<Command>,
}

const EXIT_CODES: &str = "\
`autopilot 653` is short for `autopilot run 653`; `autopilot` alone shows where you are and what there is to do.

Exit codes:
  0      done
  1      the run failed, or not all could be published
  2      usage, or an invalid plan
  3      refused: the policy cannot be enforced here
  4      audit FAIL
  5      another run of this issue holds the lock
  70     internal error
  128+N  ended by signal N";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    /// Validate plans and show, per step, what would run and under which policy.
    Check(check::CheckArgs),
    Checkout(checkout::CheckoutArgs),
    Status(status::StatusArgs),
    Logs(logs::LogsArgs),
    View(view::ViewArgs),
    Audit(audit::AuditArgs),
    Replay(replay::ReplayArgs),
    Revise(revise::ReviseArgs),
    Stop(stop::StopArgs),
    Clean(clean::CleanArgs),
    Prune(prune::PruneArgs),
    Publish(publish::PublishArgs),
    Init(init::InitArgs),
    Demo(demo::DemoArgs),
    Doctor(doctor::DoctorArgs),
    Schema(schema::SchemaArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    Mask(mask::MaskArgs),
    Sandbox(Box<sandbox::SandboxArgs>),
    Learn(learn::LearnArgs),
}

/// Runs the command line.
pub fn main() -> ExitCode {
    crate::sandbox::enter_if_confined();
    crate::sandbox::keep_ends_of_children();
    let args: Vec<OsString> = std::env::args_os().collect();
    match completions::answer(&args, Cli::command) {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => error.exit(),
    }
    let args = with_run(args);
    let is_for_programs = answer::is_asked_for(&args);
    let cli =
        Cli::try_parse_from(args).unwrap_or_else(|error| answer::to_wrong_usage(&error, is_for_programs));
    diagnose(cli.verbose, cli.quiet);
    output::choose_colors();
    tracing::debug!(version = env!("CARGO_PKG_VERSION"), pid = std::process::id(), "autopilot");
    let done = enter(cli.directory).and_then(|()| match cli.command {
        Some(command) => dispatch(command),
        None => Ok(overview::run()),
    });
    crate::sandbox::tidy();
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::error(&failure);
            if is_for_programs {
                answer::to_failure(&failure);
            }
            failure.exit().into()
        }
    }
}

fn dispatch(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::run(&args),
        Command::Checkout(args) => checkout::run(args),
        Command::Schema(args) => schema::run(&args),
        Command::Status(args) => status::run(args),
        Command::Logs(args) => logs::run(args),
        Command::View(args) => view::run(args),
        Command::Audit(args) => audit::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Revise(args) => revise::run(&args),
        Command::Stop(args) => stop::run(args),
        Command::Clean(args) => clean::run(args),
        Command::Prune(args) => prune::run(&args),
        Command::Publish(args) => publish::run(args),
        Command::Init(args) => init::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args, Cli::command()),
        Command::Mask(args) => mask::run(args),
        Command::Sandbox(args) => sandbox::run(*args),
        Command::Learn(args) => learn::run(&args),
    }
}

fn enter(directory: Option<PathBuf>) -> Result<(), Failure> {
    let Some(directory) = directory else { return Ok(()) };
    std::env::set_current_dir(&directory)
        .map_err(|error| Failure::new(Cause::Usage, format!("-C {}: {error}", directory.display())))
}

/// Turns `autopilot 653 …` into `autopilot run 653 …`: where a subcommand would stand there is a number or the name of a
/// run, or an option of `run` with one somewhere behind it.
fn with_run(mut args: Vec<OsString>) -> Vec<OsString> {
    let mut at = 1;
    let text = |arg: &OsString| arg.to_str().unwrap_or_default().to_owned();
    while let Some(taken) = args.get(at).and_then(|arg| global(&text(arg))) {
        at += taken;
    }
    let is_issue = |arg: &OsString| runs::issue(&text(arg)).is_some() || text(arg).parse::<RunName>().is_ok();
    let own = ["-h", "--help", "-V", "--version"];
    let short = args.get(at).is_some_and(|first| {
        let option = text(first).starts_with('-') && !own.contains(&&*text(first));
        is_issue(first) || (option && args[at..].iter().any(is_issue))
    });
    if short {
        args.insert(at, "run".into());
    }
    args
}

/// Returns how many words an option takes that stands before any command.
fn global(option: &str) -> Option<usize> {
    let is_verbose = option.strip_prefix("-v").is_some_and(|rest| rest.chars().all(|c| c == 'v'));
    match option {
        "-C" => Some(2),
        "-q" | "--quiet" | "--verbose" => Some(1),
        _ => is_verbose.then_some(1),
    }
}

/// Shows on standard error what the rooms do, if that is asked for: the command line counts before `AUTOPILOT_LOG`.
fn diagnose(verbose: u8, is_quiet: bool) {
    use tracing_subscriber::EnvFilter;
    output::set_quiet(is_quiet);
    let filter = match verbose {
        0 if is_quiet => Ok(EnvFilter::new("error")),
        0 => EnvFilter::try_from_env("AUTOPILOT_LOG"),
        1 => Ok(EnvFilter::new("autopilot=debug")),
        _ => Ok(EnvFilter::new("autopilot=trace")),
    };
    if let Ok(filter) = filter {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(line: &str) -> String {
        let args = with_run(line.split(' ').map(OsString::from).collect());
        args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_bare_issue_is_run() {
        assert_eq!(expanded("autopilot 653"), "autopilot run 653");
        assert_eq!(expanded("autopilot --json 653"), "autopilot run --json 653");
        assert_eq!(expanded("autopilot -C d 653 646"), "autopilot -C d run 653 646");
        assert_eq!(expanded("autopilot -vv -C d 653"), "autopilot -vv -C d run 653");
        assert_eq!(expanded("autopilot -q --json 653"), "autopilot -q run --json 653");
        for unchanged in [
            "autopilot run 653",
            "autopilot --help",
            "autopilot logs 653",
            "autopilot -C 5 status",
            "autopilot -v logs 653",
        ] {
            assert_eq!(expanded(unchanged), unchanged);
        }
    }

    #[test]
    fn whatever_answers_programs_has_a_schema() {
        let line = Cli::command();
        let has_json = |command: &&clap::Command| command.get_arguments().any(|own| own.get_id() == "json");
        let mut answer: Vec<&str> =
            line.get_subcommands().filter(has_json).map(clap::Command::get_name).collect();
        let known = <shape::Of as clap::ValueEnum>::value_variants()
            .iter()
            .filter_map(clap::ValueEnum::to_possible_value);
        let mut known: Vec<String> = known.map(|own| own.get_name().to_owned()).collect();
        known.retain(|name| name != "error");
        answer.sort_unstable();
        known.sort_unstable();
        assert_eq!(answer, known);
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
