//! The integration tests: one binary, one hermetic builder (`common`), real parts.

// `cfg(test)` tells clippy that helpers of tests may unwrap, too.
#[cfg(test)]
mod actions;
#[cfg(test)]
mod agents;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod caches;
#[cfg(test)]
mod causes;
#[cfg(test)]
mod ceilings;
#[cfg(test)]
mod checkout;
#[cfg(test)]
mod clean;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod common;
#[cfg(test)]
mod completions;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod escape;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod expectations;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod forged;
#[cfg(test)]
mod forks;
#[cfg(test)]
mod github;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod house;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod journals;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod launcher;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod mask;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod network;
#[cfg(test)]
mod newcomer;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod own;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod proof_lines;
#[cfg(test)]
mod proof_runners;
#[cfg(test)]
mod prune;
#[cfg(test)]
mod publish;
#[cfg(test)]
mod real_agents;
#[cfg(test)]
mod rebase;
#[cfg(test)]
mod recipes;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod replayed;
#[cfg(test)]
mod reports;
#[cfg(test)]
mod repositories;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod review;
#[cfg(test)]
mod revise;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod scale_out;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod tiers;
#[cfg(test)]
mod toolchains;
#[cfg(test)]
mod travel;
#[cfg(test)]
mod view;
