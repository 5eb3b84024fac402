//! Takes names of objects of the user's repository, gives what they hold: one by one, by one git that answers for all.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::error::WorktreeError;
use super::repository::Repository;
use crate::helper;

/// Reads objects.
#[derive(Debug)]
pub(super) struct Objects {
    repository: Repository,
    git: Option<Asked>,
}

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Object {
    /// All that is in it.
    Whole(Vec<u8>),
    /// It has more bytes than were asked for.
    TooLarge(u64),
    /// Nothing.
    Missing,
}

impl Objects {
    /// Starts to read objects of a repository.
    pub(super) fn of(repository: &Repository) -> Self {
        Self { repository: repository.clone(), git: None }
    }

    /// Reads the object of a name, if it has at most so many bytes.
    pub(super) fn read(&mut self, name: &[u8], most: u64) -> Result<Object, WorktreeError> {
        if name.contains(&b'\n') {
            return Ok(Object::Missing); // No line can name it.
        }
        let mut git = match self.git.take() {
            Some(git) => git,
            None => Asked::start(&self.repository)?,
        };
        let read = git.read(name, most)?;
        // What was not read of a large one stands in the way of the next: that git goes.
        self.git = Some(git).filter(|_| !matches!(read, Object::TooLarge(_)));
        Ok(read)
    }
}

/// A git that waits for names. It goes with whoever asks.
#[derive(Debug)]
struct Asked {
    child: Child,
    names: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Asked {
    fn start(repository: &Repository) -> Result<Self, WorktreeError> {
        let mut command = repository.git("cat-file").arg("--batch").into_command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = helper::start(|| command.spawn())?;
        let (names, answers) = (child.stdin.take(), child.stdout.take());
        let (Some(names), Some(answers)) = (names, answers) else { return Err(garbled()) };
        Ok(Self { child, names, answers: BufReader::new(answers) })
    }

    fn read(&mut self, name: &[u8], most: u64) -> Result<Object, WorktreeError> {
        self.names.write_all(&[name, b"\n"].concat())?;
        let mut head = Vec::new();
        self.answers.read_until(b'\n', &mut head)?;
        let head = String::from_utf8_lossy(&head);
        // `<id> <type> <size>`, or the name and what is the matter with it.
        let size = head.strip_suffix('\n').ok_or_else(garbled)?.rsplit_once(' ').map(|(_, size)| size);
        let Some(Ok(size)) = size.map(str::parse::<u64>) else { return Ok(Object::Missing) };
        if size > most {
            return Ok(Object::TooLarge(size));
        }
        let mut content = Vec::with_capacity(usize::try_from(size + 1).unwrap_or(0));
        (&mut self.answers).take(size + 1).read_to_end(&mut content)?;
        if content.pop() == Some(b'\n') && content.len() as u64 == size {
            Ok(Object::Whole(content))
        } else {
            Err(garbled())
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn garbled() -> WorktreeError {
    WorktreeError::garbled("cat-file")
}
