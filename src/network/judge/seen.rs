//! Takes what an object has named by its end, tells what speaks against it as a whole.

use super::place::unknown;
use crate::network::grammar::{Kind, Object};

/// What was seen of an object's members.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) named: u64,
    /// Those of them that are something.
    pub(super) whole: u64,
    pub(super) kind: Option<&'static Kind>,
    pub(super) id: Option<String>,
}

impl Seen {
    /// The bit of an object's `type`.
    pub(super) const KIND: u64 = 1 << 63;

    /// Says what speaks against an object that has been read.
    pub(super) fn objection(&self, object: &'static Object, given: &dyn Fn(&str) -> bool) -> Option<String> {
        let is = |bits: u64, name: &str| object.member(name).is_some_and(|(at, _)| bits & (1 << at) != 0);
        let lacks = |needs: &[&str]| {
            let lacking = needs.iter().find(|name| !is(self.whole, name));
            lacking.map(|name| format!("lacks `{name}`: name it"))
        };
        if object.kinds.is_empty() {
            return lacks(object.needs);
        }
        let Some(kind) = self.kind.or_else(|| object.kind("")) else {
            // What has an id alone is looked up by it.
            return Some("lacks `type`: name it".to_owned());
        };
        let stray = object.members.iter().map(|(name, _)| *name);
        if let Some(stray) = stray.filter(|name| is(self.named, name)).find(|n| !kind.members.contains(n)) {
            return Some(format!("has `{stray}`, of type `{}`: {}", kind.name, unknown(stray)));
        }
        let looked_up = |own: &&str| {
            let id = self.id.as_deref();
            !is(self.whole, own) && id.is_some_and(|id| !given(id))
        };
        let by_id = kind.own.filter(|own| looked_up(own)).map(|own| {
            format!("has `id` without `{own}`: it names what is stored at the account: leave `id` out")
        });
        by_id.or_else(|| lacks(kind.needs))
    }
}
