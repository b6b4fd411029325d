//! Whether what comes from outside names only nodes that the cluster has.
//!
//! The actors inside dots are not looked at: they are only ever compared, and may name nodes that
//! have left.

use quorate_model::protocol::{GetOutcome, Message, PutOutcome, Refusal};

use super::{AcceptLoss, NodeStatus, Question, Told};
use crate::wire::{KnownNodes, NamesNodes};

impl NamesNodes for AcceptLoss {
    fn names_only(&self, known: KnownNodes) -> bool {
        known.set(self.lost)
    }
}

impl NamesNodes for Question {
    fn names_only(&self, _: KnownNodes) -> bool {
        match self {
            Question::Keys { .. } | Question::Key { .. } => true,
        }
    }
}

impl NamesNodes for Told {
    fn names_only(&self, known: KnownNodes) -> bool {
        match self {
            Told::Keys { .. } => true,
            Told::Key { hints, .. } => hints.iter().all(|(home, _)| known.node(*home)),
        }
    }
}

impl NamesNodes for NodeStatus {
    fn names_only(&self, known: KnownNodes) -> bool {
        self.hints.iter().all(|hints| known.node(hints.home))
            && self.awaited.iter().all(|of| known.set(of.range) && known.set(of.from))
            && self.syncs.iter().all(|syncs| known.node(syncs.peer))
            && self.ranges.iter().flatten().all(|range| known.set(range.homes))
    }
}

impl NamesNodes for Message {
    /// No wildcard: a new kind of message must be thought about.
    fn names_only(&self, known: KnownNodes) -> bool {
        match self {
            Message::PutReply { outcome, .. } => match outcome {
                PutOutcome::Ok { acked } | PutOutcome::Unavailable { acked } => known.set(*acked),
                PutOutcome::Refused(refusal) => refusal.names_only(known),
                PutOutcome::Minted { .. } => true,
            },
            Message::GetReply { outcome, .. } => match outcome {
                GetOutcome::Ok { replied, .. } | GetOutcome::Unavailable { replied } => {
                    known.set(*replied)
                }
                GetOutcome::Refused(refusal) => refusal.names_only(known),
            },
            Message::StoreHint { home, .. } => known.node(*home),
            Message::SyncHashes { range, .. } | Message::SyncKeys { range, .. } => {
                known.set(*range)
            }
            Message::Put(_)
            | Message::Get(_)
            | Message::Store { .. }
            | Message::StoreAck { .. }
            | Message::Fetch { .. }
            | Message::FetchReply { .. }
            | Message::Repair { .. }
            | Message::Probe { .. }
            | Message::ProbeReply { .. }
            | Message::Handoff { .. }
            | Message::HandoffAck { .. }
            | Message::CatchUp { .. }
            | Message::CatchUpPage { .. }
            | Message::Register { .. }
            | Message::Registered { .. }
            | Message::ReapAsk { .. }
            | Message::ReapAgree { .. }
            | Message::Reap { .. }
            | Message::SyncStates { .. } => true,
        }
    }
}

impl NamesNodes for Refusal {
    fn names_only(&self, known: KnownNodes) -> bool {
        match self {
            Refusal::NotHome { homes } => known.set(*homes),
            Refusal::QuorumOutOfRange { .. }
            | Refusal::KeyTooLong { .. }
            | Refusal::ValueTooLarge { .. }
            | Refusal::TooManySiblings { .. }
            | Refusal::ClientFanOutOff
            | Refusal::ContextNotGiven
            | Refusal::TooManyHints { .. }
            | Refusal::CatchingUp
            | Refusal::Overloaded { .. }
            | Refusal::HintsTooLarge { .. } => true,
        }
    }
}
