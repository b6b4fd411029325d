//! How a request ended that came to nothing, in words.

use serde::Serialize;

use quorate_model::ids::NodeSet;
use quorate_model::protocol::{Outcome, Refusal};

use crate::client::Session;
use crate::config::ClusterFile;

/// The names of these nodes.
#[must_use]
pub fn names(cluster: &ClusterFile, nodes: NodeSet) -> Vec<String> {
    nodes.iter().map(|node| cluster.cluster.name(node).to_string()).collect()
}

/// A list of names for a sentence.
#[must_use]
pub fn listed(names: &[String]) -> String {
    if names.is_empty() { "nobody".to_string() } else { names.join(", ") }
}

/// Why a request came to nothing, in words and as JSON.
#[derive(Debug, Serialize)]
pub struct Ended {
    /// `unavailable`, `refused` or `no-answer`.
    pub error: &'static str,
    /// Whether the write may have happened all the same.
    pub indeterminate: bool,
    /// Who answered all the same.
    pub answered: Vec<String>,
    /// The same in words.
    pub message: String,
}

impl Ended {
    /// What an outcome that is no success means; `None` if it is one. `session` is the one that asked: whom, and how
    /// often, is told.
    #[must_use]
    pub fn of(
        cluster: &ClusterFile,
        outcome: &Outcome,
        is_write: bool,
        session: &Session,
    ) -> Option<Self> {
        const INDETERMINATE: &str = "the write is indeterminate: later reads may or may not see it";
        match outcome {
            Outcome::PutOk { .. } | Outcome::GetOk { .. } => None,
            Outcome::PutUnavailable { acked } => {
                let answered = names(cluster, *acked);
                let by = listed(&answered);
                let message = format!(
                    "unavailable: too few homes acknowledged in time (acknowledged by {by}); \
                     {INDETERMINATE}"
                );
                Some(Ended { error: "unavailable", indeterminate: true, answered, message })
            }
            Outcome::GetUnavailable { replied } => {
                let answered = names(cluster, *replied);
                let by = listed(&answered);
                let message = format!("unavailable: too few homes replied in time (replied: {by})");
                Some(Ended { error: "unavailable", indeterminate: false, answered, message })
            }
            Outcome::Refused(refusal) => {
                let message = match refusal {
                    Refusal::NotHome { homes } => format!(
                        "refused: a client-driven put must go to a home of the key: {}",
                        listed(&names(cluster, *homes))
                    ),
                    Refusal::QuorumOutOfRange { asked, n } => {
                        let what = if is_write { "acknowledgements" } else { "replies" };
                        format!("refused: asked for {asked} {what} of {n} homes; ask for 1 to {n}")
                    }
                    refusal => format!("refused: {refusal}"),
                };
                let indeterminate = is_write && refusal.leaves_open(session.was_asked_again());
                let message =
                    if indeterminate { format!("{message}; {INDETERMINATE}") } else { message };
                let answered = Vec::new();
                Some(Ended { error: "refused", indeterminate, answered, message })
            }
            Outcome::NoAnswer => {
                let who = session.asked().map_or_else(String::new, |node| {
                    let entry = cluster.node(node);
                    format!(", {} ({}),", entry.name, entry.address)
                });
                let message = format!("the coordinator{who} did not answer (is it running?)");
                let message =
                    if is_write { format!("{message}; {INDETERMINATE}") } else { message };
                let answered = Vec::new();
                Some(Ended { error: "no-answer", indeterminate: is_write, answered, message })
            }
        }
    }
}
