//! One command: started confined, its output masked into the log as it comes, ended in time.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use super::deadline::{Cut, Deadline};
use super::egress::{Egress, Of};
use super::expect::Verdict;
use super::hearing::Hearing;
use super::hope;
use super::interrupt::Interrupt;
use super::output::Judge;
use crate::agent::Report;
use crate::evidence::log::Stream;
use crate::evidence::{AttemptId, Recorder};
use crate::helper;
use crate::network::{Exchange, Gate, Traffic, Usage};
use crate::policy::{Grant, Isolation, Reach};
use crate::sandbox::{self, Confined, Ended, Enforced, Place, Status};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// The same when the runner itself was told to end: whoever did it waits some ten seconds.
pub const SHORT_GRACE: Duration = Duration::from_secs(3);
/// A line without its newline is shown after this much silence.
const IDLE: Duration = Duration::from_millis(900);
/// A signal to the runner is heard within this time of one to its command.
const HEARD: Duration = Duration::from_millis(200);
const CHUNK: usize = 256 * 1024;

/// What is to run, and within which bounds.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) argv: Vec<String>,
    pub(super) dir: PathBuf,
    /// On top of the grant's environment.
    pub(super) env: Vec<(String, String)>,
    pub(super) stdin: Option<File>,
    /// Understands what it prints, if it is an agent.
    pub(super) hearing: Option<Hearing>,
    /// Looks at what it prints, if something is expected there.
    pub(super) judge: Option<Judge>,
    pub(super) grant: &'a Grant,
    pub(super) place: &'a Place,
    /// Its way out: see [`way_out`].
    pub(super) gate: Gate,
    pub(super) deadline: Deadline,
}

/// How a command went.
#[derive(Debug)]
pub(super) struct Done {
    /// How it ended; the error if it never started or was lost.
    pub(super) ended: Result<Ended, String>,
    /// Why the runner ended it, if it did.
    pub(super) cut: Option<Cut>,
    pub(super) enforced: Option<Enforced>,
    /// What it printed: the bytes of its attempt's part of the log.
    pub(super) log: Range<u64>,
    /// Bytes it printed.
    pub(super) printed: u64,
    /// How its turn went, if it is an agent that was started.
    pub(super) report: Option<Report>,
    /// Whether it printed what it was to print, if that was looked at.
    pub(super) verdicts: Vec<Verdict>,
    /// What it printed, if that was to be kept: raw, and never shown.
    pub(super) kept: Vec<u8>,
    pub(super) took: Duration,
    /// What it asked of a model.
    pub(super) usage: Usage,
    /// How the last exchange with it went.
    pub(super) exchange: Option<Exchange>,
    /// For how long the model had been silent when its time was over.
    pub(super) silent: Option<Duration>,
}

/// Runs a command to the end of its whole process tree, or of the bytes that it may print; what it reached is
/// recorded meanwhile.
pub(super) async fn run(
    job: Job<'_>,
    limit: u64,
    of: Of,
    recorder: &mut Recorder,
    interrupt: &mut Interrupt,
) -> io::Result<Done> {
    let started = Instant::now();
    let at = of.at.clone();
    let from = recorder.part(&at)?.size();
    let deadline = job.deadline.begun(started);
    let (reader, writer) = pipe()?;
    // What an agent prints is a protocol: its complaints come by another way.
    let (aside, stderr) = match &job.hearing {
        Some(_) => pipe().map(|(reader, writer)| (Some(reader), writer))?,
        None => (None, writer.try_clone()?),
    };
    let gate = if job.grant.isolation() == Isolation::Bare { job.gate.shared()? } else { job.gate };
    let gate = gate.until(deadline.at);
    let env = job.env.into_iter().chain(gate.env(job.grant.env()));
    let command = sandbox::Command {
        argv: job.argv.into_iter().map(Into::into).collect(),
        dir: job.dir,
        env: env.map(|(name, value)| (name.into(), value.into())).collect(),
        listen: gate.listen(),
        connect: gate.ports(),
        stdin: job.stdin.map(OwnedFd::from),
        stdout: writer,
        stderr,
    };
    let (stream, aside_stream) = (recorder.stream(), recorder.stream());
    let (hearing, judge, printed) = (job.hearing, job.judge, 0);
    let mut pump = Pump { at: &at, stream, aside: aside_stream, hearing, judge, recorder, printed, limit };
    let (mut traffic, mut silent) = (Traffic::default(), None);
    let (ended, cut, enforced, report) = match sandbox::spawn(job.grant, job.place, command).await {
        Ok(mut child) => {
            let mut egress = Egress::new(of, gate.serve(child.take_listeners())?);
            let pipes = Pipes { reader, aside };
            let (ended, cut, quiet) =
                watch(&mut child, pipes, deadline, &mut pump, &mut egress, interrupt).await?;
            silent = quiet;
            let report = pump.finish()?;
            traffic = egress.end(pump.recorder);
            (ended, cut, Some(child.enforced().clone()), report)
        }
        Err(error) => (Err(format!("{error} ({})", error.hint)), None, None, None),
    };
    let kept = pump.judge.as_mut().map(Judge::take_kept).unwrap_or_default();
    let (printed, verdicts) = (pump.printed, pump.judge.take().map(Judge::finish).unwrap_or_default());
    recorder.keep_in_place()?;
    let (log, took) = (from..recorder.part(&at)?.size(), started.elapsed());
    let Traffic { model: usage, last: exchange, .. } = traffic;
    Ok(Done { ended, cut, enforced, log, printed, report, verdicts, kept, took, usage, exchange, silent })
}

