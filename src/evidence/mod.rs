//! Takes events and bytes, gives journal and log; the masker sits in front of every sink.

pub mod mask;
