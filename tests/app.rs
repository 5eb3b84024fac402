//! The use cases without a command line: a run is begun, interrupted, gone on with, offered, picked up and cleaned away.
//!
//! No harness: where no small program was built in, confined sides are this program, executed again.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test: it fails loudly, and says what it tried"
)]

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use autopilot::app::clean::{self, Cleaning, Found};
use autopilot::app::{
    self, Crashed, Error, Front, Kept, Note, Order, Outcome, PickedUp, Site, Verdict, jobs,
};
use autopilot::evidence::{Event, Line, RunName, RunState, Watch};
use autopilot::plan::Plan;
use autopilot::policy::Waivers;
use autopilot::run::Interrupt;
use autopilot::sandbox;
use autopilot::worktree::{Repository, State};

fn main() {
    sandbox::enter_if_confined();
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::new(folder.path());
    let runtime = jobs::runtime().expect("a runtime");
    runtime.block_on(async {
        // Futures of whole runs are large.
        Box::pin(house.what_cannot_be_is_a_value()).await;
        Box::pin(house.an_interrupted_run_goes_on_to_its_end_which_then_stands()).await;
        Box::pin(house.a_run_that_died_is_offered()).await;
        Box::pin(house.a_run_that_died_is_cleaned_away()).await;
    });
    assert_eq!(fs::read_dir(folder.path().join("state/runs")).expect("runs").count(), 0);
}

/// A repository with plans for three issues, and a state directory.
struct House {
    repository: Repository,
    state: PathBuf,
}

/// What ends a run early.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing.
    Own,
    /// Somebody asks it to stop, as soon as its first step is over.
    Stopped,
    /// It is dropped there, as if its process had died.
    Dropped,
}

/// Hears everything, and answers yes.
#[derive(Default)]
struct Heard {
    notes: RefCell<Vec<Note>>,
    asked: Cell<usize>,
    reached: Rc<tokio::sync::Notify>,
    /// Steps that had passed when a run went on.
    before: Rc<Cell<Option<usize>>>,
}

struct Seen {
    reached: Rc<tokio::sync::Notify>,
    before: Rc<Cell<Option<usize>>>,
}

impl Watch for Seen {
    fn event(&mut self, line: &Line, state: &RunState) {
        match line.event {
            Event::StepEnded { .. } => self.reached.notify_one(),
            Event::Resumed(_) => self.before.set(Some(state.passed())),
            _ => {}
        }
    }

    fn output(&mut self, _: &[u8]) {}
}

impl Front for Heard {
    fn note(&self, note: Note) {
        self.notes.borrow_mut().push(note);
    }

    fn ask(&self, crashed: &Crashed) -> Option<impl Future<Output = bool>> {
        assert_eq!((crashed.passed, crashed.steps), (1, 2));
        self.asked.set(self.asked.get() + 1);
        Some(std::future::ready(true))
    }

    fn watch(&self, _: &Plan) -> Box<dyn Watch> {
        Box::new(Seen { reached: Rc::clone(&self.reached), before: Rc::clone(&self.before) })
    }
}

impl House {
    fn new(folder: &Path) -> Self {
        let top = folder.join("repo");
        for issue in [7, 8, 9] {
            let plans = top.join(format!(".ai/plans/{issue}"));
            fs::create_dir_all(&plans).expect("a folder");
            // The second step waits: what ends the run early comes in the middle of it.
            let text = format!(
                "version: 1\nissue: {issue}\ntitle: Try\nsteps:\n  - {{id: a, command: 'echo one > one'}}\n  \
                 - {{id: b, command: 'sleep 1; echo two > two'}}\n"
            );
            fs::write(plans.join("Autopilot.yaml"), text).expect("a plan");
        }
        for args in [
            &["init", "-q", "-b", "main"][..],
            &["config", "user.name", "Somebody"],
            &["config", "user.email", "somebody@example.org"],
            &["add", "-A"],
            &["commit", "-q", "-m", "first"],
        ] {
            git(&top, args);
        }
        let repository = Repository::discover(&top).expect("a repository");
        Self { repository, state: folder.join("state") }
    }

    fn order(&self, issue: u64, resume: bool) -> Order {
        Order { state: Some(self.state.clone()), publish: false, resume, ..Order::of(issue) }
    }

