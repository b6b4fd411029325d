//! Reads: by the leader as it believes itself to be, by the leader after a round of heartbeats, by any replica, or
//! by one that has come far enough.

use quorate_ids::{NodeId, NodeSet};
use serde::Serialize;

use super::{Replica, Role, Turn};
use crate::config::ElectionKind;
use crate::limits;
use crate::message::{Outcome, ReadFrom};
use crate::names::{Key, RequestId};
use crate::store::Store;

/// A read that waits until the leader knows that it leads.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub(super) struct Confirming {
    pub(super) request: RequestId,
    pub(super) key: Key,
    /// The round of heartbeats that it waits for; zero while the leader has committed nothing of its epoch,
    /// and so does not know what is committed.
    pub(super) round: u32,
    /// Who has answered.
    pub(super) heard: NodeSet,
}

impl Replica {
    /// A client reads.
    pub(super) fn read<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        request: RequestId,
        key: Key,
        from: ReadFrom,
    ) -> Result<(), S::Error> {
        let leads = matches!(self.role, Role::Leader(_));
        match from {
            ReadFrom::Leader | ReadFrom::ConfirmedLeader if !leads => {
                self.redirect(turn, request);
                Ok(())
            }
            ReadFrom::Leader | ReadFrom::Replica => find(turn, request, &key),
            ReadFrom::ReplicaAt(seen) if turn.committed_position()? < seen => {
                let leader = self.leader(turn.config.node);
                turn.reply(request, Outcome::Behind { leader });
                Ok(())
            }
            ReadFrom::ReplicaAt(_) => find(turn, request, &key),
            ReadFrom::ConfirmedLeader => {
                if let Role::Leader(leadership) = &mut self.role {
                    let heard = NodeSet::EMPTY;
                    leadership.confirming.retain(|read| read.request != request);
                    let bytes = limits::request_bytes(&key, None);
                    if let Err(refusal) = leadership.admit(&turn.config.cluster.limits, bytes) {
                        turn.reply(request, Outcome::Refused(refusal));
                        return Ok(());
                    }
                    leadership.confirming.push(Confirming { request, key, round: 0, heard });
                }
                self.confirm_waiting(turn)
            }
        }
    }

    /// Begins a round of heartbeats for the reads that wait for one, once the leader knows what is committed:
    /// when it has committed an entry of its own epoch (Ongaro 2014, 6.4), or leads a cluster that has just
    /// been founded, where nothing is older.
    pub(super) fn confirm_waiting<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
    ) -> Result<(), S::Error> {
        let epoch = turn.draft.epoch()?;
        let knows = turn.config.cluster.election != ElectionKind::Raft
            || epoch == turn.config.cluster.founding_epoch()
            || turn.committed_position()?.epoch == epoch;
        let Role::Leader(leadership) = &mut self.role else { return Ok(()) };
        if !knows || leadership.confirming.iter().all(|read| read.round > 0) {
            return Ok(());
        }
        let Some(round) = leadership.round.checked_add(1) else {
            // It has counted as many as it can: whoever leads next begins anew.
            self.follow(turn, None);
            return Ok(());
        };
        leadership.round = round;
        let mut own = NodeSet::EMPTY;
        own.insert(turn.config.node);
        for read in leadership.confirming.iter_mut().filter(|read| read.round == 0) {
            (read.round, read.heard) = (leadership.round, own);
        }
        for other in turn.config.others() {
            let Role::Leader(leadership) = &self.role else { return Ok(()) };
            let next = leadership.matched(other).next();
            // Where a piece of the log is under way, the round begins with the next one.
            if !leadership.under_way.contains(other) {
                self.ship_to(turn, other, next, false)?;
            }
        }
        self.answer_confirmed(turn)
    }

    /// A follower has answered this round: in this epoch, so nobody led in a later one that it knew of when
    /// the round began.
    pub(super) fn heard<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: NodeId,
        round: u32,
    ) -> Result<(), S::Error> {
        let Role::Leader(leadership) = &mut self.role else { return Ok(()) };
        let reads = leadership.confirming.iter_mut();
        for read in reads.filter(|read| (1..=round).contains(&read.round)) {
            read.heard.insert(from);
        }
        self.answer_confirmed(turn)
    }

    fn answer_confirmed<S: Store>(&mut self, turn: &mut Turn<'_, S>) -> Result<(), S::Error> {
        let cluster = &turn.config.cluster;
        let Role::Leader(leadership) = &mut self.role else { return Ok(()) };
        let mut confirmed = alloc::vec::Vec::new();
        leadership.confirming.retain(|read| {
            let is_confirmed = read.round > 0 && cluster.is_majority(read.heard);
            if is_confirmed {
                confirmed.push((read.request, read.key.clone()));
            }
            !is_confirmed
        });
        for (request, key) in confirmed {
            find(turn, request, &key)?;
        }
        Ok(())
    }
}

/// Answers with what the row holds here.
fn find<S: Store>(turn: &mut Turn<'_, S>, request: RequestId, key: &Key) -> Result<(), S::Error> {
    let (position, value) = (turn.committed_position()?, turn.draft.row(key)?);
    turn.reply(request, Outcome::Found { position, value });
    Ok(())
}
