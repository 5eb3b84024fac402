//! What a request in this wire format may consist of: nothing yet.

use crate::network::grammar::{Object, Shape};

/// What is asked.
pub(in crate::network) static REQUEST: Shape =
    Shape::Object(&Object { members: &[], needs: &[], kinds: &[] });