    /// Runs an issue; nothing comes of one that is dropped.
    async fn run(&self, order: &Order, end: End, heard: &Heard) -> Option<Result<Outcome, Error>> {
        let interrupt = Interrupt::listen().expect("signals");
        let run = app::run(order, &self.repository, &interrupt, heard);
        let reached = async {
            heard.reached.notified().await;
            if end == End::Stopped {
                let state = State::at(self.state.clone());
                let holder = state.holder(&self.repository.common_dir, order.issue);
                let run = holder.expect("a lock").expect("a holder").run;
                state.ask_to_stop(&self.repository.common_dir, order.issue, &run).expect("asked");
            }
            if end != End::Dropped {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            outcome = run => Some(outcome),
            () = reached => None,
        }
    }

    async fn what_cannot_be_is_a_value(&self) {
        println!("what cannot be is a value");
        let outcome = self.run(&self.order(99, false), End::Own, &Heard::default()).await;
        let Some(Err(Error::NoPlan { issue: 99, known, .. })) = outcome else { panic!("{outcome:?}") };
        assert_eq!(known, [7, 8, 9]);
        let outcome = self.run(&self.order(7, true), End::Dropped, &Heard::default()).await;
        assert!(outcome.is_none(), "there was none to go on with: a first one was begun");
        self.clean().await;
    }

    async fn an_interrupted_run_goes_on_to_its_end_which_then_stands(&self) {
        println!("an interrupted run goes on to its end, which then stands");
        let heard = Heard::default();
        let interrupted = ended(self.run(&self.order(7, false), End::Stopped, &heard).await);
        assert_eq!(interrupted.verdict, Verdict::Interrupted(15));
        assert!(heard.notes.borrow().is_empty() && heard.before.get().is_none());

        let gone_on = ended(self.run(&self.order(7, true), End::Own, &heard).await);
        assert_eq!(gone_on.verdict, Verdict::Done);
        assert_eq!(gone_on.files, interrupted.files);
        assert_eq!(heard.before.get(), Some(1));
        assert_eq!(gone_on.state.head.as_ref(), Some(&gone_on.head));
        self.holds(gone_on.files.run());

        let outcome = self.run(&self.order(7, true), End::Own, &heard).await;
        let Some(Ok(Outcome::Stands(stands))) = outcome else { panic!("{outcome:?}") };
        assert_eq!((stands.verdict, &stands.head), (Verdict::Done, &gone_on.head));
        assert!(heard.notes.borrow().is_empty() && heard.asked.get() == 0);
    }

    async fn a_run_that_died_is_offered(&self) {
        println!("a run that died is offered");
        let heard = Heard::default();
        let died = self.run(&self.order(8, false), End::Dropped, &heard).await;
        assert!(died.is_none() && heard.asked.get() == 0);
        let gone_on = ended(self.run(&self.order(8, false), End::Own, &heard).await);
        assert_eq!((heard.asked.get(), gone_on.verdict), (1, Verdict::Done));
        self.holds(gone_on.files.run());
    }

    async fn a_run_that_died_is_cleaned_away(&self) {
        println!("a run that died is cleaned away");
        assert!(self.run(&self.order(9, false), End::Dropped, &Heard::default()).await.is_none());
        let found = self.clean().await;
        let [
            Found::Done(Note::PickedUp(PickedUp { run, crashed: true, branch: Some(_), .. })),
            Found::ObjectCaches { count: 1, .. },
        ] = &found[..]
        else {
            panic!("{found:?}")
        };
        assert_eq!(run.issue(), 9);
        assert_eq!(self.show(*run, "one"), "one");
        assert!(matches!(self.clean().await[..], [Found::ObjectCaches { .. }]));
    }

    async fn clean(&self) -> Vec<Found> {
        let (state, host, waivers) = (State::at(self.state.clone()), sandbox::probe(), Waivers::default());
        let site = Site { state: &state, repository: &self.repository, host: &host, waivers: &waivers };
        let found = RefCell::new(Vec::new());
        let tell = |one: Result<Found, Error>| found.borrow_mut().push(one.expect("it can be cleaned"));
        let cleaning = Cleaning { dry_run: false, kept: Kept::Stays, caches: false };
        clean::clean(site, cleaning, &tell).await.expect("cleaned");
        found.into_inner()
    }

    /// Demands that both steps are on the branch.
    fn holds(&self, run: RunName) {
        assert_eq!((self.show(run, "one"), self.show(run, "two")), ("one".into(), "two".into()));
    }

    fn show(&self, run: RunName, file: &str) -> String {
        git(&self.repository.toplevel, &["show", &format!("{}:{file}", run.branch())])
    }
}

fn ended(outcome: Option<Result<Outcome, Error>>) -> app::Ended {
    match outcome {
        Some(Ok(Outcome::Ended(ended))) => *ended,
        other => panic!("{other:?}"),
    }
}

fn git(top: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(top)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}
