//! The thread that serves one command: a runtime of its own, so that neither a busy tunnel keeps the runner from
//! watching over the command, nor a busy log the tunnels from flowing.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};
use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot, watch};

use super::exchange::{Course, Exchange};
use super::gate::Gate;
use super::model::Endpoint;
use super::proxy::{self, Slot};
use super::tally::{Decision, Tally};
use super::usage::{Meter, Usage};
use crate::plan::Destination;

/// Connections served at once: what is over it waits in the listener's queue.
const MOST: u64 = 512;
/// Descriptors left to the rest of the runner.
const RESERVED: u64 = 256;
/// Bytes on their way to the step on its own loopback. The kernel would let them grow to megabytes, which fall out of
/// the processor's caches before they are read.
const ON_THE_WAY: usize = 512 << 10;
/// After an accept that failed, such as for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// A gate that is being served. Dropping it ends all its connections.
#[derive(Debug)]
pub struct Serving {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    tally: Tally,
    meter: Arc<Meter>,
    course: Arc<Course>,
}

/// What went through a gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// What was decided about connections, as far as [`Serving::news`] did not tell it.
    pub decisions: Vec<Decision>,
    /// What was asked of the model.
    pub model: Usage,
    /// How the last exchange with it went.
    pub last: Option<Exchange>,
}

/// What a listener is for.
#[derive(Debug, Clone)]
enum Role {
    Proxy(proxy::Door),
    Forward(proxy::Door, Destination),
    Model(Endpoint),
}

impl Serving {
    /// Ends all connections, and returns what was not told before of what went over them.
    pub fn end(mut self) -> Traffic {
        self.stop();
        let (decisions, model, last) = (self.tally.news(true), self.meter.usage(), self.course.last());
        let traffic = Traffic { decisions, model, last };
        tracing::debug!(
            destinations = traffic.decisions.len(),
            tokens = traffic.model.tokens(),
            "a way out is closed"
        );
        traffic
    }

    /// Returns what was decided and what ended since it was last asked.
    pub fn news(&self) -> Vec<Decision> {
        self.tally.news(false)
    }

    /// Returns what hears of each exchange with the model.
    pub fn exchanges(&self) -> watch::Receiver<Option<Exchange>> {
        self.course.listen()
    }

    /// Returns for how long nothing has come of what the model is asked, if it is asked anything.
    pub fn silent_for(&self) -> Option<Duration> {
        self.course.silent_for()
    }

    /// Returns what was asked of the model so far.
    pub fn usage(&self) -> Usage {
        self.meter.usage()
    }

    fn stop(&mut self) {
        // A thread that ended by itself does not listen.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!(?panic, "the thread that served the network panicked");
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Gate {
    /// Serves the listeners until the answer is ended or dropped.
    pub fn serve(&self, listeners: Vec<TcpListener>) -> io::Result<Serving> {
        match &self.own {
            Some(own) => start(self, vec![own.try_clone()?]),
            None => start(self, listeners),
        }
    }
}

/// Starts the thread. The listeners are in the order of [`Gate::listen`].
fn start(gate: &Gate, listeners: Vec<TcpListener>) -> io::Result<Serving> {
    let tally = Tally::default();
    let door = proxy::Door::new(gate.list.clone(), Arc::clone(&gate.outside), tally.clone());
    let forwards =
        gate.list.loopback().into_iter().map(|(_, entry)| Role::Forward(door.clone(), entry.clone()));
    // Who shares the loopback finds them there already.
    let forwards = forwards.filter(|_| gate.own.is_none());
    let proxy = gate.proxy.map(|_| Role::Proxy(door.clone()));
    let (meter, course) = (Arc::new(Meter::default()), Arc::new(Course::until(gate.until)));
    let counters = (Arc::clone(&meter), Arc::clone(&course));
    let model = gate.model.clone().map(|(_, upstream)| {
        Role::Model(Endpoint::new(upstream, Arc::clone(&gate.outside), tally.clone(), counters))
    });
    let roles: Vec<Role> = proxy.into_iter().chain(forwards).chain(model).collect();
    tracing::debug!(proxy = ?gate.proxy, model = ?gate.model_url(), doors = roles.len(), "a command's way out");
    if roles.len() != listeners.len() {
        return Err(io::Error::other(format!("{} listeners for {} roles", listeners.len(), roles.len())));
    }
    if listeners.is_empty() {
        return Ok(Serving { stop: None, thread: None, tally, meter, course });
    }
    for listener in &listeners {
        listener.set_nonblocking(true)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = oneshot::channel();
    let work = move || {
        runtime.block_on(async {
            let slots = Arc::new(Semaphore::new(most()));
            for (listener, role) in listeners.into_iter().zip(roles) {
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => drop(tokio::spawn(accept(listener, role, Arc::clone(&slots)))),
                    Err(error) => tracing::error!(%error, "a listener is not served"),
                }
            }
            // A sender that is dropped says the same as one that sends.
            drop(stopped.await);
        });
        // A name that is being resolved must not hold the step up.
        runtime.shutdown_background();
    };
    let thread = std::thread::Builder::new().name("network".into()).spawn(work)?;
    Ok(Serving { stop: Some(stop), thread: Some(thread), tally, meter, course })
}

/// Returns how many connections this process can serve: each takes two descriptors, and two pipes.
fn most() -> usize {
    let descriptors = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    usize::try_from((descriptors.saturating_sub(RESERVED) / 6).clamp(16, MOST)).unwrap_or(16)
}

async fn accept(listener: tokio::net::TcpListener, role: Role, slots: Arc<Semaphore>) {
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((client, _)) => drop(tokio::spawn(handle(client, role.clone(), Arc::new(slot)))),
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn handle(client: TcpStream, role: Role, slot: Slot) {
    // Only a matter of speed, both.
    let _ = client.set_nodelay(true);
    let _ = set_socket_send_buffer_size(&client, ON_THE_WAY);
    let served = match role {
        Role::Proxy(door) => door.serve(client, slot).await,
        Role::Forward(door, entry) => door.forward(client, &entry).await,
        Role::Model(endpoint) => endpoint.serve(client).await,
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the step ended early");
    }
}
