//! The model endpoint: takes a step's requests on its own loopback, adds the key, and passes on those to the model and
//! nothing else. The key is in this process alone.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, client};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, pki_types::ServerName};

use super::counted::Counted;
use super::http::{self, Body, strip};
use super::outside::{self, Outside};
use super::tally::{Tally, Verdict};
use super::upstream::Upstream;
use super::usage::{Bill, Exchange, Meter, Metered};

/// What the step's own part of an address begins with.
pub(super) const PREFIX: &str = "/v1/";

/// Headers that are not the step's to set.
const OURS: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::COOKIE,
    // The answer has to be readable for its usage to be counted.
    header::ACCEPT_ENCODING,
    header::EXPECT,
    HeaderName::from_static("chatgpt-account-id"),
];

/// Serves the model to one command.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    upstream: Arc<Upstream>,
    outside: Arc<dyn Outside>,
    tally: Tally,
    meter: Arc<Meter>,
}

impl Endpoint {
    pub(super) fn new(
        upstream: Upstream,
        outside: Arc<dyn Outside>,
        tally: Tally,
        meter: Arc<Meter>,
    ) -> Self {
        Self { upstream: Arc::new(upstream), outside, tally, meter }
    }

    /// Serves one connection.
    pub(super) async fn serve(self, client: TcpStream) -> io::Result<()> {
        http::serve(client, move |request| self.clone().answer(request)).await.map_err(io::Error::other)
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().strip_prefix(PREFIX);
        let is_model = match (request.method(), path) {
            (&Method::POST, Some("responses")) => true,
            (&Method::GET, Some("models")) => false,
            _ => {
                return refusal(
                    StatusCode::NOT_FOUND,
                    "only POST /v1/responses and GET /v1/models are passed on",
                );
            }
        };
        if is_model && let Some((status, why)) = self.refused() {
            return refusal(status, &why);
        }
        match self.pass_on(request, is_model).await {
            Ok(response) => response,
            Err(why) => refusal(StatusCode::BAD_GATEWAY, &format!("{}: {why}", self.upstream.target)),
        }
    }

    /// Says why no further request is passed on, if none is.
    fn refused(&self) -> Option<(StatusCode, String)> {
        let used = self.meter.usage();
        let why = match self.upstream.limit {
            _ if self.upstream.counted && used.uncounted > 0 => {
                "the model's server reports no token counts, and they are limited".to_owned()
            }
            Some(limit) if used.tokens() >= limit => format!("the token limit of {limit} is reached"),
            // What the others cost may leave room for it: whoever asks can wait for that.
            Some(limit) if used.tokens().saturating_add(used.under_way) >= limit => {
                let why = format!("requests under way may reach the token limit of {limit}");
                return Some((StatusCode::TOO_MANY_REQUESTS, why));
            }
            _ => return None,
        };
        self.meter.refuse();
        Some((StatusCode::FORBIDDEN, why))
    }

    async fn pass_on(&self, request: Request<Incoming>, is_model: bool) -> Result<Response<Body>, String> {
        let Upstream { target, tls, .. } = &*self.upstream;
        let stream = outside::connect_anywhere(&*self.outside, target).await.map_err(|verdict| {
            let why = verdict.why();
            self.tally.note(target, verdict);
            why
        })?;
        let stream = Counted::new(stream, self.tally.note(target, Verdict::Allowed));
        let own = Arc::new(Exchange::default());
        let request = self.outbound(request, &own)?;
        let mut bill = is_model.then(|| Bill::open(Arc::clone(&self.meter), own));
        let exchanged = match tls {
            None => exchange(stream, request).await,
            Some(tls) => exchange_by_tls(tls, &target.host, stream, request).await,
        };
        // A server that does not answer, or refuses, does no work.
        let worked = exchanged.as_ref().is_ok_and(|response| response.status().is_success());
        if let Some(bill) = bill.take_if(|_| !worked) {
            bill.cancel();
        }
        let (mut head, body) = exchanged?.into_parts();
        strip(&mut head.headers);
        Ok(Response::from_parts(head, Metered::new(body, bill).boxed()))
    }

    /// Makes the request that goes out; the bytes of its body are counted in the exchange.
    fn outbound(&self, request: Request<Incoming>, own: &Arc<Exchange>) -> Result<Request<Body>, String> {
        let Upstream { base, target, headers, tls, .. } = &*self.upstream;
        let (mut head, body) = request.into_parts();
        let path = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        head.uri = format!("{base}/{path}{query}").parse().map_err(|_| "not a path".to_owned())?;
        head.version = hyper::Version::HTTP_11;
        strip(&mut head.headers);
        for name in &OURS {
            head.headers.remove(name);
        }
        head.headers.extend(headers.clone());
        let default = if tls.is_some() { 443 } else { 80 };
        let shown = target.to_string();
        let host = shown.strip_suffix(&format!(":{default}")).unwrap_or(&shown);
        let host = HeaderValue::from_str(host).map_err(|error| error.to_string())?;
        head.headers.insert(header::HOST, host);
        let own = Arc::clone(own);
        let count = move |frame: hyper::body::Frame<Bytes>| {
            own.asked.fetch_add(frame.data_ref().map_or(0, |data| data.len() as u64), Ordering::Relaxed);
            frame
        };
        Ok(Request::from_parts(head, body.map_frame(count).boxed()))
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
    let body =
        serde_json::json!({"error": {"message": message, "type": "autopilot", "code": null, "param": null}});
    let mut response = http::answer(status, body.to_string());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
