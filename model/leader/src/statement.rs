//! What clients write, and what executing it comes to.

use alloc::sync::Arc;

use quorate_ids::Timestamp;
use serde::{Deserialize, Serialize};

use crate::names::Value;

/// A change to one row, as its client states it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statement {
    /// The row holds this.
    Set(Arc<str>),
    /// The row holds so much more, at most the largest number. A row without a number counts from zero.
    Add(u64),
    /// The row holds what the clock of the executing node shows.
    Now,
    /// The row holds a number that the executing node draws.
    Random,
    /// The row holds the next number, which the client is told (auto-increment).
    NextId,
}

/// What a node has around it that differs from node to node and from moment to moment.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Surroundings {
    /// What its clock shows.
    pub now: Timestamp,
    /// A number drawn at random.
    pub random: u64,
}

impl Statement {
    /// What the row holds afterwards, executed here and now.
    #[must_use]
    pub fn execute(&self, before: Option<&Value>, around: Surroundings) -> Value {
        let counted = match before {
            Some(Value::Number(number)) => *number,
            Some(Value::Text(_)) | None => 0,
        };
        match self {
            Statement::Set(text) => Value::Text(Arc::clone(text)),
            Statement::Add(more) => Value::Number(counted.saturating_add(*more)),
            Statement::Now => Value::Number(around.now.0),
            Statement::Random => Value::Number(around.random),
            Statement::NextId => Value::Number(counted.saturating_add(1)),
        }
    }

    /// Whether executing it anywhere, at any time, on the same row comes to the same.
    #[must_use]
    pub fn is_deterministic(&self) -> bool {
        !matches!(self, Statement::Now | Statement::Random)
    }
}
