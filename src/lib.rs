//! Autopilot: a plan proposes, a sandbox confines, the runner disposes, the evidence proves.
//!
//! One room a module; data flows one way and imports follow it (`tests/it/house.rs` holds the table):
//!
//! ```text
//! Autopilot.yaml ─ plan ─→ policy ─→ sandbox ─→ run ─→ evidence ─→ report ─→ publish
//!                                                            └─→ audit
//! ```
//!
//! [`app`] puts them together to the use cases; [`cli`] is arguments and text. Begin at [`app::run`].

pub mod agent;
pub mod app;
pub mod audit;
pub mod cli;
pub mod evidence;
pub mod git;
pub mod github;
pub mod helper;
pub mod layer;
pub mod network;
pub mod plan;
pub mod policy;
pub mod proof;
pub mod publish;
pub mod replay;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod time;
pub mod view;
pub mod worktree;
