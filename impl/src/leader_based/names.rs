//! Whether what comes from outside names only nodes that the cluster has.

use quorate_leader::log::{Content, Entry};
use quorate_leader::message::{Append, Message, Outcome};
use quorate_leader_model::kinds::Packet;
use quorate_leader_model::refine::LOG;

use crate::wire::{KnownNodes, NamesNodes};

fn entries(entries: &[Entry], known: KnownNodes) -> bool {
    entries.iter().all(|entry| match entry.content {
        Content::Lead(node) => known.node(node),
        Content::Write { .. } => true,
    })
}

impl NamesNodes for Packet {
    /// No wildcard: a new kind of message must be thought about.
    fn names_only(&self, known: KnownNodes) -> bool {
        let names_only = match &self.message {
            Message::Append(Append { entries: shipped, .. })
            | Message::Coordinator(Append { entries: shipped, .. }) => entries(shipped, known),
            Message::Reply { outcome, .. } => match outcome {
                Outcome::Redirect { leader } | Outcome::Behind { leader } => {
                    leader.is_none_or(|leader| known.node(leader))
                }
                Outcome::Written { .. }
                | Outcome::Found { .. }
                | Outcome::NoSession { .. }
                | Outcome::Refused(_) => true,
            },
            Message::Request { .. }
            | Message::Appended { .. }
            | Message::Ask { .. }
            | Message::Snapshot(_)
            | Message::More { .. }
            | Message::RequestVote { .. }
            | Message::Vote { .. }
            | Message::Stale { .. }
            | Message::Election
            | Message::Answer
            | Message::Recall { .. }
            | Message::Recalled { .. } => true,
        };
        // A cluster that runs has one log.
        names_only && self.shard == LOG
    }
}
