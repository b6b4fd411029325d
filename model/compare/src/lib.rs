//! Both protocols under the same clients and the same faults, judged by what their clients observe.
//!
//! A [setting](setting::Setting) of either protocol, a [program](program::Program) of its clients and a [budget of
//! faults](setting::FaultBudget) make a [case](setting::Case). A [search](search::search) visits every state of a case. What
//! clients observe on the way is put down [beside](calls::Calls) the protocol's own state, by one code for both, and judged by
//! one code: no property of either protocol's own is asked.

pub mod availability;
pub mod calls;
mod comparable;
pub mod comparison;
pub mod file;
pub mod latency;
mod leader;
mod leaderless;
pub mod program;
pub mod property;
pub mod search;
pub mod setting;
pub mod table;
mod watched;
