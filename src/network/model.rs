//! The model endpoint: takes a step's requests on its own loopback, adds the key, and passes on those to the model and
//! nothing else; or those for one page of another server, if that is what a step's program needs a key for. The key is
//! in this process alone.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::http::request;
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::asked::Asked;
use super::bill::Bill;
use super::dialect::Dialect;
use super::exchange::{Class, Course, Exchange};
use super::http::{self, Body, strip};
use super::judge::{self, Objection};
use super::metered::{Metered, Silence, Waiting};
use super::outside::Outside;
use super::price::Rates;
use super::send;
use super::tally::Tally;
use super::upstream::Upstream;
use super::usage::{Meter, Ongoing, Usage};
use crate::plan::units;

/// Largest request: a long conversation with a few pictures in it.
const LARGEST: usize = 32 << 20;
/// Largest answer that refuses, and how long it may take to come.
const LARGEST_REFUSAL: usize = 64 << 10;
const REFUSAL: Duration = Duration::from_secs(10);
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
    course: Arc<Course>,
    memory: Arc<Semaphore>,
}

impl Endpoint {
    pub(super) fn new(
        upstream: Upstream,
        outside: Arc<dyn Outside>,
        tally: Tally,
        (meter, course): (Arc<Meter>, Arc<Course>),
    ) -> Self {
        let memory = Arc::new(Semaphore::new(IN_MEMORY));
        Self { upstream: Arc::new(upstream), outside, tally, meter, course, memory }
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
            (&Method::GET, Some(path)) if Some(path) == only.or(dialect.look()) => self.look(request).await,
            _ => Err((StatusCode::NOT_FOUND, passed_on(*dialect, only))),
        };
        answered.unwrap_or_else(|(status, why)| refusal(status, &why))
    }

    /// Passes on what asks no model.
    async fn look(&self, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
        let ways = (&*self.outside, &self.tally);
        let sent = send::send(&self.upstream, ways, (request.into_parts().0, Bytes::new()), || {});
        let (mut head, body) = sent.await.map_err(|why| (StatusCode::BAD_GATEWAY, why))?.into_parts();
        strip(&mut head.headers);
        Ok(Response::from_parts(head, body.boxed()))
    }

    /// Asks the model itself, if nothing forbids it.
    async fn ask(&self, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
        let _held = self.memory.acquire().await;
        let (head, body) = request.into_parts();
        let body = read(body).await?;
        if let Some(last) = self.course.over() {
            if last.class == Class::Limit {
                self.meter.refuse();
            }
            return Err((StatusCode::FORBIDDEN, last.in_words()));
        }
        let shape = self.upstream.dialect.request();
        judge::judge(&body, shape, &|id| self.meter.gave(id)).map_err(|objection| {
            let status = match objection {
                Objection::Forbidden(_) => StatusCode::FORBIDDEN,
                Objection::Unreadable(_) => StatusCode::BAD_REQUEST,
            };
            let why = objection.to_string();
            self.course.note(Exchange::new(Class::Refused, &*why));
            (status, why)
        })?;
        let asked = Asked::read(&body);
        let rates = self.upstream.rates(asked.model.as_deref());
        let request = Ongoing::new(body.len() as u64, asked.longest(), rates);
        let bill = Bill::open((&self.meter, &self.upstream), request, |used, under_way| {
            self.over_budget(used, rates, &asked).or_else(|| self.forbids(used, under_way))
        })?;
        self.exchange(head, body, bill).await
    }

    /// Says why what a request may cost forbids it, if it does. What others can cost at most is reserved: whichever of
    /// them is the dearest, no more than the last one goes over.
    fn over_budget(&self, used: &Usage, rates: Option<Rates>, asked: &Asked) -> Option<Refused> {
        let budget = self.upstream.budget?;
        let never = |why: String| {
            self.course.note(Exchange::new(Class::Budget, &*why));
            Some((StatusCode::FORBIDDEN, why))
        };
        let model = asked.model.as_deref().unwrap_or("(none)");
        if rates.is_none() || used.unpriced > 0 {
            return never(format!("nobody knows what model `{model}` costs, and money is limited"));
        }
        let left = units::dollars(budget / 1000);
        if used.spent >= budget {
            return never(format!("the {left} that were left of it are spent"));
        }
        (used.spent.saturating_add(used.reserved) >= budget).then(|| {
            let why = format!("requests under way may spend the {left} that were left of the budget");
            (StatusCode::TOO_MANY_REQUESTS, why)
        })
    }

    /// Says why no further request is passed on, if none is.
    fn forbids(&self, used: &Usage, under_way: usize) -> Option<Refused> {
        let never = |why: String| {
            self.meter.refuse();
            self.course.note(Exchange::new(Class::Limit, &*why));
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

    /// Sends a request, and takes what comes of it.
    async fn exchange(
        &self,
        head: request::Parts,
        body: Bytes,
        mut bill: Bill,
    ) -> Result<Response<Body>, Refused> {
        let gateway = |why: String| (StatusCode::BAD_GATEWAY, why);
        let waiting = Waiting::begin(&self.course);
        let ways = (&*self.outside, &self.tally);
        let sending = send::send(&self.upstream, ways, (head, body), || bill.sent());
        let limit = self.upstream.silence;
        let sent = match limit {
            None => sending.await,
            Some(limit) => tokio::time::timeout(limit, sending).await.map_err(|_| {
                let silent = Silence::exchange(limit);
                let why = silent.in_words();
                self.course.note(silent);
                (StatusCode::GATEWAY_TIMEOUT, why)
            })?,
        };
        let response = match sent {
            Ok(response) => response,
            Err(why) => {
                // A server that does not answer does no work.
                bill.cancel();
                self.course.note(Exchange::new(Class::Unreachable, &*why));
                return Err(gateway(why));
            }
        };
        if let Some(why) = send::unreadable(response.headers()) {
            self.course.note(Exchange::new(Class::Unreachable, &*why));
            return Err(gateway(why));
        }
        if !response.status().is_success() {
            // One that refuses does none either.
            bill.cancel();
            return self.refused(response).await;
        }
        let (mut head, body) = response.into_parts();
        strip(&mut head.headers);
        let (status, dialect) = (head.status.as_u16(), self.upstream.dialect);
        let metered = Metered::new(body, status, dialect, bill, (waiting, limit.map(Silence::of)));
        Ok(Response::from_parts(head, metered.boxed()))
    }

    /// Takes what a server says that refuses, and passes it on; but for where else to ask.
    async fn refused(&self, response: Response<Incoming>) -> Result<Response<Body>, Refused> {
        let (mut head, body) = response.into_parts();
        let read = Limited::new(body, LARGEST_REFUSAL).collect();
        let body = match tokio::time::timeout(REFUSAL, read).await {
            Ok(Ok(body)) => body.to_bytes(),
            // It is none the less refused.
            Ok(Err(_)) | Err(_) => Bytes::new(),
        };
        let exchange = Exchange::refused(&self.upstream, head.status, &head.headers, &body);
        let words = exchange.in_words();
        let is_elsewhere = exchange.class == Class::Redirect;
        self.course.note(exchange);
        if is_elsewhere {
            return Err((StatusCode::FORBIDDEN, words));
        }
        strip(&mut head.headers);
        head.headers.remove(header::CONTENT_LENGTH);
        Ok(Response::from_parts(head, http::whole(body)))
    }
}

/// Says what is passed on.
fn passed_on(dialect: Dialect, only: Option<&str>) -> String {
    match only {
        None => dialect.passed_on().to_owned(),
        Some(path) => format!("only GET {}{path} is passed on", dialect.prefix()),
    }
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
