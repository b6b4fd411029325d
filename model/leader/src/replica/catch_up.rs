//! Recovery: a follower that is behind asks from its last position, and one that lost its disk waits until it
//! holds what it may have acknowledged.

use quorate_ids::{NodeId, NodeSet};
use serde::Serialize;

use super::{Replica, Turn};
use crate::deviation::Deviation;
use crate::effect::Timer;
use crate::message::Message;
use crate::names::{Epoch, Index, Position};
use crate::store::{Ballot, Snapshot, Store};

/// What the others have said that they hold, since a lost disk.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub(super) struct Recall {
    told: NodeSet,
    epoch: Epoch,
    last: Position,
}

impl Recall {
    pub(super) fn has_told(&self, other: NodeId) -> bool {
        self.told.contains(other)
    }

    #[cfg(feature = "planted-faults")]
    pub(super) fn is_told_by(&mut self, other: NodeId) {
        self.told.insert(other);
    }
}

impl Replica {
    /// A follower asks from its last position.
    pub(super) fn on_ask<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: NodeId,
        epoch: Epoch,
        last: Index,
    ) -> Result<(), S::Error> {
        if epoch != turn.draft.epoch()? {
            return Ok(());
        }
        self.ship_to(turn, from, last.next(), false)
    }

    /// What this node has compacted is not what its leader has: it discards everything and asks from the
    /// beginning.
    pub(super) fn start_over<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        leader: NodeId,
        epoch: Epoch,
    ) -> Result<(), S::Error> {
        turn.draft.install(Snapshot::default());
        turn.send(leader, Message::Ask { epoch, last: Index(0) });
        Ok(())
    }

    /// A node that starts on an empty disk, though its cluster was founded before, has lost what it held: it
    /// neither votes nor stands until it holds what it may have acknowledged.
    pub(super) fn recall_if_lost<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
    ) -> Result<(), S::Error> {
        let is_blank = turn.draft.ballot()? == Ballot::default();
        if is_blank && !turn.deviates(Deviation::VotesUncaught) {
            turn.draft.set_caught_up(false);
        }
        if turn.draft.is_caught_up()? {
            return Ok(());
        }
        let (told, epoch, last) = (NodeSet::EMPTY, Epoch::default(), Position::default());
        self.recall = Some(Recall { told, epoch, last });
        self.recall_again(turn);
        Ok(())
    }

    /// Asks those who have not said what they hold.
    pub(super) fn recall_again<S: Store>(&mut self, turn: &mut Turn<'_, S>) {
        let Some(recall) = &self.recall else { return };
        for other in turn.config.others().filter(|other| !recall.has_told(*other)) {
            turn.send(other, Message::Recall { life: self.life });
        }
        turn.set(Timer::CatchUp);
    }

    /// A node that lost its disk asks what this one holds. One that waits itself knows too little to say.
    pub(super) fn on_recall<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: NodeId,
        life: u64,
    ) -> Result<(), S::Error> {
        if turn.draft.is_caught_up()? {
            let (epoch, last) = (turn.draft.epoch()?, turn.draft.last()?);
            turn.send(from, Message::Recalled { life, epoch, last });
        }
        Ok(())
    }

    /// Another node says what it holds.
    pub(super) fn on_recalled<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: NodeId,
        life: u64,
        epoch: Epoch,
        last: Position,
    ) -> Result<(), S::Error> {
        let Some(recall) = self.recall.as_mut().filter(|_| self.life == life) else {
            return Ok(());
        };
        recall.told.insert(from);
        recall.epoch = recall.epoch.max(epoch);
        recall.last = recall.last.max(last);
        // It votes in no epoch that one of them knew of, since it may have voted in it before.
        let (epoch, own) = (recall.epoch, turn.config.node);
        if !self.knows_no_epoch(turn) && turn.draft.epoch()? <= epoch {
            turn.draft.vote(Ballot { epoch, vote: Some(own) });
            self.follow(turn, None);
        }
        self.note_caught_up(turn)
    }

    /// Whether it lost its disk and does not know yet in which epochs it may have voted, or followed a leader: until all
    /// others have told what they know. Then it belongs to no leader: it may have promised not to follow one of an
    /// older epoch, and what it acknowledges to such a one may be counted. (The checker found this: it had acknowledged
    /// to a leader that was deposed with its own vote.) More than half do not suffice: the one that does not tell may be
    /// the candidate that it voted for, who may yet win with that vote.
    pub(super) fn knows_no_epoch<S: Store>(&self, turn: &Turn<'_, S>) -> bool {
        let others = turn.config.cluster.nodes - 1;
        self.recall.as_ref().is_some_and(|recall| recall.told.len() < others)
    }

    /// Notes if what it holds is at least as up to date as the logs of all those who have told: one of them
    /// holds any entry that a majority has held.
    pub(super) fn note_caught_up<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
    ) -> Result<(), S::Error> {
        let Some(recall) = &self.recall else { return Ok(()) };
        if self.knows_no_epoch(turn) || turn.draft.last()? < recall.last {
            return Ok(());
        }
        turn.draft.set_caught_up(true);
        self.recall = None;
        turn.cancel(Timer::CatchUp);
        Ok(())
    }
}
