//! A server of pages on the loopback: reads, and lets nobody write. Who has no token, or comes by another name than the
//! loopback's own (a page of somebody else's that had its name point here), gets nothing.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use autopilot_view::{Life, policy};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri, server};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};

use super::site::{Answer, Site};
use crate::app::Error;
use crate::evidence::Sha256;

/// How long a client may take to send a request's head, and connections at once.
const HEAD: Duration = Duration::from_secs(15);
const MOST: usize = 64;
/// After an accept that failed, such as for want of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Where a server is, with the token.
#[derive(Debug, Clone)]
pub struct Address {
    port: u16,
    token: String,
}

impl Address {
    /// Returns what to open in a browser.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/?token={}", self.port, self.token)
    }

    /// The names by which the loopback is called.
    fn is_host(&self, host: &str) -> bool {
        ["127.0.0.1", "localhost"].iter().any(|name| host == format!("{name}:{}", self.port))
    }

    /// Cookies know no ports: two servers have one each.
    fn cookie(&self) -> String {
        format!("autopilot-{}", self.port)
    }

    /// Compares digests: how long that takes tells nothing of the token.
    fn is_token(&self, token: &str) -> bool {
        Sha256::of(token.as_bytes()) == Sha256::of(self.token.as_bytes())
    }
}

