//! A program outside the sandbox, for a bounded time: when it is up, or nobody waits any more, its group is killed.

use std::io;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;

use crate::helper;

/// What a program may print: a list of many comments fits.
const MOST: u64 = 32 << 20;

/// How it ended.
#[derive(Debug)]
pub enum Ended {
    /// By itself.
    InTime(Output),
    /// Its time was up.
    Late,
}

/// Runs a program with these bytes on its standard input. Cancel-safe: a dropped call leaves nothing running.
pub async fn output(command: Command, input: Vec<u8>, time: Duration) -> io::Result<Ended> {
    let mut command = tokio::process::Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut group = Group(helper::start(|| command.spawn())?);
    match tokio::time::timeout(time, group.converse(input)).await {
        Ok(output) => output.map(Ended::InTime),
        Err(_) => Ok(Ended::Late),
    }
}

/// A child that leads a process group, which goes with it.
struct Group(Child);

impl Group {
    async fn converse(&mut self, input: Vec<u8>) -> io::Result<Output> {
        let (stdin, stdout, stderr) = (self.0.stdin.take(), self.0.stdout.take(), self.0.stderr.take());
        let feed = async move {
            if let Some(mut stdin) = stdin {
                // A program that does not read its input to the end says why by its exit code.
                let _ = stdin.write_all(&input).await;
            }
        };
        let ((), stdout, stderr) = tokio::join!(feed, drained(stdout), drained(stderr));
        Ok(Output { status: self.0.wait().await?, stdout: stdout?, stderr: stderr? })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Only while it was not waited for: after that the number may be somebody else's.
        let id = self.0.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(id) = id {
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

async fn drained(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(MOST).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, input: &[u8], time: Duration) -> Ended {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        runtime.block_on(output(command, input.to_vec(), time)).unwrap()
    }

    #[test]
    fn input_goes_in_and_output_comes_out() {
        let Ended::InTime(output) = run("cat; echo no >&2; exit 3", b"hello", Duration::from_secs(60)) else {
            panic!("late")
        };
        assert_eq!(
            (output.status.code(), &output.stdout[..], &output.stderr[..]),
            (Some(3), &b"hello"[..], &b"no\n"[..])
        );
    }

    #[test]
    fn what_is_late_goes_with_all_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        // The grandchild holds the pipe open for writing: reading ends when it is gone.
        let script = format!("sleep 1000 > {} & wait", fifo.display());
        let reader = std::thread::spawn(move || std::fs::read(fifo).unwrap());
        assert!(matches!(run(&script, b"", Duration::from_millis(300)), Ended::Late));
        assert!(reader.join().unwrap().is_empty());
    }
}
