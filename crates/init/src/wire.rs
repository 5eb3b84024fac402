//! What runner and confined side say to each other: JSON messages on a SOCK_SEQPACKET pair, descriptors
//! beside the first one.
//!
//! Setting and launch themselves travel in memory files, because an environment and a prompt may be larger than a
//! socket takes in one piece.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::MemfdFlags;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::meter::Meter;
use crate::outcome::{Ended, Enforced, SandboxError};
use crate::spec::{Launch, Setting};

/// Largest message but for the launch, in bytes; an error's text is cut long before.
const LARGEST: usize = 64 << 10;

/// What the runner says once the command is launched.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// SIGTERM to the whole tree, SIGKILL after so many milliseconds.
    Terminate(u64),
    /// SIGKILL to the whole tree.
    Kill,
}

/// What the confined side says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// Ready for a launch: in its namespaces, and in a root of its own that holds what the setting tells.
    Staged,
    /// What it does, in lines for the log; may come before any other.
    Told(String),
    /// Confined; the command runs, or is about to be reported as not found.
    Ready(Enforced),
    /// Could not be confined; nothing of the command ran.
    Failed(SandboxError),
    /// The command and its tree are gone.
    Ended(Ended),
}

/// Makes the two ends: the runner's, which does not block, and the confined side's.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    let flags = rustix::fs::fcntl_getfl(&ours)?;
    rustix::fs::fcntl_setfl(&ours, flags | rustix::fs::OFlags::NONBLOCK)?;
    Ok((ours, theirs))
}

/// Sends the setting.
pub fn send_setting(socket: impl AsFd, setting: &Setting) -> io::Result<()> {
    send_file(socket, setting, &[])
}

/// Receives the setting.
pub fn receive_setting(socket: impl AsFd) -> io::Result<Setting> {
    Ok(receive_file(socket)?.0)
}

/// A launch as it arrives.
pub struct Launched {
    /// What is to be launched.
    pub launch: Launch,
    /// The command's standard streams.
    pub streams: [OwnedFd; 3],
    /// Of its control group, if it has one.
    pub meter: Option<Meter>,
}

/// Sends the launch, with the command's standard streams and what tells of its control group.
pub fn send_launch(
    socket: impl AsFd,
    launch: &Launch,
    streams: [BorrowedFd<'_>; 3],
    meter: Option<&Meter>,
) -> io::Result<()> {
    let beside: Vec<BorrowedFd<'_>> = streams.into_iter().chain(meter.map(AsFd::as_fd)).collect();
    send_file(socket, launch, &beside)
}

/// Receives the launch, and what comes with it.
pub fn receive_launch(socket: impl AsFd) -> io::Result<Launched> {
    let (launch, mut beside) = receive_file(socket)?;
    let meter = (beside.len() > 3).then(|| beside.pop()).flatten().map(Meter::from);
    let streams = beside.try_into().map_err(|_| io::Error::other("a launch without its streams"))?;
    Ok(Launched { launch, streams, meter })
}

fn send_file(socket: impl AsFd, content: &impl Serialize, beside: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut file = File::from(rustix::fs::memfd_create("autopilot-launch", MemfdFlags::CLOEXEC)?);
    file.write_all(&serde_json::to_vec(content)?)?;
    let fds: Vec<BorrowedFd<'_>> = [file.as_fd()].into_iter().chain(beside.iter().copied()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(5))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&fds));
    rustix::net::sendmsg(socket, &[IoSlice::new(b"launch")], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Returns what the file holds, and the descriptors beside it.
fn receive_file<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<(T, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(5))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut word = [0_u8; 16];
    rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut word)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut fds = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => fds.collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    let mut file = File::from(fds.next().ok_or_else(|| io::Error::other("a launch without its file"))?);
    let mut text = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut text)?;
    Ok((serde_json::from_slice(&text)?, fds.collect()))
}

/// Sends one message.
pub fn send(socket: impl AsFd, message: &impl Serialize) -> io::Result<()> {
    rustix::net::send(socket, &serde_json::to_vec(message)?, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Sends lines for the log, if there is room for them now.
pub fn tell(socket: impl AsFd, lines: &str) -> io::Result<()> {
    let text = serde_json::to_vec(&Report::Told(lines.to_owned()))?;
    rustix::net::send(socket, &text, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?;
    Ok(())
}

/// Most listeners of one command.
pub const LISTENERS: usize = 64;

/// Most descriptors beside the first message: the listeners, and whom to wait for.
const BESIDE: usize = LISTENERS + 1;

/// Sends the first message, with descriptors for the runner.
pub fn send_with(socket: impl AsFd, message: &impl Serialize, beside: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BESIDE))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(beside)) {
        return Err(io::Error::other(format!("more than {LISTENERS} listeners")));
    }
    let text = serde_json::to_vec(message)?;
    rustix::net::sendmsg(socket, &[IoSlice::new(&text)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives the first message and the descriptors beside it; `None` when the other side is gone.
pub fn receive_with<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut buffer = vec![0_u8; LARGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BESIDE))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let length = rustix::net::recvmsg(socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?.bytes;
    let beside = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => fds.collect::<Vec<_>>(),
        _ => Vec::new(),
    });
    let beside = beside.collect();
    if length == 0 {
        return Ok(None);
    }
    Ok(Some((serde_json::from_slice(&buffer[..length])?, beside)))
}

/// Receives one message; `None` when the other side is gone.
pub fn receive<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<T>> {
    let mut buffer = vec![0_u8; LARGEST];
    let mut receive = || rustix::net::recv(&socket, &mut buffer[..], RecvFlags::empty());
    let (length, _) = match receive() {
        // It went before it had read everything; what it said last is still there.
        Err(rustix::io::Errno::CONNRESET) => receive()?,
        result => result?,
    };
    if length == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&buffer[..length])?))
}