/// Serves a site until the process ends; tells the address once it is known.
pub async fn serve(site: Site, port: u16, tell: impl FnOnce(&Address)) -> Result<Infallible, Error> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await;
    let listener = listener.map_err(|error| {
        Error::System(io::Error::new(
            error.kind(),
            format!("127.0.0.1:{port}: {error}; name another by --port"),
        ))
    })?;
    let port = listener.local_addr().map_err(Error::System)?.port();
    let address = Address { port, token: token().map_err(Error::System)? };
    tell(&address);
    let door = Arc::new(Door { address, site: Arc::new(site), one: Arc::default() });
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { continue };
        match listener.accept().await {
            Ok((client, _)) => {
                let door = Arc::clone(&door);
                tokio::spawn(async move {
                    door.serve(client).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn token() -> io::Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// What every connection shares.
#[derive(Debug)]
struct Door {
    address: Address,
    site: Arc<Site>,
    /// One page is made at a time: they are large.
    one: Arc<Mutex<()>>,
}

/// What a request comes to before a page is made.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Index,
    Run(String),
    /// The token was in the address: it goes into a cookie, and out of what browsers remember.
    Admitted(String),
    Refused(StatusCode, &'static str),
}

impl Door {
    async fn serve(&self, client: TcpStream) {
        let service = service_fn(|request: Request<Incoming>| async move {
            Ok::<_, Infallible>(self.answer(request.method(), request.uri(), request.headers()).await)
        });
        let served = server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .serve_connection(TokioIo::new(client), service);
        if let Err(error) = served.await {
            tracing::debug!(%error, "a connection to the pages ended");
        }
    }

    async fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let asked = asked(&self.address, method, uri, headers);
        let (name, is_index) = match asked {
            Asked::Refused(status, why) => return text(status, why),
            Asked::Admitted(path) => return self.admit(&path),
            Asked::Index => (String::new(), true),
            Asked::Run(name) => (name, false),
        };
        let has = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let has = has.map(|mark| mark.trim_matches('"').to_owned());
        let one = Arc::clone(&self.one).lock_owned().await;
        let site = Arc::clone(&self.site);
        let made = tokio::task::spawn_blocking(move || {
            // Until it is made, whether or not whoever asked still waits for it.
            let _one = one;
            let has = has.as_deref();
            if is_index { site.index(has).map(Some) } else { site.run(&name, has) }
        });
        match made.await {
            Ok(Ok(Some(answer))) => page(answer),
            Ok(Ok(None)) => text(StatusCode::NOT_FOUND, "There is no such run here.\n"),
            Ok(Err(error)) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made.\n"),
        }
    }

    fn admit(&self, path: &str) -> Response<Full<Bytes>> {
        let mut response = text(StatusCode::SEE_OTHER, "");
        let cookie =
            format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.address.cookie(), self.address.token);
        for (name, value) in [(header::SET_COOKIE, cookie.as_str()), (header::LOCATION, path)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// Decides what a request is for, and whether it may.
fn asked(address: &Address, method: &Method, uri: &Uri, headers: &HeaderMap) -> Asked {
    let one = |name: HeaderName| {
        let mut all = headers.get_all(name).iter();
        let first = all.next().and_then(|value| value.to_str().ok());
        if all.next().is_some() { None } else { first }
    };
    if uri.authority().is_some() || !one(header::HOST).is_some_and(|host| address.is_host(host)) {
        return Asked::Refused(StatusCode::MISDIRECTED_REQUEST, "This is served on 127.0.0.1 alone.\n");
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Asked::Refused(StatusCode::METHOD_NOT_ALLOWED, "These pages can only be read.\n");
    }
    let given = uri.query().and_then(|query| query.strip_prefix("token="));
    let by_address = given.is_some_and(|token| address.is_token(token));
    let name = address.cookie();
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = cookies.flat_map(|all| all.split(';')).filter_map(|each| each.trim().split_once('='));
    let by_cookie = cookies.any(|(own, value)| own == name && address.is_token(value));
    let bearer = one(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    if !by_address && !by_cookie && !bearer.is_some_and(|token| address.is_token(token)) {
        let why = "Open the whole address that `autopilot view --serve` printed: it has a token.\n";
        return Asked::Refused(StatusCode::FORBIDDEN, why);
    }
    let page = match uri.path() {
        "/" => Asked::Index,
        path => match path.strip_prefix("/run/") {
            Some(name) => Asked::Run(name.to_owned()),
            None => return Asked::Refused(StatusCode::NOT_FOUND, "There is no such page.\n"),
        },
    };
    // Nobody is sent on to what is no page of ours: `//` and a name is another host.
    if by_address { Asked::Admitted(uri.path().to_owned()) } else { page }
}

fn page(Answer { mark, page, life }: Answer) -> Response<Full<Bytes>> {
    let (status, body) = match page {
        Some(page) => (StatusCode::OK, page),
        None => (StatusCode::NOT_MODIFIED, String::new()),
    };
    let mut response = whole(status, "text/html; charset=utf-8", life, body);
    if let Ok(mark) = HeaderValue::from_str(&format!("\"{mark}\"")) {
        response.headers_mut().insert(header::ETAG, mark);
    }
    response
}

fn text(status: StatusCode, text: impl Into<String>) -> Response<Full<Bytes>> {
    whole(status, "text/plain; charset=utf-8", Life::Still, text.into())
}

fn whole(status: StatusCode, kind: &'static str, life: Life, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&format!("{}; frame-ancestors 'none'", policy(life))) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, all: &[(&str, &str)]) -> Asked {
        let address = Address { port: 8080, token: "abc".into() };
        let (method, uri) = line.split_once(' ').unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        asked(&address, &method.parse().unwrap(), &uri.parse().unwrap(), &headers)
    }

    fn status(asked: Asked) -> u16 {
        if let Asked::Refused(status, _) = asked { status.as_u16() } else { panic!("{asked:?}") }
    }

    const HOST: (&str, &str) = ("host", "127.0.0.1:8080");
    const COOKIE: (&str, &str) = ("cookie", "a=b; autopilot-8080=abc");

    #[test]
    fn who_has_the_token_gets_pages() {
        assert_eq!(of("GET /", &[HOST, COOKIE]), Asked::Index);
        assert_eq!(of("HEAD /run/x-1", &[("host", "localhost:8080"), COOKIE]), Asked::Run("x-1".into()));
        assert_eq!(of("GET /", &[HOST, ("authorization", "Bearer abc")]), Asked::Index);
        assert_eq!(of("GET /run/x-1?token=abc", &[HOST]), Asked::Admitted("/run/x-1".into()));
    }

    #[test]
    fn who_has_none_or_comes_by_another_name_gets_nothing() {
        for host in ["evil.example:8080", "127.0.0.1", "127.0.0.1:8081", "127.0.0.1:8080.evil", ""] {
            assert_eq!(status(of("GET /", &[("host", host), COOKIE])), 421, "{host}");
        }
        assert_eq!(status(of("GET /", &[COOKIE])), 421, "no name");
        assert_eq!(status(of("GET /", &[HOST, ("host", "evil"), COOKIE])), 421, "two names");
        assert_eq!(status(of("GET http://evil.example/", &[HOST, COOKIE])), 421, "a name in the address");
        for wrong in
            ["autopilot-8080=abd", "autopilot-8081=abc", "abc", "autopilot-8080=", "xautopilot-8080=abc"]
        {
            assert_eq!(status(of("GET /", &[HOST, ("cookie", wrong)])), 403, "{wrong}");
        }
        assert_eq!(status(of("GET /?token=abd", &[HOST])), 403);
        assert_eq!(status(of("GET /?x=1&token=abc", &[HOST])), 403);
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT"] {
            let uri = if method == "CONNECT" { "/" } else { "/?token=abc" };
            assert_eq!(status(of(&format!("{method} {uri}"), &[HOST, COOKIE])), 405, "{method}");
        }
        assert_eq!(status(of("GET /etc/passwd", &[HOST, COOKIE])), 404);
        for path in ["//evil.example/", "/\\evil.example/", "/etc/passwd"] {
            assert_eq!(status(of(&format!("GET {path}?token=abc"), &[HOST])), 404, "{path}");
        }
    }

    #[test]
    fn every_answer_has_its_policy() {
        let answer = page(Answer { mark: "m".into(), page: Some("x".into()), life: Life::Live });
        let value = |name: HeaderName| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(value(header::REFERRER_POLICY), "no-referrer");
        let policy = value(header::CONTENT_SECURITY_POLICY);
        assert!(
            policy.starts_with("default-src 'none'") && policy.ends_with("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(value(header::ETAG), "\"m\"");
    }
}
