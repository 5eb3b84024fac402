//! Takes what the endpoint tells of its exchanges, tells when there is nothing left for a turn to wait for.

use tokio::sync::watch;

use crate::network::Exchange;

/// Comes back when the endpoint tells of an exchange after which there is nothing to wait for.
pub(super) async fn hopeless(exchanges: &mut watch::Receiver<Option<Exchange>>) {
    loop {
        if exchanges.borrow_and_update().as_ref().is_some_and(|last| last.over) {
            return;
        }
        if exchanges.changed().await.is_err() {
            // Nobody is asked any more.
            return std::future::pending().await;
        }
    }
}
