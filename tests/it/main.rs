//! The integration tests: one binary, one hermetic builder (`common`), real parts.

mod common;
mod house;
mod plan;
mod rules;
mod sample;
