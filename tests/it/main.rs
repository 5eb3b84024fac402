//! The integration tests: one binary, one hermetic builder (`common`), real parts.

mod cli;
mod common;
mod crash;
mod evidence;
mod house;
mod plan;
mod repositories;
mod rules;
mod sample;
