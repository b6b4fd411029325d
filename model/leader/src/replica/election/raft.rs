//! Raft's election (Ongaro and Ousterhout 2014): a majority votes, each node once an epoch, durably, and only for a
//! log at least as up to date as its own.

use quorate_ids::{NodeId, NodeSet};

use super::super::{Replica, Role, Turn};
use crate::config::ElectionKind;
use crate::effect::Timer;
use crate::message::Message;
use crate::names::{Epoch, Position};
use crate::store::{Ballot, Store};

impl Replica {
    /// Stands in the next epoch, and votes for itself. A node that lost its disk and has not caught up does
    /// not, and nobody does where epochs end.
    pub(super) fn stand<S: Store>(&mut self, turn: &mut Turn<'_, S>) -> Result<(), S::Error> {
        let next = if turn.draft.is_caught_up()? { turn.draft.epoch()?.next() } else { None };
        let Some(epoch) = next else {
            turn.set(Timer::Election);
            return Ok(());
        };
        let own = turn.config.node;
        turn.draft.vote(Ballot { epoch, vote: Some(own) });
        let mut votes = NodeSet::EMPTY;
        votes.insert(own);
        turn.cancel(Timer::Election);
        self.role = Role::Candidate { votes };
        turn.set(Timer::Candidacy);
        let last = turn.draft.last()?;
        turn.send_to_others(&Message::RequestVote { epoch, last });
        self.lead_if_elected(turn)
    }

    /// A candidate asks for this node's vote. A refusal is silent, unless the candidate does not know what
    /// epoch it is.
    pub(in crate::replica) fn on_request_vote<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: NodeId,
        epoch: Epoch,
        last: Position,
    ) -> Result<(), S::Error> {
        if turn.config.cluster.election != ElectionKind::Raft || !turn.draft.is_caught_up()? {
            return Ok(());
        }
        let known = turn.draft.epoch()?;
        if epoch < known {
            turn.send(from, Message::Stale { epoch: known });
            return Ok(());
        }
        if epoch > known {
            self.adopt(turn, epoch);
        }
        let vote = turn.draft.ballot()?.vote;
        if vote.is_some_and(|vote| vote != from) || last < turn.draft.last()? {
            return Ok(());
        }
        if vote.is_none() {
            turn.draft.vote(Ballot { epoch, vote: Some(from) });
        }
        turn.send(from, Message::Vote { epoch });
        Ok(())
    }

    /// A node votes for this one.
    pub(in crate::replica) fn on_vote<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: NodeId,
        epoch: Epoch,
    ) -> Result<(), S::Error> {
        if epoch != turn.draft.epoch()? {
            return Ok(());
        }
        let Role::Candidate { votes } = &mut self.role else { return Ok(()) };
        votes.insert(from);
        self.lead_if_elected(turn)
    }

    fn lead_if_elected<S: Store>(&mut self, turn: &mut Turn<'_, S>) -> Result<(), S::Error> {
        let Role::Candidate { votes } = self.role else { return Ok(()) };
        if turn.config.cluster.is_majority(votes) { self.lead(turn) } else { Ok(()) }
    }
}
