//! A download of 1 GiB out of a step, beside the same one directly over the host's loopback, in one run. Prints ratios:
//! absolute figures are the machine's. `cargo bench --bench network`; needs curl.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot measure fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

const SIZE: usize = 1 << 30;
const ROUNDS: usize = 5;

/// What is measured, and the curl of it.
const WAYS: [(&str, bool, &[&str]); 4] = [
    ("directly", false, &[]),
    ("through a tunnel of the proxy", true, &["--noproxy", "", "--proxytunnel"]),
    ("through the proxy as plain HTTP", true, &["--noproxy", ""]),
    ("through an entry on the loopback", true, &[]),
];

fn main() {
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let address = serve();
    let mut rates = vec![Vec::new(); WAYS.len()];
    // Side by side, round by round: the machine's mood is the same for all.
    for _ in 0..ROUNDS {
        for ((_, confined, arguments), rates) in WAYS.iter().zip(&mut rates) {
            rates.push(download(address, *confined, arguments));
        }
    }
    let medians: Vec<f64> = rates.into_iter().map(median).collect();
    for ((name, ..), rate) in WAYS.iter().zip(&medians) {
        println!("{name:<36} {:>6.0} MB/s  {:.2} of direct", rate / 1e6, rate / medians[0]);
    }
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// Returns bytes per second, as curl saw them.
fn download(address: SocketAddr, confined: bool, arguments: &[&str]) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let mut command = if confined {
        let mut command = Command::new(env!("CARGO_BIN_EXE_autopilot"));
        command.args(["sandbox", "--network", &address.to_string(), "--", "curl"]);
        command
    } else {
        Command::new("curl")
    };
    command.args(["-sS", "-o", "/dev/null", "-w", "%{size_download} %{speed_download}"]).args(arguments);
    let output = command.arg(format!("http://{address}/")).current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (size, rate) = text.trim().split_once(' ').unwrap_or_else(|| {
        panic!("{arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr));
    });
    assert_eq!(size, SIZE.to_string(), "{arguments:?}");
    rate.parse().unwrap()
}

/// Serves zeros.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap());
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let chunk = vec![0; 1 << 20];
    // One read holds curl's whole request.
    let _ = stream.read(&mut [0; 4096]).unwrap();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\nConnection: close\r\n\r\n").unwrap();
    for _ in 0..SIZE / chunk.len() {
        stream.write_all(&chunk).unwrap();
    }
}
