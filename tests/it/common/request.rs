//! Takes a connection of a client, gives its next HTTP request.

use std::io::BufRead;

/// A request as it was sent.
pub(crate) struct Request {
    pub(crate) method: String,
    /// What it is on, with the query.
    pub(crate) path: String,
    /// All lines of the head but the first.
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Reads one; nothing if the client went away.
    pub(crate) fn read(reader: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next()?, words.next()?);
        let mut headers = String::new();
        // The empty line that ends it has two characters.
        while reader.read_line(&mut headers).ok()? > 2 {}
        let mut request = Self { method, path, headers, body: Vec::new() };
        if request.header("transfer-encoding") == Some("chunked") {
            while read_chunk(reader, &mut request.body)? > 0 {}
        } else {
            request.body = vec![0; request.header("content-length").map_or(0, |size| size.parse().unwrap())];
            reader.read_exact(&mut request.body).ok()?;
        }
        Some(request)
    }

    /// Returns the value of a header, in whatever case it was sent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = self.headers.lines().filter_map(|line| line.split_once(':'));
        named.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

/// Reads one chunk of a body; returns its size, which is 0 for the last.
fn read_chunk(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Option<usize> {
    let mut size = String::new();
    reader.read_line(&mut size).ok()?;
    let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
    let begin = body.len();
    // Its line break comes with it.
    body.resize(begin + size + 2, 0);
    reader.read_exact(&mut body[begin..]).ok()?;
    body.truncate(begin + size);
    Some(size)
}
