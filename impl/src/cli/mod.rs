//! The commands of `quorate`: one module each, parsing and printing only. What they do lives in
//! the library.

pub mod accept_loss;
pub mod add;
pub mod bench;
mod certify;
pub mod check;
pub mod cluster;
pub mod compare;
pub mod compare_reductions;
pub mod config;
pub mod delete;
pub mod explore;
mod footprints;
pub mod get;
pub mod key;
pub mod list;
pub mod manual;
pub mod node;
pub mod output;
pub mod promote;
mod protocol;
pub mod put;
pub mod replay;
pub mod request;
mod sample;
pub mod saved;
pub mod scenario;
pub mod status;
pub mod top;
pub mod trace_key;
pub mod validate;
mod with_leader;

/// Why a command did not end as expected, and with which exit code.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A verdict or a validation differs from what was expected: exit code 1. What differs has
    /// been printed already.
    #[error("{0}")]
    Unexpected(String),
    /// Wrong usage or input: exit code 2. The message names the file and field, or the flag.
    #[error("{0}")]
    Usage(String),
}

impl Failure {
    /// Adds something to what it says.
    fn add(&mut self, more: &str) {
        let (Failure::Unexpected(text) | Failure::Usage(text)) = self;
        text.push_str(more);
    }

    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Unexpected(_) => 1,
            Failure::Usage(_) => 2,
        }
    }
}