/// Where a command's output arrives.
struct Pipes {
    reader: Receiver,
    /// Its standard error, if that comes by itself.
    aside: Option<Receiver>,
}

impl Pipes {
    async fn read_aside(aside: &mut Option<Receiver>, buffer: &mut [u8]) -> io::Result<usize> {
        match aside {
            Some(reader) => reader.read(buffer).await,
            None => std::future::pending().await,
        }
    }
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
    Pipes { mut reader, mut aside }: Pipes,
    deadline: Deadline,
    pump: &mut Pump<'_>,
    egress: &mut Egress,
    interrupt: &mut Interrupt,
) -> io::Result<(Result<Ended, String>, Option<Cut>, Option<Duration>)> {
    let (mut cut, mut silent) = (None, None);
    let (mut killed, mut insistence) = (false, interrupt.clone());
    let mut open = true;
    let mut buffer = vec![0; CHUNK];
    let mut look = Egress::looks();
    let mut exchanges = egress.exchanges();
    let mut second = vec![0; if aside.is_some() { CHUNK } else { 0 }];
    let ended = loop {
        tokio::select! {
            biased;
            ended = child.wait() => break ended.map_err(|error| error.to_string()),
            signal = interrupt.wait(), if !matches!(cut, Some(Cut::Signal(_))) => {
                cut = Some(Cut::Signal(signal));
                child.terminate(SHORT_GRACE);
            }
            () = insistence.insisted(), if !killed && matches!(cut, Some(Cut::Signal(_))) => {
                killed = true;
                child.kill();
            }
            () = tokio::time::sleep_until(deadline.at.into()), if cut.is_none() => {
                cut = Some(Cut::Time(deadline.bound));
                silent = egress.silent_for();
                child.terminate(GRACE);
            }
            () = hope::hopeless(&mut exchanges), if cut.is_none() => {
                cut = Some(Cut::Answer);
                child.terminate(GRACE);
            }
            // Before the output, of which there may always be more.
            _ = look.tick() => egress.record(pump.recorder)?,
            read = reader.read(&mut buffer), if open => {
                let n = read?;
                open = n > 0;
                if pump.take(&buffer[..n])? == Flow::Over && cut.is_none() {
                    cut = Some(Cut::Output);
                    child.kill();
                }
            }
            read = Pipes::read_aside(&mut aside, &mut second) => match read? {
                0 => aside = None,
                n => {
                    if pump.take_aside(&second[..n])? == Flow::Over && cut.is_none() {
                        cut = Some(Cut::Output);
                        child.kill();
                    }
                }
            },
            () = tokio::time::sleep(IDLE), if open => pump.idle()?,
        }
    };
    if cut.is_none() && ended.as_ref().is_ok_and(|ended| was_asked_to_end(&ended.status)) {
        // Whoever stops a service asks all of its processes: then it was not this command that failed.
        cut = interrupt.within(HEARD).await.map(Cut::Signal);
    }
    // Every process that could write is gone: what is in the pipes is all there is.
    while let Some(n) = left_in(&reader, &mut buffer)? {
        if pump.take(&buffer[..n])? == Flow::Over && cut.is_none() {
            cut = Some(Cut::Output);
        }
    }
    while let Some(n) = aside.as_ref().map_or(Ok(None), |aside| left_in(aside, &mut second))? {
        if pump.take_aside(&second[..n])? == Flow::Over && cut.is_none() {
            cut = Some(Cut::Output);
        }
    }
    Ok((ended, cut, silent))
}

