//! One command: started confined, its output masked into the log as it comes, ended in time.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use super::interrupt::Interrupt;
use crate::evidence::Recorder;
use crate::evidence::log::Stream;
use crate::network::{Gate, Traffic};
use crate::policy::{Grant, Isolation, Reach};
use crate::sandbox::{self, Confined, Ended, Enforced, Place};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// The same when the runner itself was told to end: whoever did it waits some ten seconds.
const SHORT_GRACE: Duration = Duration::from_secs(3);
/// A line without its newline is shown after this much silence.
const IDLE: Duration = Duration::from_millis(900);
const CHUNK: usize = 256 * 1024;

/// What is to run, and within which bounds.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) argv: Vec<String>,
    pub(super) dir: PathBuf,
    pub(super) stdin: Option<File>,
    pub(super) grant: &'a Grant,
    pub(super) place: &'a Place,
    /// Its way out: see [`way_out`].
    pub(super) gate: Gate,
    /// When it is ended, and which bound that is.
    pub(super) deadline: (Instant, Cut),
    /// Bytes it may print.
    pub(super) output: u64,
}

/// Why the runner ended a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The step's timeout.
    StepTimeout,
    /// The run's timeout.
    RunTimeout,
    /// The time that a rollback command has.
    RollbackTimeout,
    /// It printed too much.
    Output,
    /// The runner was told to end by this signal.
    Signal(i32),
}

/// How a command went.
#[derive(Debug)]
pub(super) struct Done {
    /// How it ended; the error if it never started or was lost.
    pub(super) ended: Result<Ended, String>,
    /// Why the runner ended it, if it did.
    pub(super) cut: Option<Cut>,
    pub(super) enforced: Option<Enforced>,
    /// Its part of the log.
    pub(super) log: Range<u64>,
    /// Bytes it printed.
    pub(super) printed: u64,
    pub(super) took: Duration,
    /// What went through its gate.
    pub(super) traffic: Traffic,
}

/// Runs a command to the end of its whole process tree.
pub(super) async fn run(
    job: Job<'_>,
    recorder: &mut Recorder,
    interrupt: &mut Interrupt,
) -> io::Result<Done> {
    let started = Instant::now();
    let from = recorder.log_position();
    let (deadline, limit) = (job.deadline, job.output);
    let (reader, writer) = pipe()?;
    let gate = if job.grant.isolation() == Isolation::Bare { job.gate.shared()? } else { job.gate };
    let command = sandbox::Command {
        argv: job.argv.into_iter().map(Into::into).collect(),
        dir: job.dir,
        env: gate.env().into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        listen: gate.listen(),
        connect: gate.ports(),
        stdin: job.stdin.map(OwnedFd::from),
        stdout: writer.try_clone()?,
        stderr: writer,
    };
    let mut pump = Pump { stream: recorder.stream(), recorder, printed: 0, limit };
    let mut traffic = Traffic::default();
    let (ended, cut, enforced) = match sandbox::spawn(job.grant, job.place, command).await {
        Ok(mut child) => {
            let serving = gate.serve(child.take_listeners())?;
            let (ended, cut) = watch(&mut child, reader, deadline, &mut pump, interrupt).await?;
            traffic = serving.end();
            (ended, cut, Some(child.enforced().clone()))
        }
        Err(error) => (Err(format!("{error} ({})", error.hint)), None, None),
    };
    let printed = pump.printed;
    // Expectations are about to read the log.
    recorder.keep_in_place()?;
    let (log, took) = (from..recorder.log_position(), started.elapsed());
    Ok(Done { ended, cut, enforced, log, printed, took, traffic })
}

/// Returns the way out that a grant gives a command through the runner; a model may be added to it.
pub(super) fn way_out(grant: &Grant) -> Gate {
    match grant.network() {
        Reach::Allow(hosts) => Gate::closed().allow(hosts),
        Reach::None | Reach::Full => Gate::closed(),
    }
}

/// Moves output and waits for the end, whichever of the bounds comes first.
async fn watch(
    child: &mut Confined,
    mut reader: Receiver,
    (deadline, bound): (Instant, Cut),
    pump: &mut Pump<'_>,
    interrupt: &mut Interrupt,
) -> io::Result<(Result<Ended, String>, Option<Cut>)> {
    let mut cut = None;
    let mut open = true;
    let mut buffer = vec![0; CHUNK];
    let ended = loop {
        tokio::select! {
            biased;
            ended = child.wait() => break ended.map_err(|error| error.to_string()),
            signal = interrupt.wait(), if !matches!(cut, Some(Cut::Signal(_))) => {
                cut = Some(Cut::Signal(signal));
                child.terminate(SHORT_GRACE);
            }
            () = tokio::time::sleep_until(deadline.into()), if cut.is_none() => {
                cut = Some(bound);
                child.terminate(GRACE);
            }
            read = reader.read(&mut buffer), if open => {
                let n = read?;
                open = n > 0;
                if pump.take(&buffer[..n])? == Flow::Over && cut.is_none() {
                    cut = Some(Cut::Output);
                    child.kill();
                }
            }
            () = tokio::time::sleep(IDLE), if open => pump.idle()?,
        }
    };
    // Every process that could write is gone: what is in the pipe is all there is.
    while let Ok(n @ 1..) = reader.try_read(&mut buffer) {
        if pump.take(&buffer[..n])? == Flow::Over && cut.is_none() {
            cut = Some(Cut::Output);
        }
    }
    pump.finish()?;
    Ok((ended, cut))
}

#[derive(Debug, PartialEq, Eq)]
enum Flow {
    Within,
    Over,
}

/// Moves output through the masker into the log, up to its limit.
struct Pump<'a> {
    stream: Stream,
    recorder: &'a mut Recorder,
    printed: u64,
    limit: u64,
}

impl Pump<'_> {
    fn take(&mut self, chunk: &[u8]) -> io::Result<Flow> {
        let room = usize::try_from(self.limit.saturating_sub(self.printed)).unwrap_or(usize::MAX);
        let first_over = self.printed <= self.limit && chunk.len() > room;
        self.printed += chunk.len() as u64;
        let masked = self.stream.push(&chunk[..chunk.len().min(room)]);
        self.recorder.output(masked)?;
        if first_over {
            self.finish()?;
            self.recorder.banner(format!("output cut here, at its limit of {} bytes", self.limit))?;
        }
        Ok(if self.printed > self.limit { Flow::Over } else { Flow::Within })
    }

    fn idle(&mut self) -> io::Result<()> {
        self.recorder.output(self.stream.idle())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.recorder.output(self.stream.finish())
    }
}

/// Makes the pipe for a command's output; a wide one, so that a chatty command is not woken for every page.
fn pipe() -> io::Result<(Receiver, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    // Over the user's quota for pipes it stays narrow, which is only slower.
    let _ = fcntl_setpipe_size(&writer, 1 << 20);
    Ok((Receiver::from_owned_fd(reader)?, writer))
}
