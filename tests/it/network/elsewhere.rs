//! An outside that lies: names resolve to what the test says, addresses lead to servers of the test's own.
//!
//! It is passed to a gate in the test's own process. What is released has no way to be told such things.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use autopilot::network::{Answer, Gate, Outside, Serving};
use tokio::net::TcpStream;

#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// Answers for a name; the last one stays.
    names: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    routes: Mutex<HashMap<SocketAddr, SocketAddr>>,
    asked: Mutex<Vec<String>>,
    dialled: Mutex<Vec<SocketAddr>>,
}

impl Elsewhere {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Adds an answer for a name: once each, in order, and the last one for ever.
    pub(super) fn answers(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.names.lock().unwrap().entry(name.to_owned()).or_default().push(addresses);
    }

    /// Makes an address lead to a server.
    pub(super) fn leads(&self, address: &str, to: SocketAddr) {
        self.routes.lock().unwrap().insert(address.parse().unwrap(), to);
    }

    /// A host of the public internet on a port, which is really that server.
    pub(super) fn host(&self, name: &str, port: u16, server: SocketAddr) {
        self.answers(name, &["9.9.9.9"]);
        self.leads(&format!("9.9.9.9:{port}"), server);
    }

    /// Names that were asked for.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Addresses that were connected to.
    pub(super) fn dialled(&self) -> Vec<String> {
        self.dialled.lock().unwrap().iter().map(ToString::to_string).collect()
    }

    /// Serves a proxy with this allow list on a listener of the test's own, where a step's would be in its namespace.
    pub(super) fn proxy(self: &Arc<Self>, allow: &[&str]) -> Proxy {
        let allow: Vec<_> = allow.iter().map(|entry| entry.parse().unwrap()).collect();
        let outside: Arc<dyn Outside> = Arc::<Self>::clone(self);
        let gate = Gate::closed().allow(&allow).through(outside);
        let listeners: Vec<TcpListener> =
            gate.listen().iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let address = listeners[0].local_addr().unwrap();
        Proxy { address, serving: gate.serve(listeners).unwrap() }
    }
}

/// A proxy that is being served.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    pub(super) serving: Serving,
}

impl Outside for Elsewhere {
    fn look_up(&self, name: &str) -> Answer<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.to_owned());
        let mut names = self.names.lock().unwrap();
        let found = match names.get_mut(name) {
            Some(answers) if answers.len() > 1 => Ok(answers.remove(0)),
            Some(answers) => Ok(answers[0].clone()),
            None => Err(io::Error::other("no such name")),
        };
        Box::pin(std::future::ready(found))
    }

    fn connect(&self, address: SocketAddr) -> Answer<TcpStream> {
        self.dialled.lock().unwrap().push(address);
        match self.routes.lock().unwrap().get(&address).copied() {
            Some(server) => Box::pin(TcpStream::connect(server)),
            None => Box::pin(std::future::ready(Err(io::Error::other("no route")))),
        }
    }
}
