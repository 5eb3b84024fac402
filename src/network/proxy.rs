//! The allow-listing HTTP proxy: CONNECT for tunnels, absolute-form requests for plain HTTP.
//!
//! hyper parses and frames on both sides, so that what arrives is never what is passed on byte for byte: nothing can
//! be smuggled from one reading of a request to another.

use std::io;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode, Uri, client};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::allow::AllowList;
use super::counted::Counted;
use super::http::{self, Body, strip};
use super::outside::{self, Outside};
use super::tally::{Tally, Verdict};
use super::tunnel::{self, Inside};
use crate::plan::{Destination, Network};

/// Longest host of a request that is told of.
const LONGEST_NAME: usize = 253;

/// The place that one connection takes; the last clone gives it back.
pub(super) type Slot = Arc<OwnedSemaphorePermit>;

/// What the proxy decides by, and where it writes that down.
#[derive(Debug, Clone)]
pub(super) struct Door {
    list: Arc<AllowList>,
    outside: Arc<dyn Outside>,
    tally: Tally,
}

impl Door {
    pub(super) fn new(list: AllowList, outside: Arc<dyn Outside>, tally: Tally) -> Self {
        Self { list: Arc::new(list), outside, tally }
    }

    /// Serves one connection of a client that takes this for its proxy.
    pub(super) async fn serve(self, client: TcpStream, slot: Slot) -> io::Result<()> {
        let answer = move |request| self.clone().answer(request, Arc::clone(&slot));
        http::serve(client, answer).await.map_err(io::Error::other)
    }

    /// Passes a connection on to an entry of the list.
    pub(super) async fn forward(self, client: TcpStream, entry: &Destination) -> io::Result<()> {
        match outside::connect(&*self.outside, &self.list, entry).await {
            Ok(upstream) => {
                let counts = self.tally.note(entry, Verdict::Allowed);
                tunnel::carry(client, Vec::new(), upstream, counts).await
            }
            Err(verdict) => {
                self.tally.note(entry, verdict);
                Ok(())
            }
        }
    }

    async fn answer(self, request: Request<Incoming>, slot: Slot) -> Response<Body> {
        let answered = match *request.method() {
            Method::CONNECT => self.tunnel(request, slot).await,
            _ => self.pass_on(request).await,
        };
        answered.unwrap_or_else(Refusal::into_response)
    }

    /// Answers CONNECT.
    async fn tunnel(self, mut request: Request<Incoming>, slot: Slot) -> Result<Response<Body>, Refusal> {
        let target = request.uri().authority().filter(|authority| authority.port().is_some());
        let target = target.ok_or_else(|| Refusal::request("CONNECT takes HOST:PORT"))?;
        let target = destination(target.as_str())?;
        let upstream = self.connect(&target).await?;
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            if let Err(error) = self.carry(upgrade, upstream, target).await {
                tracing::debug!(%error, "a tunnel ended early");
            }
            drop(slot);
        });
        Ok(http::empty())
    }

    /// Carries a tunnel, if what is in it is for the host it leads to.
    async fn carry(self, upgrade: OnUpgrade, upstream: TcpStream, target: Destination) -> io::Result<()> {
        let upgraded = upgrade.await.map_err(io::Error::other)?;
        let parts = upgraded
            .downcast::<TokioIo<TcpStream>>()
            .map_err(|_| io::Error::other("a tunnel over something else than TCP"))?;
        let (mut client, mut early) = (parts.io.into_inner(), parts.read_buf.to_vec());
        match tunnel::look(&mut client, &mut early, &target).await {
            Inside::Fits => {
                let counts = self.tally.note(&target, Verdict::Allowed);
                tunnel::carry(client, early, upstream, counts).await
            }
            Inside::NoTls => {
                drop(upstream);
                self.carry_http(client, early, target).await
            }
            Inside::Wrong(why) => {
                self.tally.note(&target, Verdict::Refused { why, allow: None });
                Ok(())
            }
        }
    }

    /// Serves a tunnel that carries plain HTTP: every request has to be for its host.
    async fn carry_http(self, client: TcpStream, early: Vec<u8>, target: Destination) -> io::Result<()> {
        let (from_client, to_client) = client.into_split();
        let client = tokio::io::join(io::Cursor::new(early).chain(from_client), to_client);
        let answer = |request| {
            let (door, target) = (self.clone(), target.clone());
            async move { door.answer_within(&target, request).await.unwrap_or_else(Refusal::into_response) }
        };
        match http::serve(client, answer).await {
            Err(error) if error.is_parse() => {
                let why = "the tunnel carried neither TLS nor HTTP".to_owned();
                self.tally.note(&target, Verdict::Refused { why, allow: None });
                Ok(())
            }
            served => served.map_err(io::Error::other),
        }
    }

    async fn answer_within(
        &self,
        target: &Destination,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Refusal> {
        let host = request.headers().get(header::HOST).cloned();
        let named = host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default();
        if !tunnel::is_for(named, target) || request.uri().authority().is_some() {
            let named: String = named.chars().take(LONGEST_NAME).collect();
            let why = format!("the tunnel asked for {named:?} over HTTP");
            let verdict = Verdict::Refused { why, allow: None };
            self.tally.note(target, verdict.clone());
            return Err(Refusal::of(target, &verdict));
        }
        self.exchange(target, request, host.ok_or_else(|| Refusal::request("no host"))?).await
    }

    /// Answers a request for plain HTTP.
    async fn pass_on(self, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let (target, host) = origin(request.uri())?;
        self.exchange(&target, request, host).await
    }

    /// Sends a request to a host of the list, and returns its answer as it comes.
    async fn exchange(
        &self,
        target: &Destination,
        request: Request<Incoming>,
        host: HeaderValue,
    ) -> Result<Response<Body>, Refusal> {
        let upstream = self.connect(target).await?;
        let counts = self.tally.note(target, Verdict::Allowed);
        let io = TokioIo::new(Counted::new(upstream, counts));
        let (mut sender, connection) =
            client::conn::http1::handshake(io).await.map_err(|error| Refusal::upstream(target, &error))?;
        tokio::spawn(connection);
        let request = outbound(request, host)?;
        let response =
            sender.send_request(request).await.map_err(|error| Refusal::upstream(target, &error))?;
        let (mut head, body) = response.into_parts();
        strip(&mut head.headers);
        Ok(Response::from_parts(head, body.boxed()))
    }

    async fn connect(&self, target: &Destination) -> Result<TcpStream, Refusal> {
        match outside::connect(&*self.outside, &self.list, target).await {
            Ok(upstream) => Ok(upstream),
            Err(verdict) => {
                self.tally.note(target, verdict.clone());
                Err(Refusal::of(target, &verdict))
            }
        }
    }
}

