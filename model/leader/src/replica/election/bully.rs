//! The bully election (Garcia-Molina 1982): the highest node that is up leads, whatever its log says.

use quorate_ids::NodeId;

use super::super::{Replica, Role, Turn};
use crate::config::ElectionKind;
use crate::effect::Timer;
use crate::message::Message;
use crate::store::Store;

impl Replica {
    /// Asks the higher nodes whether one of them is up, or leads at once if there is none.
    pub(in crate::replica) fn bully<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
    ) -> Result<(), S::Error> {
        let own = turn.config.node;
        if turn.config.others().all(|other| other < own) {
            return self.claim(turn);
        }
        if !matches!(self.role, Role::Follower { leader: None }) {
            self.follow(turn, None);
        }
        turn.cancel(Timer::Election);
        self.role = Role::Bullying { is_answered: false };
        for other in turn.config.others().filter(|other| *other > own) {
            turn.send(other, Message::Election);
        }
        turn.set(Timer::Candidacy);
        Ok(())
    }

    /// The higher nodes have had their time: one that answered should have made itself leader, and if none did, this
    /// node does.
    pub(super) fn bully_on<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        is_answered: bool,
    ) -> Result<(), S::Error> {
        if is_answered { self.bully(turn) } else { self.claim(turn) }
    }

    /// A lower node asks whether this one is up: it is, and takes over, or says again that it leads.
    pub(in crate::replica) fn on_election<S: Store>(
        &mut self,
        turn: &mut Turn<'_, S>,
        from: NodeId,
    ) -> Result<(), S::Error> {
        if turn.config.cluster.election != ElectionKind::Bully || from > turn.config.node {
            return Ok(());
        }
        turn.send(from, Message::Answer);
        match &self.role {
            Role::Leader(leadership) => {
                let next = leadership.matched(from).next();
                self.ship_to(turn, from, next, true)
            }
            Role::Bullying { .. } => Ok(()),
            Role::Follower { .. } | Role::Candidate { .. } => self.bully(turn),
        }
    }

    /// A higher node is up.
    pub(in crate::replica) fn on_answer(&mut self) {
        if let Role::Bullying { is_answered } = &mut self.role {
            *is_answered = true;
        }
    }
}
