//! Actions and what they change, told to people.

use alloc::string::String;
use alloc::vec::Vec;

use super::ClusterModel;
use super::carry_out::Hops;
use crate::check::action::Action;
use crate::check::facts::Fact;
use crate::check::state::ClusterState;
use crate::check::{explain, words};
use crate::ids::{ClientId, Peer};
use crate::protocol::Outcome;

/// An operation that ended, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ended {
    /// Whose.
    pub(crate) client: ClientId,
    /// Which one of the client's program.
    pub(crate) operation: usize,
    /// How.
    pub(crate) outcome: Outcome,
}

impl Ended {
    pub(super) fn of(fact: &Fact) -> Option<Ended> {
        let Fact::Outcome { client, operation, outcome } = fact else { return None };
        let client = ClientId(*client as u64);
        Some(Ended { client, operation: *operation, outcome: outcome.clone() })
    }
}

impl ClusterModel {
    /// An action as one line, told with what the client starts if it is a start.
    #[must_use]
    pub fn tell(&self, before: &ClusterState, action: &Action) -> String {
        match action {
            Action::Invoke { client, .. } | Action::InvokeLate { client, .. } => {
                self.names.action(action, Some(self.starts(before, *client)))
            }
            _ => self.names.action(action, None),
        }
    }

    /// The operation that a client is to start next, in words.
    #[must_use]
    pub fn starts(&self, before: &ClusterState, client: ClientId) -> &str {
        let next = before.client(client).map(|state| state.next);
        next.and_then(|next| self.names.operation(client, next)).unwrap_or("nothing")
    }

    /// Lets one action happen and tells what it changed, a line each: messages of nodes that reached
    /// their receivers in the same step, actors that changed, messages sent.
    #[must_use]
    pub fn changes(
        &self,
        last: &ClusterState,
        action: Action,
    ) -> Option<(ClusterState, Vec<String>)> {
        let mut lines = Vec::new();
        let mut hops = Hops { ended: Some(Vec::new()), ..Hops::default() };
        let next = self.carry_out(last, action, &mut hops, |hop| {
            if let Peer::Node(_) = hop.from {
                lines.push(self.names.envelope(hop));
            }
        })?;
        lines.extend(words::changes(&self.names, last, &next));
        let ended = hops.ended.unwrap_or_default();
        lines.extend(ended.iter().map(|ended| explain::outcome(&self.names, ended)));
        Some((next, lines))
    }

    /// What becomes of the operations that end with this action, a line each.
    #[must_use]
    pub fn outcomes(&self, last: &ClusterState, action: &Action) -> Vec<String> {
        let ended = self.with_fresh_instruments().apply_noting_ends(last, action.clone());
        let told = |ended: &Ended| explain::outcome(&self.names, ended);
        ended.map_or_else(Vec::new, |(_, ended)| ended.iter().map(told).collect())
    }
}
