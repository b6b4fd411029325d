//! Elections: how a leader is found when the last one is thought to be gone, which may be wrong.

mod bully;
mod manual;
mod raft;

use super::{Replica, Role, Turn};
use crate::config::ElectionKind;
use crate::deviation::Deviation;
use crate::names::Epoch;
use crate::store::{Ballot, Store};

impl Replica {
    /// This follower thinks that nobody leads.
    pub(super) fn elect<S: Store>(&mut self, turn: &mut Turn<'_, S>) -> Result<(), S::Error> {
        match turn.config.cluster.election {
            ElectionKind::Manual => self.promote(turn),
            ElectionKind::Bully => self.bully(turn),
            ElectionKind::Raft => self.stand(turn),
        }
    }

    /// An election has not come to an end in time.
    pub(super) fn elect_again<S: Store>(&mut self, turn: &mut Turn<'_, S>) -> Result<(), S::Error> {
        match self.role {
            Role::Candidate { .. } => self.stand(turn),
            Role::Bullying { is_answered } => self.bully_on(turn, is_answered),
            Role::Follower { .. } | Role::Leader(_) => Ok(()),
        }
    }

    /// Somebody knows a later epoch: whoever led in an earlier one is deposed. The bully election finds out at
    /// once whether it may lead again.
    pub(super) fn on_stale<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        epoch: Epoch,
    ) -> Result<(), S::Error> {
        if epoch <= turn.draft.epoch()? {
            return Ok(());
        }
        let led = matches!(self.role, Role::Leader(_));
        self.adopt(turn, epoch);
        match turn.config.cluster.election {
            ElectionKind::Bully if led => self.bully(turn),
            ElectionKind::Bully | ElectionKind::Manual | ElectionKind::Raft => Ok(()),
        }
    }

    /// Makes itself leader, without asking anybody: in an epoch of its own, and of this life, where there are epochs. Where they
    /// end, nobody leads any more.
    fn claim<S: Store>(&mut self, turn: &mut Turn<'_, S>) -> Result<(), S::Error> {
        if turn.config.cluster.fencing {
            let life = if turn.deviates(Deviation::EpochsWithoutLives) { 0 } else { self.life };
            let Some(epoch) = turn.config.own_epoch_after(turn.draft.epoch()?, life) else {
                self.follow(turn, None);
                return Ok(());
            };
            turn.draft.vote(Ballot { epoch, vote: Some(turn.config.node) });
        }
        self.lead(turn)
    }
}
