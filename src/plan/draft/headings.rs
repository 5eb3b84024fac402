//! Takes Markdown, gives its headings: what they say, how deep they are, and where they stand.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// A heading, and the bytes it takes.
#[derive(Debug)]
pub(super) struct Heading {
    pub(super) level: HeadingLevel,
    pub(super) text: String,
    pub(super) range: Range<usize>,
}

/// Finds all headings of a text, in their order.
pub(super) fn of(text: &str) -> Vec<Heading> {
    let mut all = Vec::new();
    let mut open: Option<Heading> = None;
    for (event, range) in Parser::new_ext(text, Options::empty()).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                open = Some(Heading { level, text: String::new(), range });
            }
            Event::Text(piece) | Event::Code(piece) => {
                if let Some(heading) = &mut open {
                    heading.text.push_str(&piece);
                }
            }
            Event::End(TagEnd::Heading(_)) => all.extend(open.take()),
            _ => {}
        }
    }
    all
}

/// Returns the place of the heading that is the document's title: the first of the top level.
pub(super) fn title(all: &[Heading]) -> Option<usize> {
    all.iter().position(|heading| heading.level == HeadingLevel::H1)
}
