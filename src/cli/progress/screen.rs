//! The end of a terminal: lines that stay, and below them a few that move.
//!
//! What moves is drawn with the cursor left at its beginning. A terminal that breaks its rows anew when it gets narrower takes
//! the cursor along with what is written there, and one that cuts them leaves it where it is: in both, all from the cursor on is
//! what moved, and no count of rows has to be guessed to take it away.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::doing::Doing;
use super::quote::{fitted, taken};
use crate::time::spoken;

/// How often what moves is drawn: at a new width of the terminal, too.
const EVERY: Duration = Duration::from_millis(120);
const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// Takes away what moves: all from the cursor on.
const ERASE: &str = "\r\x1b[J";
/// No line breaks while what moves is drawn, however narrow the terminal has become by then.
const UNBROKEN: &str = "\x1b[?7l";
const BROKEN: &str = "\x1b[?7h";

/// The end of the terminal. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Screen(Arc<Mutex<Drawn>>);

#[derive(Debug, Default)]
struct Drawn {
    rows: BTreeMap<u64, Row>,
    next: u64,
    /// A thread draws.
    is_ticking: bool,
    tick: usize,
}

/// A line that moves.
#[derive(Debug)]
struct Row {
    begins: String,
    since: Instant,
    doing: Doing,
    message: String,
}

/// A hold of a line that moves; it goes when this is dropped. Where nothing moves it holds nothing.
#[derive(Debug)]
pub(super) struct Moving {
    on: Option<(Screen, u64)>,
}

impl Screen {
    /// Adds a line that moves.
    pub(super) fn add(&self, doing: &Doing) -> Moving {
        let mut drawn = self.drawn();
        let id = drawn.next;
        drawn.next += 1;
        let row = Row {
            begins: String::new(),
            since: Instant::now(),
            doing: doing.clone(),
            message: String::new(),
        };
        drawn.rows.insert(id, row);
        if !std::mem::replace(&mut drawn.is_ticking, true) {
            let screen = self.clone();
            std::thread::spawn(move || screen.tick());
        }
        Moving { on: Some((self.clone(), id)) }
    }

    /// Says a line above those that move.
    pub(super) fn say(&self, line: &str) {
        let drawn = self.drawn();
        drawn.put(&format!("{}{line}\n", drawn.erased()));
    }

    /// Lets somebody else print above the lines that move.
    pub(super) fn above(&self, print: impl FnOnce()) {
        let drawn = self.drawn();
        if !drawn.rows.is_empty() {
            write(ERASE);
        }
        print();
        drawn.put("");
    }

