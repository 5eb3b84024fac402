//! How long is waited for the other side: each try, and all tries together.

use std::time::{Duration, Instant};

use super::trouble::Trouble;
use crate::github::{Failure, Gh};
use crate::time::whole;

/// One call takes no longer.
const CALL: Duration = Duration::from_secs(30);
/// The first pause between two tries; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);

/// A bound for each effect.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    each: Duration,
    until: Instant,
}

impl Patience {
    /// Gives each effect so much time.
    pub fn of(each: Duration) -> Self {
        Self { each, until: Instant::now() + each }
    }

    /// Begins anew, for the next effect.
    pub(super) fn anew(self) -> Self {
        Self::of(self.each)
    }

    /// Returns what one call may take.
    pub(super) fn call(&self) -> Duration {
        self.left().min(CALL)
    }

    /// Returns what is left of all.
    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Tries again for as long as that may help and there is time.
    pub(super) async fn insist<T>(
        &self,
        gh: &Gh,
        mut once: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T, Trouble> {
        let mut pause = PAUSE;
        loop {
            let failure = match once().await {
                Ok(made) => return Ok(made),
                Err(failure) => failure,
            };
            let wait = match &failure {
                Failure::RateLimited(_) => gh.limit_ends_in(self.call()).await.unwrap_or(CALL),
                _ => pause,
            };
            if !failure.passes() || wait >= self.left() {
                return Err(with_wait(failure, wait));
            }
            tokio::time::sleep(wait).await;
            pause *= 2;
        }
    }
}

/// Says when a limit ends that is not waited for.
fn with_wait(failure: Failure, wait: Duration) -> Trouble {
    let limited = matches!(failure, Failure::RateLimited(_));
    let mut trouble = Trouble::from(failure);
    if limited {
        trouble.hint = format!("the limit ends in {}", whole(wait));
    }
    trouble
}