/// Tells whether a command ended as one does that was asked to.
fn was_asked_to_end(status: &Status) -> bool {
    let asks = |number: i32| helper::POLITE.iter().any(|signal| *signal as i32 == number);
    match status {
        Status::Signaled(number) => asks(*number),
        Status::Exited(code) => asks(code - 128),
        Status::Limit(_) => false,
    }
}

/// Reads what a pipe holds at this moment; nothing if it is empty. Asks the kernel: tokio's `try_read` asks what the
/// reactor has heard of, and the command's end may be known before its last output is.
fn left_in(pipe: &Receiver, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match rustix::io::retry_on_intr(|| rustix::io::read(pipe, &mut *buffer)) {
        Ok(0) | Err(Errno::AGAIN) => Ok(None),
        Ok(n) => Ok(Some(n)),
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Flow {
    Within,
    Over,
}

/// Moves output through the masker into the log, up to its limit.
struct Pump<'a> {
    at: &'a AttemptId,
    stream: Stream,
    aside: Stream,
    hearing: Option<Hearing>,
    judge: Option<Judge>,
    recorder: &'a mut Recorder,
    printed: u64,
    limit: u64,
}

impl Pump<'_> {
    fn take(&mut self, chunk: &[u8]) -> io::Result<Flow> {
        let (within, over) = self.count(chunk);
        self.judge.iter_mut().for_each(|judge| judge.push(within));
        if let Some(hearing) = &mut self.hearing {
            let text = hearing.take(within, self.recorder)?;
            self.recorder.output(self.at, self.stream.push(text.as_bytes()))?;
        } else {
            self.recorder.output(self.at, self.stream.push(within))?;
        }
        self.flow(over)
    }

    fn take_aside(&mut self, chunk: &[u8]) -> io::Result<Flow> {
        let (within, over) = self.count(chunk);
        self.recorder.output(self.at, self.aside.push(within))?;
        self.flow(over)
    }

    /// Counts a chunk; returns what of it is within the limit, and whether it is the first to go over.
    fn count<'c>(&mut self, chunk: &'c [u8]) -> (&'c [u8], bool) {
        let room = usize::try_from(self.limit.saturating_sub(self.printed)).unwrap_or(usize::MAX);
        let first_over = self.printed <= self.limit && chunk.len() > room;
        self.printed += chunk.len() as u64;
        (&chunk[..chunk.len().min(room)], first_over)
    }

    fn flow(&mut self, first_over: bool) -> io::Result<Flow> {
        if first_over {
            self.flush()?;
            self.recorder.banner_of(self.at, "output cut here, at the limit of the attempt")?;
        }
        Ok(if self.printed > self.limit { Flow::Over } else { Flow::Within })
    }

    fn idle(&mut self) -> io::Result<()> {
        self.recorder.output(self.at, self.stream.idle())?;
        self.recorder.output(self.at, self.aside.idle())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.recorder.output(self.at, self.stream.finish())?;
        self.recorder.output(self.at, self.aside.finish())?;
        self.recorder.end_output(self.at)
    }

    /// Takes the end of all output.
    fn finish(&mut self) -> io::Result<Option<Report>> {
        let Some(mut hearing) = self.hearing.take() else { return self.flush().map(|()| None) };
        let (text, report) = hearing.finish(self.recorder)?;
        self.recorder.output(self.at, self.stream.push(text.as_bytes()))?;
        self.flush()?;
        Ok(Some(report))
    }
}

/// Makes the pipe for a command's output; a wide one, so that a chatty command is not woken for every page.
fn pipe() -> io::Result<(Receiver, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    // Over the user's quota for pipes it stays narrow, which is only slower.
    let _ = fcntl_setpipe_size(&writer, 1 << 20);
    Ok((Receiver::from_owned_fd(reader)?, writer))
}
