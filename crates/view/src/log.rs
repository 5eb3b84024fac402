//! Takes the pieces of a log, gives chunks that a browser lays out when they come into view: colours as long as there is room for
//! more nodes, then plain text, and all of it.

use maud::{Markup, html};

use crate::colours::{Run, runs};
use crate::page::Piece;
use crate::words::Words;

/// Chunks of a page at most, where its pieces are fewer; lines of one at least.
const CHUNKS: usize = 200;
const LINES: usize = 200;

/// Shows a log with so many nodes.
pub(crate) fn show(pieces: &[Piece], room: usize) -> Markup {
    let lines: usize = pieces.iter().map(newlines).sum();
    let each = (lines / CHUNKS).max(LINES);
    let mut left = room;
    // Two nodes a piece, at least.
    let kept = pieces.len().min(room / 2);
    let (apart, together) = pieces.split_at(if kept < pieces.len() { kept.saturating_sub(1) } else { kept });
    let mut least = 2 * (apart.len() + usize::from(!together.is_empty()));
    html! {
        @for piece in apart {
            @let extra = left.saturating_sub(least);
            @let (shown, used) = piece_of(piece, each, 2 + extra);
            (shown)
            @let () = { left = left.saturating_sub(used); least = least.saturating_sub(2); };
        }
        @if !together.is_empty() { pre { (Words::from(joined(together))) } }
    }
}

fn newlines(piece: &Piece) -> usize {
    match piece {
        Piece::Output { bytes, .. } => memchr::memchr_iter(b'\n', bytes).count(),
        Piece::LeftOut(_) => 0,
    }
}

fn joined(pieces: &[Piece]) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Output { bytes, .. } => String::from_utf8_lossy(bytes).into_owned(),
        Piece::LeftOut(bytes) => left_out(*bytes),
    };
    pieces.iter().map(text).collect()
}

fn left_out(bytes: u64) -> String {
    format!("… {bytes} bytes are not on this page\n")
}

/// Shows a piece, and says how many nodes that took: two, or no more than there is room for.
fn piece_of(piece: &Piece, each: usize, room: usize) -> (Markup, usize) {
    let (of, bytes) = match piece {
        Piece::LeftOut(bytes) => return (html! { p class="gap" { (left_out(*bytes)) } }, 2),
        Piece::Output { of, bytes } => (of, bytes),
    };
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let mut chunks = chunks(runs(&text), each);
    let cost = |chunk: &Vec<Run>| {
        1 + chunk.iter().map(|run| if run.class.is_empty() { 1 } else { 2 }).sum::<usize>()
    };
    let mut used = 2 * chunks.len();
    if used > room {
        let all: Vec<Run> = chunks.into_iter().flatten().collect();
        chunks = vec![all];
        used = 2;
    }
    let mut shown = Vec::new();
    for chunk in chunks {
        let more = cost(&chunk).saturating_sub(2);
        let fits = used + more <= room;
        used += if fits { more } else { 0 };
        shown.push(if fits { chunk } else { plain(chunk) });
    }
    let id = of.as_ref().map(|(step, attempt)| anchor(step, *attempt));
    let markup = html! {
        @for (at, chunk) in shown.iter().enumerate() {
            pre id=[id.as_ref().filter(|_| at == 0)] {
                @for run in chunk {
                    @if run.class.is_empty() { (run.text) } @else { span class=(run.class) { (run.text) } }
                }
            }
        }
    };
    (markup, used)
}

/// Names the place of an attempt's output on the page.
pub(crate) fn anchor(step: &Words, attempt: u32) -> String {
    format!("log-{step}-{attempt}")
}

fn plain(chunk: Vec<Run>) -> Vec<Run> {
    let text: String = chunk.iter().map(|run| run.text.as_str()).collect();
    vec![Run { class: String::new(), text: text.into() }]
}

/// Cuts runs of text behind every so many lines.
fn chunks(runs: Vec<Run>, each: usize) -> Vec<Vec<Run>> {
    let (mut done, mut current, mut lines) = (Vec::new(), Vec::new(), 0);
    for run in runs {
        let mut rest = run.text.as_str();
        while let Some((end, _)) = rest.match_indices('\n').nth(each.saturating_sub(lines + 1)) {
            let (head, tail) = rest.split_at(end + 1);
            current.push(Run { class: run.class.clone(), text: head.into() });
            done.push(std::mem::take(&mut current));
            (rest, lines) = (tail, 0);
        }
        lines += rest.matches('\n').count();
        if !rest.is_empty() {
            current.push(Run { class: run.class.clone(), text: rest.into() });
        }
    }
    if !current.is_empty() {
        done.push(current);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::nodes;

    fn output(text: &str) -> Piece {
        Piece::Output { of: Some(("a".into(), 1)), bytes: text.as_bytes().to_vec() }
    }

    fn texts(html: &str) -> String {
        scraper::Html::parse_fragment(html).root_element().text().collect()
    }

    #[test]
    fn all_of_it_is_there_however_little_room() {
        let line = |n: usize| format!("\x1b[3{}mline {n}\x1b[0m <b> end\n", n % 8);
        let text: String = (0..1000).map(line).collect();
        let pieces = [output(&text), Piece::LeftOut(7), output("last\n"), output("very last\n")];
        for room in [8, 9, 30, 500, 9000] {
            let html = show(&pieces, room).into_string();
            assert!(nodes(&html) <= room, "{} of {room}", nodes(&html));
            let seen = texts(&html);
            assert_eq!(seen.matches("<b> end").count(), 1000, "{room}");
            assert!(seen.contains("7 bytes") && seen.ends_with("last\nvery last\n"), "{room}");
        }
        assert!(show(&pieces, 9000).into_string().contains("<span class=\"f3\">line 3"));
    }

    #[test]
    fn pieces_that_do_not_fit_are_one() {
        let pieces: Vec<Piece> = (0..100).map(|n| output(&format!("{n}\n"))).collect();
        let html = show(&pieces, 40).into_string();
        assert!(nodes(&html) <= 40, "{}", nodes(&html));
        assert_eq!(texts(&html), (0..100).map(|n| format!("{n}\n")).collect::<String>());
    }

    #[test]
    fn a_chunk_has_so_many_lines() {
        let cut = chunks(runs("a\nb\n\x1b[1mc\nd\ne\x1b[0m\nf"), 2);
        let told: Vec<String> = cut.iter().map(|c| c.iter().map(|run| run.text.as_str()).collect()).collect();
        assert_eq!(told, ["a\nb\n", "c\nd\n", "e\nf"]);
    }
}
