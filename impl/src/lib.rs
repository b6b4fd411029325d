//! The `quorate` library: sockets, disks and clocks around [`quorate_model`], and the commands.
//!
//! Without the feature `server` it is what a client needs, and compiles nothing else.

#[cfg(feature = "server")]
pub mod bench;
#[cfg(feature = "server")]
pub mod bytes;
#[cfg(feature = "server")]
pub mod campaign;
#[cfg(feature = "server")]
pub mod check;
#[cfg(feature = "server")]
pub mod cli;
pub mod client;
pub mod config;
#[cfg(feature = "server")]
pub mod explore;
pub mod given;
pub mod guard;
#[cfg(feature = "server")]
pub mod http;
pub mod keys;
#[cfg(feature = "server")]
pub mod leader_based;
pub mod leaderless;
#[cfg(feature = "server")]
pub mod local_cluster;
#[cfg(feature = "server")]
pub mod metrics;
#[cfg(feature = "server")]
pub mod node;
#[cfg(feature = "server")]
pub mod refine;
pub mod runs;
#[cfg(feature = "server")]
pub mod storage;
#[cfg(feature = "server")]
pub mod styled;
#[cfg(feature = "server")]
pub mod top;
pub mod transport;
pub mod wire;
