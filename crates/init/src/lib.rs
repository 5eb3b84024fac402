//! The confined side: the processes that stand between the runner and a command.
//!
//! The runner sends what is granted ([`granted::Granted`]), where ([`place::Place`]) and what is to run on a socket. The
//! confined side makes itself a root of its own, restricts itself in the order of `confine.rs`, proves what the kernel
//! confirms, starts the command and looks after its tree. It decides nothing.
//!
//! It is a crate of its own so that a small static program can be it: a launch executes it twice. The runner can be
//! it, too, where there is no such program ([`enter::enter_if_confined`]).

mod binds;
mod caches;
mod command;
mod confine;
pub mod enter;
mod etc;
pub mod filter;
pub mod granted;
pub mod group;
mod handover;
mod held;
pub mod helper;
mod identity;
mod limits;
mod lock;
pub mod meter;
mod mountinfo;
mod mounts;
mod namespaces;
pub mod outcome;
pub mod own;
pub mod place;
pub mod procfs;
pub mod reading;
pub mod refused;
mod root;
mod shares;
pub mod signals;
pub mod spec;
pub mod spoken;
pub mod stack;
mod supervise;
pub mod told;
mod tree;
pub mod tried;
mod victim;
mod watch;
pub mod wire;

pub use binds::unescape;
pub use handover::make_over;
pub use limits::SLACK;
pub use watch::out_of_memory;
