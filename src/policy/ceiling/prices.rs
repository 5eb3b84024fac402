//! What models cost by the files of a host: root's word before the user's, and alone where root bounds money.

use super::lower::Lowered;
use crate::plan::{Action, Ceiling, Plan, Prices};

/// Returns the prices that hold, and what is to be said of those that do not.
pub(super) fn hold(
    (of_host, of_user): (Option<&Ceiling>, Option<&Ceiling>),
    plan: &Plan,
) -> (Prices, Vec<Lowered>) {
    let prices = |ceiling: Option<&Ceiling>| ceiling.map(|own| own.rules.prices.clone()).unwrap_or_default();
    let (host, user) = (prices(of_host), prices(of_user));
    let bounding = of_host.filter(|host| host.rules.budget.is_some());
    match (bounding, of_user) {
        // Whoever could say what it costs could say how much of it there is.
        (Some(bounding), Some(own)) if !user.is_empty() => {
            let place = |ceiling: &Ceiling, key| format!("{}:{}", ceiling.path.display(), ceiling.line(key));
            let said = Lowered {
                step: None,
                what: "prices",
                from: "the user's".to_owned(),
                to: "root's alone".to_owned(),
                asked: place(own, "prices"),
                rule: place(bounding, "budget"),
            };
            let asks = plan.steps.iter().any(|step| matches!(step.action, Action::Agent(_)));
            (host, Vec::from_iter(asks.then_some(said)))
        }
        _ => (user.into_iter().chain(host).collect(), Vec::new()),
    }
}