/// Returns where a request in absolute form goes, and its Host header: the URI's, whatever the client's own says.
fn origin(uri: &Uri) -> Result<(Destination, HeaderValue), Refusal> {
    let authority = match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(authority)) => authority,
        (Some(_), Some(_)) => {
            return Err(Refusal::request("only http:// is passed on; https:// takes CONNECT"));
        }
        _ => {
            return Err(Refusal::request(
                "this is the way out of a step of autopilot: an HTTP proxy, no server",
            ));
        }
    };
    let target = match authority.port() {
        Some(_) => destination(authority.as_str())?,
        None => destination(&format!("{}:80", authority.as_str()))?,
    };
    let host = HeaderValue::from_str(authority.as_str())
        .map_err(|_| Refusal::request("the host is no valid header"))?;
    Ok((target, host))
}

/// Reads a host and port as a client names them; a wildcard is no host.
fn destination(text: &str) -> Result<Destination, Refusal> {
    let target: Result<Destination, _> = text.parse();
    target.ok().filter(|target| !target.host.contains('*')).ok_or_else(|| Refusal::request("not a host"))
}

/// Makes the request that goes out.
fn outbound(request: Request<Incoming>, host: HeaderValue) -> Result<Request<Incoming>, Refusal> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse().map_err(|_| Refusal::request("not a path"))?;
    head.version = hyper::Version::HTTP_11;
    strip(&mut head.headers);
    head.headers.remove(header::EXPECT);
    head.headers.insert(header::HOST, host);
    Ok(Request::from_parts(head, body))
}

/// Why a request is not passed on, as the client gets to see it.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    fn request(text: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, text: text.to_owned() }
    }

    fn of(target: &Destination, verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Refused { why, allow: Some(allow) } => Self {
                status: StatusCode::FORBIDDEN,
                text: format!("{target}: {why}; to allow it: {}", Network::allowing([allow])),
            },
            Verdict::Refused { why, allow: None } => {
                Self { status: StatusCode::FORBIDDEN, text: format!("{target}: {why}") }
            }
            Verdict::Failed { why } => {
                Self { status: StatusCode::BAD_GATEWAY, text: format!("{target}: {why}") }
            }
            Verdict::Allowed => Self { status: StatusCode::BAD_GATEWAY, text: target.to_string() },
        }
    }

    fn upstream(target: &Destination, error: &hyper::Error) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, text: format!("{target}: {error}") }
    }

    fn into_response(self) -> Response<Body> {
        http::answer(self.status, format!("autopilot: {}\n", self.text))
    }
}
