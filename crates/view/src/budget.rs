//! Takes HTML of our templates, gives how many nodes a browser makes of it: a page stays fluid however much a run did.

/// Nodes of a page at most: elements and texts.
pub const MOST_NODES: usize = 5000;

/// Counts the nodes of rendered HTML. Templates escape: `<` and `>` are those of tags.
pub(crate) fn nodes(html: &str) -> usize {
    let bytes = html.as_bytes();
    let elements =
        bytes.windows(2).filter(|pair| pair[0] == b'<' && pair[1] != b'/' && pair[1] != b'!').count();
    let texts = bytes.windows(2).filter(|pair| pair[0] == b'>' && pair[1] != b'<').count();
    elements + texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_texts_are_counted() {
        assert_eq!(nodes("<p>a<b>c</b>d</p><br><i></i>"), 7);
        assert_eq!(nodes("text"), 0, "what is no element has none");
    }
}
