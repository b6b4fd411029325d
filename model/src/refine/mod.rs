//! Refinement: evidence that a running node did only what the model allows.
//!
//! A node writes a [`trace`]: every input, what the protocol answered, and a [`digest`] of the
//! state it left. The replay feeds the same inputs to the same protocol code, step by step and
//! without search, and compares.

pub mod digest;
pub mod trace;
