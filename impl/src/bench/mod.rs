//! Load on a running cluster, and what it took: `quorate bench`.
//!
//! One thread drives any number of clients, each of them the model's own, over one socket; of which protocol they are,
//! it does not know. In a
//! *closed* loop each client asks for the next thing as soon as it has the last. In an *open* loop
//! operations are due at a fixed rate, whether or not the cluster keeps up, and their time counts from
//! when they were due: a stall is then seen by every operation that it delayed, not by one alone.

mod cpu;
mod driver;
mod leader_based;
mod leaderless;
mod load;
mod measured;
mod workload;

pub use cpu::cpu_of;
pub use driver::{BenchError, Driver, Pace, Progress};
pub use leaderless::Quorums;
pub use load::{Detour, Load};
pub use measured::{Ended, Measured, Percentiles, Timings};
pub use workload::{Act, Kind, Mix, Workload, WorkloadError};
