//! Takes what a git says of how far it is, gives it to somebody who shows it; what it complains of is left.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

/// How far a git is that packs objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// So many were found; how many there are nobody knows yet.
    Found(u64),
    /// Of a hundred parts, so many were counted.
    Counted(u8),
    /// So many were compared, one with the other.
    Compared(u8),
    /// So many were written.
    Written(u8),
}

/// Hears how far something is that takes long.
#[derive(Clone)]
pub struct Meter(Option<Arc<dyn Fn(Done) + Send + Sync>>);

impl Meter {
    /// Hears nothing: then nothing is asked, either.
    pub fn none() -> Self {
        Self(None)
    }

    /// Tells it to somebody.
    pub fn telling(tell: impl Fn(Done) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    /// Returns what has a git say how far it is; or, where nobody hears it, nothing.
    pub(super) fn option(&self) -> &'static str {
        if self.0.is_some() { "--progress" } else { "-q" }
    }

    /// Reads all that a git complains of, and tells how far it is meanwhile.
    pub(super) fn read(&self, mut from: impl Read) -> io::Result<Vec<u8>> {
        let mut complaints = Vec::new();
        let Some(tell) = &self.0 else {
            return from.read_to_end(&mut complaints).map(|_| complaints);
        };
        let (mut line, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let count = match from.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                count => count?,
            };
            for &byte in &buffer[..count] {
                line.push(byte);
                if matches!(byte, b'\r' | b'\n') {
                    take(&mut line, &mut complaints, tell.as_ref());
                }
            }
            if count == 0 {
                take(&mut line, &mut complaints, tell.as_ref());
                return Ok(complaints);
            }
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}

/// Takes a line: it tells how far something is, or is a complaint.
fn take(line: &mut Vec<u8>, complaints: &mut Vec<u8>, tell: &dyn Fn(Done)) {
    match said(line) {
        Said::HowFar(done) => done.into_iter().for_each(tell),
        Said::Complaint => complaints.extend_from_slice(line),
    }
    line.clear();
}

/// What a line is.
enum Said {
    /// About how far it is, in a form that we know or in another.
    HowFar(Option<Done>),
    Complaint,
}

fn said(line: &[u8]) -> Said {
    let text = String::from_utf8_lossy(line);
    let Some((what, rest)) = text.trim().split_once(": ").or_else(|| text.trim().split_once(' ')) else {
        return Said::Complaint;
    };
    let percent = || rest.trim_start().split_once('%')?.0.parse().ok();
    Said::HowFar(match what {
        "Enumerating objects" => {
            let digits = rest.split([',', ' ']).find(|part| !part.is_empty());
            digits.and_then(|digits| digits.parse().ok()).map(Done::Found)
        }
        "Counting objects" => percent().map(Done::Counted),
        "Compressing objects" => percent().map(Done::Compared),
        "Writing objects" => percent().map(Done::Written),
        // What it sums up at its end; and what it says before it compares.
        "Total" | "Delta" => None,
        _ => return Said::Complaint,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Gives what it is given in pieces of such a size.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(buffer.len());
            self.0.take(most as u64).read(buffer).inspect(|count| self.0 = &self.0[*count..])
        }
    }

    const SAID: &[u8] = b"Enumerating objects: 1234\rEnumerating objects: 68111, done.\n\
        Counting objects:   0% (1/68111)\rCounting objects: 100% (68111/68111), done.\n\
        error: object 12 is a blob: 50% (1/2)\n\
        Delta compression using up to 2 threads\nCompressing objects:  42% (42/100)\r\
        Writing objects:   7% (7/100), 1.00 MiB | 2.00 MiB/s\rTotal 100 (delta 3), reused 0 (delta 0), pack-reused 0 (from 0)\n\
        fatal: no room";

    #[test]
    fn what_it_says_of_how_far_it_is_is_told_and_what_it_complains_of_is_left() {
        for size in [1, 7, 4096] {
            let told = Arc::new(Mutex::new(Vec::new()));
            let heard = Arc::clone(&told);
            let meter = Meter::telling(move |done| heard.lock().unwrap().push(done));
            let complaints = meter.read(Pieces(SAID, size)).unwrap();
            let complaints = String::from_utf8(complaints).unwrap();
            assert_eq!(complaints, "error: object 12 is a blob: 50% (1/2)\nfatal: no room", "{size}");
            let expected = [
                Done::Found(1234),
                Done::Found(68_111),
                Done::Counted(0),
                Done::Counted(100),
                Done::Compared(42),
                Done::Written(7),
            ];
            assert_eq!(*told.lock().unwrap(), expected, "{size}");
        }
    }

    #[test]
    fn where_nobody_hears_it_all_is_a_complaint() {
        assert_eq!(Meter::none().read(SAID).unwrap(), SAID);
        assert_eq!(Meter::none().option(), "-q");
    }
}