    /// Draws until nothing moves any more.
    fn tick(&self) {
        loop {
            std::thread::sleep(EVERY);
            let mut drawn = self.drawn();
            if drawn.rows.is_empty() {
                drawn.is_ticking = false;
                return;
            }
            drawn.tick = drawn.tick.wrapping_add(1);
            drawn.put(ERASE);
        }
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drawn {
    fn erased(&self) -> &'static str {
        if self.rows.is_empty() { "" } else { ERASE }
    }

    /// Prints something and what moves below it, at once.
    fn put(&self, first: &str) {
        let (height, width) = console::Term::stdout().size();
        let spinner = SPINNER[self.tick % SPINNER.len()];
        let lines: Vec<String> = self.rows.values().map(|row| row.line(spinner, width.into())).collect();
        write(&format!("{first}{}", frame(&lines, height.into())));
    }
}

/// Returns what draws lines and leaves the cursor at their beginning; those that no screen holds are left out.
fn frame(lines: &[String], height: usize) -> String {
    let lines = &lines[..lines.len().min(height.saturating_sub(1).max(1))];
    let mut frame = String::new();
    if !lines.is_empty() {
        let _ = write!(frame, "{UNBROKEN}{}{BROKEN}\r", lines.join("\n"));
    }
    if lines.len() > 1 {
        let _ = write!(frame, "\x1b[{}A", lines.len() - 1);
    }
    frame
}

/// A reader that has gone away must not end the run.
fn write(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

impl Row {
    /// Returns the line, which takes less than a row of such a width.
    fn line(&self, spinner: char, width: usize) -> String {
        let (room, time) = (width.saturating_sub(1), spoken(self.since.elapsed()));
        let head = format!("{spinner} {} {time}{}", self.begins, self.doing.silence());
        let head: String = taken(head.chars(), room).collect();
        let left = room.saturating_sub(unicode_width::UnicodeWidthStr::width(head.as_str()) + 2);
        if self.message.is_empty() || left < 8 {
            head
        } else {
            format!("{head}  {}", fitted(&self.message, left))
        }
    }
}

impl Moving {
    /// A hold of nothing.
    pub(super) fn none() -> Self {
        Self { on: None }
    }

    /// Says what the line begins with.
    pub(super) fn begins(&self, begins: &str) {
        self.change(|row| begins.clone_into(&mut row.begins));
    }

    /// Says what it ends with.
    pub(super) fn says(&self, message: &str) {
        self.change(|row| message.clone_into(&mut row.message));
    }

    /// Begins to count the time anew.
    pub(super) fn begins_anew(&self) {
        self.change(|row| row.since = Instant::now());
    }

    /// Takes the line away.
    pub(super) fn end(&mut self) {
        let Some((screen, id)) = self.on.take() else { return };
        let mut drawn = screen.drawn();
        drawn.rows.remove(&id);
        drawn.put(ERASE);
    }

    fn change(&self, change: impl FnOnce(&mut Row)) {
        let Some((screen, id)) = &self.on else { return };
        if let Some(row) = screen.drawn().rows.get_mut(id) {
            change(row);
        }
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    const ROWS: u16 = 24;

    /// A terminal: one breaks its rows anew at another width, one cuts them.
    enum Terminal {
        Breaks(Box<avt::Terminal>),
        Cuts(Box<vt100::Parser>),
    }

    impl Terminal {
        fn both() -> [Self; 2] {
            let of = |size| NonZeroU16::new(size).unwrap();
            [
                Self::Breaks(Box::new(avt::Terminal::with_scrollback(60, ROWS.into(), None).unwrap())),
                Self::Cuts(Box::new(vt100::Parser::new(of(ROWS), of(60), 0))),
            ]
        }

        fn print(&mut self, text: &str) {
            // What a terminal's driver makes of it.
            let text = text.replace('\n', "\r\n");
            match self {
                Self::Breaks(terminal) => terminal.feed(text.as_str()),
                Self::Cuts(terminal) => terminal.process(text.as_bytes()),
            }
        }

        fn resize(&mut self, columns: u16) {
            match self {
                Self::Breaks(terminal) => terminal.resize(columns.into(), ROWS.into()),
                Self::Cuts(terminal) => {
                    let of = |size| NonZeroU16::new(size).unwrap();
                    terminal.set_size(of(ROWS), of(columns));
                }
            }
        }

        fn rows(&self) -> Vec<String> {
            let rows: Vec<String> = match self {
                Self::Breaks(terminal) => terminal.screen().all_lines().map(avt::Line::text).collect(),
                Self::Cuts(terminal) => terminal.screen().contents().lines().map(str::to_owned).collect(),
            };
            let rows = rows.iter().map(|row| row.trim_end().to_owned());
            rows.filter(|row| !row.is_empty()).collect()
        }
    }

    fn lines(mark: char, width: usize) -> Vec<String> {
        ["one", "two", "three"]
            .map(|name| {
                let message =
                    format!("{mark} of {name}, and more of it than any row here holds, up to its end");
                let row =
                    Row { begins: name.to_owned(), since: Instant::now(), doing: Doing::default(), message };
                row.line(mark, width)
            })
            .to_vec()
    }

    #[test]
    fn nothing_stays_of_what_moved_when_the_terminal_gets_narrower_or_wider() {
        for mut terminal in Terminal::both() {
            terminal.print("first, which stays\n");
            let mut width: u16 = 60;
            for (step, next) in [60, 25, 90, 13, 40, 7, 60].into_iter().enumerate() {
                terminal.print(&format!("{ERASE}{}", frame(&lines('@', width.into()), 24)));
                terminal.resize(next);
                // Drawn for the width of before: the terminal was faster. One of the two breaks lines all the same.
                let late = if matches!(terminal, Terminal::Breaks(_)) { width } else { next };
                terminal.print(&format!("{ERASE}{}", frame(&lines('%', late.into()), 24)));
                let expected = lines('&', next.into());
                terminal.print(&format!("{ERASE}said {step}\n{}", frame(&expected, 24)));
                let (rows, shown) = (terminal.rows(), expected.iter().map(|line| line.trim_end()));
                assert!(shown.eq(&rows[rows.len() - 3..]), "{rows:?}");
                assert_eq!(rows[rows.len() - 4], format!("said {step}"), "{rows:?}");
                assert!(!rows.iter().any(|row| row.contains(['@', '%'])), "{rows:?}");
                width = next;
            }
            terminal.print(ERASE);
            terminal.resize(60);
            let said = (0..7).map(|step| format!("said {step}"));
            let all: Vec<String> = std::iter::once("first, which stays".to_owned()).chain(said).collect();
            assert_eq!(terminal.rows().len(), all.len(), "{:?}", terminal.rows());
        }
    }

    #[test]
    fn a_line_that_moves_is_never_wider_than_its_row_and_shows_its_ends() {
        for width in 0..200 {
            for line in lines('x', width) {
                assert!(
                    unicode_width::UnicodeWidthStr::width(line.as_str()) < width.max(1),
                    "{width}: {line}"
                );
            }
        }
        let line = lines('x', 60).remove(0);
        assert!(line.starts_with("x one 0.0s  x of one") && line.ends_with("its end"), "{line}");
    }

    #[test]
    fn no_more_lines_move_than_the_screen_holds() {
        let many: Vec<String> = (0..30).map(|n| format!("line {n}")).collect();
        let drawn = frame(&many, 12);
        assert!(
            drawn.contains("line 10") && !drawn.contains("line 11") && drawn.ends_with("\x1b[10A"),
            "{drawn:?}"
        );
        assert_eq!(frame(&[], 12), "");
    }
}
