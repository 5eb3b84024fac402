//! What models cost by the files of a host: root's word before the user's, and alone where root bounds money.

use super::lower::Lowered;
use crate::plan::{Action, Ceiling, Plan, Prices};

/// Returns the prices that hold.
pub(super) fn of(host: Option<&Ceiling>, user: Option<&Ceiling>) -> Prices {
    // Whoever could say what it costs could say how much of it there is.
    let user = user.filter(|_| !bounds_money(host));
    let all = user.into_iter().chain(host).flat_map(|ceiling| &ceiling.rules.prices);
    all.map(|(model, price)| (model.clone(), *price)).collect()
}

/// Says that the user's do not hold, if there are some, and somebody would be counted by them.
pub(super) fn lowered(host: Option<&Ceiling>, user: Option<&Ceiling>, plan: &Plan) -> Option<Lowered> {
    let host = host.filter(|_| bounds_money(host))?;
    let user = user.filter(|own| !own.rules.prices.is_empty())?;
    let asks = plan.steps.iter().any(|step| matches!(step.action, Action::Agent(_)));
    let place = |ceiling: &Ceiling, key| format!("{}:{}", ceiling.path.display(), ceiling.line(key));
    asks.then(|| Lowered {
        step: None,
        what: "prices",
        from: "the user's".to_owned(),
        to: "root's alone".to_owned(),
        asked: place(user, "prices"),
        rule: place(host, "budget"),
    })
}

fn bounds_money(host: Option<&Ceiling>) -> bool {
    host.is_some_and(|host| host.rules.budget.is_some())
}
