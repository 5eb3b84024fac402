//! The one thread that starts and reaps confined sides.
//!
//! One that lives as long as the process does: the parent-death signal follows the *thread* that started a child,
//! and a thread of a pool that ends while idle would take a running step with it.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::{Mutex, OnceLock, mpsc};

use tokio::sync::oneshot;

use super::enter;

/// What the launcher thread is asked for.
enum Job {
    Start { socket: OwnedFd, arguments: Vec<String>, reply: oneshot::Sender<io::Result<Child>> },
    Reap(Child),
}

/// Starts the confined side.
pub(super) async fn start(socket: OwnedFd, arguments: Vec<String>) -> io::Result<Child> {
    let (reply, answer) = oneshot::channel();
    send(Job::Start { socket, arguments, reply })?;
    answer.await.map_err(|_| gone())?
}

/// Reaps a confined side that is about to end, without waiting here.
pub(super) fn reap(child: Child) {
    if let Err(error) = send(Job::Reap(child)) {
        tracing::debug!(%error, "nobody reaps the supervisor");
    }
}

fn send(job: Job) -> io::Result<()> {
    static LAUNCHER: OnceLock<io::Result<Mutex<mpsc::Sender<Job>>>> = OnceLock::new();
    let launcher = LAUNCHER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel();
        std::thread::Builder::new().name("launcher".into()).spawn(move || work(&jobs))?;
        Ok(Mutex::new(sender))
    });
    let launcher = launcher.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    launcher.lock().map_err(|_| gone())?.send(job).map_err(|_| gone())
}

fn work(jobs: &mpsc::Receiver<Job>) {
    let mut ending: Vec<Child> = Vec::new();
    for job in jobs {
        match job {
            Job::Start { socket, arguments, reply } => {
                // A caller that went away drops the runner's end of the socket: the child ends by itself.
                if let Err(Ok(orphan)) = reply.send(execute(socket, &arguments)) {
                    ending.push(orphan);
                }
            }
            Job::Reap(child) => ending.push(child),
        }
        // What is not gone yet is looked at again with the next job; what is left then, when the runner ends.
        ending.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }
}

/// Executes this very file, even if it was replaced on disk since, with the socket as its standard input.
fn execute(socket: OwnedFd, arguments: &[String]) -> io::Result<Child> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    enter::execute_self(socket, &arguments)
}

fn gone() -> io::Error {
    io::Error::other("the launcher thread is gone")
}
