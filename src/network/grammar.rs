//! Takes shapes, gives what a request for a model may consist of, member by member. The requests themselves are written
//! down with each wire format (`dialect`). What is not in there is not passed on.

/// What a value may be. `null` is as if it were not there, but where a word is demanded.
#[derive(Debug)]
pub(super) enum Shape {
    /// Text.
    Text,
    /// Text, a number, or yes or no.
    Plain,
    /// One of these words.
    Word(&'static [&'static str]),
    /// This and nothing else.
    Is(bool),
    /// Text to the model, however it is built.
    Anything,
    /// A JSON schema that refers to nothing outside of itself.
    Schema,
    /// A picture, all of it.
    Picture,
    /// A list without anything in it.
    Empty,
    /// A list.
    List(&'static Shape),
    /// Text, or a list.
    TextOr(&'static Shape),
    /// Members of any name.
    Map(&'static Shape),
    /// Members that are known.
    Object(&'static Object),
}

/// What has members.
#[derive(Debug)]
pub(super) struct Object {
    /// All members that it may have; which of them, its kind says.
    pub(super) members: &'static [(&'static str, Shape)],
    /// Members without which it would mean something else.
    pub(super) needs: &'static [&'static str],
    /// What its `type` may be; it has none if there are none. The kind of what names no type has no name.
    pub(super) kinds: &'static [Kind],
}

/// What an object may have by its `type`.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) members: &'static [&'static str],
    /// Members that make it whole: what lacks them would be looked up by its `id`.
    pub(super) needs: &'static [&'static str],
    /// A member that makes its `id` a mere name. Without it the server looks up what it stored under that.
    pub(super) own: Option<&'static str>,
}

impl Object {
    /// Finds a member, and its place among all.
    pub(super) fn member(&self, name: &str) -> Option<(u32, &'static Shape)> {
        let at = self.members.iter().position(|(known, _)| *known == name)?;
        Some((u32::try_from(at).ok()?, &self.members.get(at)?.1))
    }

    /// Finds a kind.
    pub(super) fn kind(&self, name: &str) -> Option<&'static Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }
}

/// Makes a kind whose `id` is no other name of it.
pub(super) const fn kind(
    name: &'static str,
    members: &'static [&'static str],
    needs: &'static [&'static str],
) -> Kind {
    Kind { name, members, needs, own: None }
}
