//! The model endpoint: takes a step's requests on its own loopback, adds the key, and passes on those to the model and
//! nothing else; or those for one page of another server, if that is what a step's program needs a key for. The key is
//! in this process alone.

use std::io;
use std::sync::Arc;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request;
use hyper::{Method, Request, Response, StatusCode, client};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, pki_types::ServerName};

use super::counted::Counted;
use super::dialect::Dialect;
use super::http::{self, Body, strip};
use super::judge::{self, Objection};
use super::outside::{self, Outside};
use super::tally::{Tally, Verdict};
use super::upstream::Upstream;
use super::usage::{Bill, Meter, Metered, Usage};

/// Largest request: a long conversation with a few pictures in it.
const LARGEST: usize = 32 << 20;
/// Requests in memory at once, until the server has begun to answer; others wait. A step must not fill the runner's.
const IN_MEMORY: usize = 4;
/// Most requests under way where tokens are limited: what each will cost is not known before it is over.
const BESIDE: usize = 2;

/// Why a request is not passed on, or not answered.
type Refused = (StatusCode, String);

/// Serves the model to one command.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    upstream: Arc<Upstream>,
    outside: Arc<dyn Outside>,
    tally: Tally,
    meter: Arc<Meter>,
    memory: Arc<Semaphore>,
}

impl Endpoint {
    pub(super) fn new(
        upstream: Upstream,
        outside: Arc<dyn Outside>,
        tally: Tally,
        meter: Arc<Meter>,
    ) -> Self {
        let memory = Arc::new(Semaphore::new(IN_MEMORY));
        Self { upstream: Arc::new(upstream), outside, tally, meter, memory }
    }

    /// Serves one connection.
    pub(super) async fn serve(self, client: TcpStream) -> io::Result<()> {
        http::serve(client, move |request| self.clone().answer(request)).await.map_err(io::Error::other)
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        let Upstream { dialect, only, .. } = &*self.upstream;
        let path = request.uri().path().strip_prefix(dialect.prefix());
        let only = only.as_deref();
        let answered = match (request.method(), path) {
            (&Method::POST, Some(path)) if only.is_none() && path == dialect.ask() => self.ask(request).await,
            (&Method::GET, Some(path)) if Some(path) == only.or(dialect.look()) => {
                self.pass_on(request.into_parts().0, Bytes::new(), None).await
            }
            _ => Err((StatusCode::NOT_FOUND, passed_on(*dialect, only))),
        };
        answered.unwrap_or_else(|(status, why)| refusal(status, &why))
    }

    /// Asks the model itself, if nothing forbids it.
    async fn ask(&self, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
        let _held = self.memory.acquire().await;
        let (head, body) = request.into_parts();
        let body = read(body).await?;
        let shape = self.upstream.dialect.request();
        judge::judge(&body, shape, &|id| self.meter.gave(id)).map_err(|objection| {
            let status = match objection {
                Objection::Forbidden(_) => StatusCode::FORBIDDEN,
                Objection::Unreadable(_) => StatusCode::BAD_REQUEST,
            };
            (status, objection.to_string())
        })?;
        let bill = self.meter.open(body.len() as u64, |used, under_way| self.forbids(used, under_way))?;
        self.pass_on(head, body, Some(bill)).await
    }

    /// Says why no further request is passed on, if none is.
    fn forbids(&self, used: &Usage, under_way: usize) -> Option<Refused> {
        let never = |why: String| {
            self.meter.refuse();
            Some((StatusCode::FORBIDDEN, why))
        };
        // What the others cost may leave room for it: whoever asks can wait for that.
        let later = |why: String| Some((StatusCode::TOO_MANY_REQUESTS, why));
        match self.upstream.limit {
            _ if self.upstream.counted && used.uncounted > 0 => {
                never("the model's server reports no token counts, and they are limited".to_owned())
            }
            Some(limit) if used.tokens() >= limit => never(format!("the token limit of {limit} is reached")),
            Some(limit) if used.tokens().saturating_add(used.under_way) >= limit => {
                later(format!("requests under way may reach the token limit of {limit}"))
            }
            Some(_) if under_way >= BESIDE => {
                later(format!("tokens are limited, and {BESIDE} requests are under way"))
            }
            _ => None,
        }
    }

