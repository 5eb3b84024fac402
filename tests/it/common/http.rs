//! Repositories over loopback HTTP: `git http-backend` behind a password, one request a connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `user:word`, as Basic authentication writes it.
const AUTHORIZATION: &str = "Basic dXNlcjp3b3Jk";

/// Serves the repositories below a folder; returns the address of the folder.
pub(crate) fn serve(root: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let root = root.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let root = root.clone();
            std::thread::spawn(move || answer(&root, stream.unwrap()));
        }
    });
    format!("http://{address}")
}

fn answer(root: &PathBuf, stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut backend = Command::new("git");
    backend.arg("http-backend").env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    backend.envs([("GIT_HTTP_EXPORT_ALL", "1"), ("GIT_CONFIG_NOSYSTEM", "1"), ("REMOTE_USER", "user")]);
    // The repositories belong to whoever runs the tests, and git does not look for a config of theirs.
    backend.env("GIT_PROJECT_ROOT", root).env("HOME", root);
    backend.env("REQUEST_METHOD", method).env("PATH_INFO", path).env("QUERY_STRING", query);
    let (mut length, mut chunked, mut authorized) = (0, false, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.split_once(':') else { break };
        let value = value.trim();
        match &*name.to_lowercase() {
            "content-length" => length = value.parse().unwrap(),
            "transfer-encoding" => chunked = true,
            "authorization" => authorized = value == AUTHORIZATION,
            "content-type" => drop(backend.env("CONTENT_TYPE", value)),
            "content-encoding" => drop(backend.env("HTTP_CONTENT_ENCODING", value)),
            "git-protocol" => drop(backend.env("GIT_PROTOCOL", value)),
            _ => {}
        }
    }
    assert!(!chunked, "a push of a test fits into one request");
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if !authorized {
        let no = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return writer.write_all(no.as_bytes()).ok();
    }
    backend.env("CONTENT_LENGTH", length.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = backend.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&body).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    // CGI names a status only if it is not 200.
    let head = String::from_utf8_lossy(&output[..output.len().min(100)]).into_owned();
    let status =
        head.strip_prefix("Status: ").and_then(|rest| rest.lines().next()).unwrap_or("200 OK").to_owned();
    writer.write_all(format!("HTTP/1.1 {status}\r\nConnection: close\r\n").as_bytes()).ok()?;
    writer.write_all(&output).ok()
}
