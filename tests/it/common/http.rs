//! Repositories over loopback HTTP: `git http-backend` behind a password, one request a connection.

use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::request::Request;

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
    let request = Request::read(&mut reader)?;
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let mut backend = Command::new("git");
    backend.arg("http-backend").env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    backend.envs([("GIT_HTTP_EXPORT_ALL", "1"), ("GIT_CONFIG_NOSYSTEM", "1"), ("REMOTE_USER", "user")]);
    // The repositories belong to whoever runs the tests, and git does not look for a config of theirs.
    backend.env("GIT_PROJECT_ROOT", root).env("HOME", root);
    backend.env("REQUEST_METHOD", &request.method).env("PATH_INFO", path).env("QUERY_STRING", query);
    for (name, variable) in [
        ("content-type", "CONTENT_TYPE"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ] {
        backend.envs(request.header(name).map(|value| (variable, value)));
    }
    if request.header("authorization") != Some(AUTHORIZATION) {
        let no = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return writer.write_all(no.as_bytes()).ok();
    }
    backend
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = backend.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&request.body).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    // CGI names a status only if it is not 200.
    let head = String::from_utf8_lossy(&output[..output.len().min(100)]).into_owned();
    let status =
        head.strip_prefix("Status: ").and_then(|rest| rest.lines().next()).unwrap_or("200 OK").to_owned();
    writer.write_all(format!("HTTP/1.1 {status}\r\nConnection: close\r\n").as_bytes()).ok()?;
    writer.write_all(&output).ok()
}