    async fn pass_on(
        &self,
        head: request::Parts,
        body: Bytes,
        mut bill: Option<Bill>,
    ) -> Result<Response<Body>, Refused> {
        let Upstream { target, tls, .. } = &*self.upstream;
        let failed = |why: String| (StatusCode::BAD_GATEWAY, format!("{target}: {why}"));
        let stream = outside::connect_anywhere(&*self.outside, target).await.map_err(|verdict| {
            let why = verdict.why();
            self.tally.note(target, verdict);
            failed(why)
        })?;
        let stream = Counted::new(stream, self.tally.note(target, Verdict::Allowed));
        let request = self.outbound(head, body).map_err(failed)?;
        if let Some(bill) = &mut bill {
            bill.sent();
        }
        let exchanged = match tls {
            None => exchange(stream, request).await,
            Some(tls) => exchange_by_tls(tls, &target.host, stream, request).await,
        };
        // A server that does not answer, or refuses, does no work.
        let worked = exchanged.as_ref().is_ok_and(|response| response.status().is_success());
        if let Some(bill) = bill.take_if(|_| !worked) {
            bill.cancel();
        }
        let (mut head, body) = exchanged.map_err(failed)?.into_parts();
        if let Some(why) = unreadable(&head.headers) {
            return Err(failed(why));
        }
        strip(&mut head.headers);
        Ok(Response::from_parts(head, Metered::new(body, self.upstream.dialect, bill).boxed()))
    }

    /// Makes the request that goes out.
    fn outbound(&self, mut head: request::Parts, body: Bytes) -> Result<Request<Body>, String> {
        let Upstream { dialect, base, target, headers, tls, .. } = &*self.upstream;
        let path = head.uri.path().strip_prefix(dialect.prefix()).unwrap_or_default();
        let query = head.uri.query().filter(|query| dialect.asks(query));
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        head.uri = format!("{base}/{path}{query}").parse().map_err(|_| "not a path".to_owned())?;
        head.version = hyper::Version::HTTP_11;
        head.headers = known(*dialect, &head.headers);
        head.headers.extend(headers.clone());
        if head.method == Method::POST {
            head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let default = if tls.is_some() { 443 } else { 80 };
        let shown = target.to_string();
        let host = shown.strip_suffix(&format!(":{default}")).unwrap_or(&shown);
        let host = HeaderValue::from_str(host).map_err(|error| error.to_string())?;
        head.headers.insert(header::HOST, host);
        Ok(Request::from_parts(head, http::whole(body)))
    }
}

/// Says what is passed on.
fn passed_on(dialect: Dialect, only: Option<&str>) -> String {
    match only {
        None => dialect.passed_on().to_owned(),
        Some(path) => format!("only GET {}{path} is passed on", dialect.prefix()),
    }
}

/// Returns the headers that an agent needs. An answer is never to be compressed: nobody could read what it cost.
fn known(dialect: Dialect, headers: &HeaderMap) -> HeaderMap {
    let goes_out = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.clone(), dialect.goes_out(name.as_str(), value)?))
    };
    let mut known: HeaderMap = headers.iter().filter_map(goes_out).collect();
    known.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    known
}

/// Says why an answer cannot be read, if it cannot.
fn unreadable(headers: &HeaderMap) -> Option<String> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    let encoding = encodings.find(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))?;
    let encoding = String::from_utf8_lossy(encoding.as_bytes());
    Some(format!(
        "it answers in `{}`, which it was asked not to: what it costs cannot be read",
        encoding.escape_debug()
    ))
}

/// Reads a request's body.
async fn read(body: Incoming) -> Result<Bytes, Refused> {
    let too_large = || Err((StatusCode::PAYLOAD_TOO_LARGE, format!("larger than {LARGEST} bytes")));
    if body.size_hint().lower() > LARGEST as u64 {
        return too_large();
    }
    match Limited::new(body, LARGEST).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => too_large(),
        Err(error) => Err((StatusCode::BAD_REQUEST, error.to_string())),
    }
}

async fn exchange_by_tls<S>(
    tls: &Arc<ClientConfig>,
    host: &str,
    stream: S,
    request: Request<Body>,
) -> Result<Response<Incoming>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
    exchange(stream.map_err(|error| format!("TLS: {error}"))?, request).await
}

async fn exchange<S>(stream: S, request: Request<Body>) -> Result<Response<Incoming>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let shown = |error: hyper::Error| error.to_string();
    let (mut sender, connection) =
        client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(shown)?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(shown)
}

/// Refuses as a model's server would, so that an agent shows why.
fn refusal(status: StatusCode, text: &str) -> Response<Body> {
    let message = format!("autopilot: {text}");
    // The one format looks for a `type` here, the other for a `code` there.
    let error = serde_json::json!({"message": message, "type": "autopilot", "code": null, "param": null});
    let body = serde_json::json!({"type": "error", "error": error});
    let mut response = http::answer(status, body.to_string());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
