//! The integration tests: one binary, one hermetic builder (`common`), real parts.

// `cfg(test)` tells clippy that helpers of tests may unwrap, too.
#[cfg(test)]
mod common;
#[cfg(test)]
mod house;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod rules;
mod escape;
mod repositories;
mod sample;
