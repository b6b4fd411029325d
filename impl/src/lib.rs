//! The `quorate` library: sockets, disks and clocks around [`quorate_model`], and the commands.

pub mod bench;
pub mod bytes;
pub mod campaign;
pub mod check;
pub mod cli;
pub mod client;
pub mod config;
pub mod explore;
pub mod given;
pub mod guard;
pub mod http;
pub mod keys;
pub mod leader_based;
pub mod leaderless;
pub mod local_cluster;
pub mod metrics;
pub mod node;
pub mod refine;
pub mod runs;
pub mod storage;
pub mod styled;
pub mod top;
pub mod transport;
pub mod wire;
