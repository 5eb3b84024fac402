//! The way out of one command: what is let through, where its listeners are, what its environment says.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Instant;

use super::allow::AllowList;
use super::outside::{Internet, Outside};
use super::upstream::Upstream;
use crate::plan::Destination;

/// Where a step finds the proxy: above the ports that the kernel gives out, so that no server of a step's own that
/// asks for any port gets this one.
const PROXY_PORT: u16 = 61_080;

/// Where it finds the model.
const MODEL_PORT: u16 = 61_079;

/// The way out of one command.
#[derive(Debug, Clone)]
pub struct Gate {
    pub(super) list: AllowList,
    pub(super) proxy: Option<SocketAddr>,
    pub(super) model: Option<(SocketAddr, Upstream)>,
    /// The proxy's listener, where the command shares the runner's loopback.
    pub(super) own: Option<Arc<TcpListener>>,
    pub(super) outside: Arc<dyn Outside>,
    /// When the command is ended.
    pub(super) until: Option<Instant>,
}

impl Gate {
    /// Makes a gate through which nothing goes.
    pub fn closed() -> Self {
        Self {
            list: AllowList::default(),
            proxy: None,
            model: None,
            own: None,
            outside: Arc::new(Internet),
            until: None,
        }
    }

    /// Lets the hosts of an allow list through.
    #[must_use]
    pub fn allow(self, hosts: &[Destination]) -> Self {
        let list = AllowList::new(hosts);
        let proxy = Some(free(&list, PROXY_PORT..=u16::MAX));
        Self { list, proxy, ..self }
    }

    /// Lets whatever is public through, beside the hosts of the list: for a command that is to tell what it needs. After
    /// [`Gate::allow`].
    #[must_use]
    pub fn open(self) -> Self {
        Self { list: self.list.opened(), ..self }
    }

    /// Lets requests to a model through. After [`Gate::allow`], if both are wanted.
    #[must_use]
    pub fn model(self, upstream: Upstream) -> Self {
        let place = free(&self.list, (1..=MODEL_PORT).rev());
        Self { model: Some((place, upstream)), ..self }
    }

    /// Serves a command that shares the runner's loopback: the proxy listens there, at a port of the kernel's choice,
    /// and there is no need of anything else. Everybody on this host can use it, so there is no model behind it.
    pub fn shared(self) -> io::Result<Self> {
        if self.proxy.is_none() {
            return Ok(Self { model: None, ..self });
        }
        let own = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let proxy = Some(own.local_addr()?);
        Ok(Self { proxy, model: None, own: Some(Arc::new(own)), ..self })
    }

    /// Returns the TCP ports that a command which shares the runner's loopback has to be let connect to.
    pub fn ports(&self) -> Vec<u16> {
        let own = self.own.iter().filter_map(|_| self.proxy);
        let entries = self.list.loopback().into_iter().map(|(place, _)| place);
        if self.own.is_none() { Vec::new() } else { own.chain(entries).map(|place| place.port()).collect() }
    }

    /// Says when the command is ended: where the model asks for a longer wait, nothing is asked of it any more.
    #[must_use]
    pub fn until(self, end: Instant) -> Self {
        Self { until: Some(end), ..self }
    }

    /// Leads elsewhere than to the internet.
    #[must_use]
    pub fn through(self, outside: Arc<dyn Outside>) -> Self {
        Self { outside, ..self }
    }

    /// Returns the base URL under which the command finds the model.
    pub fn model_url(&self) -> Option<String> {
        self.model.as_ref().map(|(place, upstream)| {
            format!("http://{place}{}", upstream.dialect.prefix().trim_end_matches('/'))
        })
    }

    /// Returns where on the command's loopback there have to be listeners, in the order that [`Gate::serve`] takes
    /// them: the proxy, each entry on the host's loopback at its own address, the model.
    pub fn listen(&self) -> Vec<SocketAddr> {
        if self.own.is_some() {
            return Vec::new();
        }
        let forwards = self.list.loopback().into_iter().map(|(place, _)| place);
        let model = self.model.as_ref().map(|(place, _)| *place);
        self.proxy.into_iter().chain(forwards).chain(model).collect()
    }

    /// Returns what the command's environment has to say for its programs to find the proxy, beside what it says already.
    pub fn env(&self, own: &[(String, String)]) -> Vec<(String, String)> {
        const PROXY: [&str; 11] = [
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
            "CARGO_HTTP_PROXY",
            "npm_config_proxy",
            "npm_config_https_proxy",
            "YARN_HTTP_PROXY",
            "YARN_HTTPS_PROXY",
        ];
        let Some(place) = self.proxy else { return Vec::new() };
        let proxy = format!("http://{place}");
        let local = "localhost,127.0.0.1,::1";
        let proxies = PROXY.map(|name| (name, &*proxy));
        let rest = [("NO_PROXY", local), ("no_proxy", local), ("NODE_USE_ENV_PROXY", "1")];
        let plain = proxies.into_iter().chain(rest).map(|(name, value)| (name.to_owned(), value.to_owned()));
        plain.chain(OF_JAVA.map(|name| (name.to_owned(), for_java(name, place, own)))).collect()
    }
}

/// Where build tools of Java take options of their virtual machine from: it heeds no variable of a proxy.
const OF_JAVA: [&str; 3] = ["GRADLE_OPTS", "MAVEN_OPTS", "SBT_OPTS"];

/// Adds the proxy to the options that a variable has. Ours come first: who names a proxy of his own means it.
fn for_java(name: &str, place: SocketAddr, own: &[(String, String)]) -> String {
    let (ip, port) = (place.ip(), place.port());
    let mut options: Vec<String> = ["http", "https"]
        .iter()
        .flat_map(|scheme| [format!("-D{scheme}.proxyHost={ip}"), format!("-D{scheme}.proxyPort={port}")])
        .collect();
    // Maven from 3.9 on looks at them where it is told to.
    options.push("-Daether.connector.http.useSystemProperties=true".to_owned());
    options.extend(own.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()));
    options.join(" ")
}

/// Returns the first place on the loopback that no entry of the list takes.
fn free(list: &AllowList, mut ports: impl Iterator<Item = u16>) -> SocketAddr {
    let taken = list.loopback();
    let is_free = |port: &u16| !taken.iter().any(|(place, _)| place.port() == *port);
    // There are more ports than entries of any list.
    SocketAddr::from((Ipv4Addr::LOCALHOST, ports.find(is_free).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_of_java_find_the_proxy_beside_the_options_that_a_step_has() {
        let gate = Gate::closed().allow(&[]);
        let own = [("MAVEN_OPTS".to_owned(), "-Xmx2g".to_owned())];
        let env = gate.env(&own);
        let value = |name: &str| &env.iter().find(|(own, _)| own == name).unwrap().1;
        let options = "-Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=61080 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=61080 \
                       -Daether.connector.http.useSystemProperties=true";
        assert_eq!(value("MAVEN_OPTS"), &format!("{options} -Xmx2g"));
        assert_eq!(value("GRADLE_OPTS"), options);
        assert_eq!(Gate::closed().env(&own), []);
    }
}
