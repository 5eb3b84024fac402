//! The audit: PASS for every kind of good run, a finding for everything that was done to one.

mod agents;
mod cached;
mod ceilings;
mod documents;
mod fixtures;
mod forge;
mod good;
mod mutations;
mod published;
mod replayed;
