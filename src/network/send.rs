//! Takes a request that may go out, sends it with the key, gives the answer's head and what is to come of it; or why there
//! is none.

use std::sync::Arc;

use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request;
use hyper::{Method, Request, Response, client};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, pki_types::ServerName};

use super::counted::Counted;
use super::dialect::Dialect;
use super::http::{self, Body};
use super::outside::{self, Outside};
use super::tally::{Tally, Verdict};
use super::upstream::Upstream;

/// Sends a request to the model's server; `sent` is called when it goes out. The error says which server it is.
pub(super) async fn send(
    upstream: &Upstream,
    (outside, tally): (&dyn Outside, &Tally),
    (head, body): (request::Parts, Bytes),
    sent: impl FnOnce(),
) -> Result<Response<Incoming>, String> {
    let Upstream { target, tls, .. } = upstream;
    let failed = |why: String| format!("{target}: {why}");
    let stream = outside::connect_anywhere(outside, target).await.map_err(|verdict| {
        let why = verdict.why();
        tally.note(target, verdict);
        failed(why)
    })?;
    let stream = Counted::new(stream, tally.note(target, Verdict::Allowed));
    let request = outbound(upstream, head, body).map_err(failed)?;
    sent();
    let exchanged = match tls {
        None => exchange(stream, request).await,
        Some(tls) => exchange_by_tls(tls, &target.host, stream, request).await,
    };
    exchanged.map_err(failed)
}

/// Makes the request that goes out.
fn outbound(upstream: &Upstream, mut head: request::Parts, body: Bytes) -> Result<Request<Body>, String> {
    let Upstream { dialect, base, target, headers, tls, .. } = upstream;
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
pub(super) fn unreadable(headers: &HeaderMap) -> Option<String> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    let encoding = encodings.find(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))?;
    let encoding = String::from_utf8_lossy(encoding.as_bytes());
    Some(format!(
        "it answers in `{}`, which it was asked not to: what it costs cannot be read",
        encoding.escape_debug()
    ))
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
