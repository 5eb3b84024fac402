//! Takes what the endpoint tells of its exchanges, tells when there is nothing left for a turn to wait for.

use tokio::sync::watch;

use super::deadline::Deadline;
use crate::network::Exchange;

/// Comes back when the endpoint tells of an exchange after which there is nothing to wait for.
pub(super) async fn hopeless(exchanges: &mut watch::Receiver<Option<Exchange>>, deadline: Deadline) {
    loop {
        if exchanges.borrow_and_update().as_ref().is_some_and(|last| is_hopeless(last, deadline)) {
            return;
        }
        if exchanges.changed().await.is_err() {
            // Nobody is asked any more.
            return std::future::pending().await;
        }
    }
}

/// Tells whether no further request comes before a command's end.
fn is_hopeless(last: &Exchange, deadline: Deadline) -> bool {
    let comes_too_late = |wait| last.at.checked_add(wait).is_none_or(|then| then >= deadline.at);
    last.over || (last.class.passes() && last.wait.is_some_and(comes_too_late))
}
