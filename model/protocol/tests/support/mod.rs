//! Random histories of one key, and a reference that keeps every causal past as a set.

pub(crate) mod history;
pub(crate) mod reference;
