//! Sessions: of how many clients the log remembers the last write, and how one that is forgotten is told from one that is
//! new.
//!
//! A retry is answered and not done again as long as its client's last write is remembered. To remember that of all clients
//! for ever takes ever more room, so a cluster has at most so many *sessions* (Ongaro 2014, 6.3). Where a write would make it
//! one more, the session whose last write is furthest back in the log expires. That follows from the log alone, so every
//! replica that has applied the same entries has the same sessions; snapshots carry them.
//!
//! A client that is not remembered may be new, or be asking again for what was done before its session expired. Ongaro's
//! clients register, and are told from the log who they are. Here a write says how far its client had seen the log when
//! it first asked (`since`), and the log remembers how far back the last writes of expired sessions reach (`expired`):
//!
//! - In every log a write comes after everything that its client had seen when it first asked for it: a leader whose log does not reach that far,
//!   because it was deposed or has lost it, does not take the write. So if it was forgotten since, the last write
//!   of its client, which was that or a later one, expired beyond `since`.
//! - Hence a client that is not remembered is served if `since` is not before `expired`, and otherwise is told that it has no session, and
//!   how far the log is now. Of a request that was made before it then knows no more; it goes on with the next one.
//! - A client that has seen nothing says so. Such a write is never done: its client is told how far the log is, and asks
//!   again with that. What is doubled, or comes late, cannot be mistaken for the first of its client then.
//! - Nothing of this asks that a client says more with each write than with the one before, so it may forget what it has
//!   seen. It does when it gives up, since there may be nobody any more whose log reaches as far.
//!
//! Positions order what happened only where epochs tell the logs of leaders apart.

mod by_use;

use serde::{Deserialize, Serialize};

pub use by_use::ByUse;

use crate::names::Position;

/// What is known of sessions beside each client's last write.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
)]
pub struct Sessions {
    /// How many there are; not counted where there may be any number.
    pub held: u32,
    /// Where the last write is of the session that expired last: those of all that expired are there or before, and those
    /// of all others beyond.
    pub expired: Position,
}

impl Sessions {
    /// Whether a write that was first asked for when its client had seen this much may have been done and forgotten since.
    #[must_use]
    pub fn may_have_forgotten(&self, since: Position) -> bool {
        since < self.expired
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use quorate_ids::{ClientId, Peer};

    use super::Sessions;
    use crate::config::{ClusterConfig, LogKind};
    use crate::draft::Draft;
    use crate::effect::Input;
    use crate::founded::{Founded, raft};
    use crate::log::{Content, Entry, RowEffect};
    use crate::message::{Message, Operation, Outcome};
    use crate::names::{Epoch, Index, Key, Position, RequestId, Value};
    use crate::statement::{Statement, Surroundings};

    impl Founded {
        /// A cluster of one node, which commits at once.
        fn with_sessions(sessions: u32) -> Self {
            let (log, sessions) = (LogKind::Statement, Some(sessions));
            Founded::of(ClusterConfig { log, sessions, ..raft(1) })
        }

        /// What a client is told that asks for one more.
        fn add(&mut self, client: u64, number: u32, since: Option<Position>) -> Outcome {
            let request = RequestId { client: ClientId(client), number };
            let (key, statement) = (Key::from("k"), Statement::Add(1));
            let operation = Operation::Write { key, statement, since };
            let message = Message::Request { request, operation };
            let sent = self.step(Input::Receive { from: Peer::Client(ClientId(client)), message });
            let [Message::Reply { outcome, .. }] = &sent[..] else { panic!("{sent:?}") };
            outcome.clone()
        }

        fn remembers(&self) -> Vec<u64> {
            self.store.clients().keys().map(|client| client.0).collect()
        }
    }

    fn at(index: u32) -> Position {
        Position { epoch: Epoch::of(1), index: Index(index) }
    }

    fn written(index: u32) -> Outcome {
        Outcome::Written { position: at(index), value: Value::Number(u64::from(index)) }
    }

    #[test]
    fn one_session_too_many_ends_that_of_the_client_that_wrote_longest_ago() {
        let mut node = Founded::with_sessions(2);
        let new = Some(Position::default());
        assert_eq!(node.add(1, 1, new), written(1));
        assert_eq!(node.add(2, 1, new), written(2));
        assert_eq!(node.add(1, 2, Some(at(1))), written(3));
        assert_eq!(node.add(3, 1, Some(at(3))), written(4));
        assert_eq!(node.remembers(), [1, 3]);
        assert_eq!(node.add(1, 2, Some(at(1))), written(3), "it is remembered, and answered");
        let forgotten = Outcome::NoSession { position: at(4) };
        assert_eq!(node.add(2, 1, new), forgotten, "it was done");
        assert_eq!(node.add(4, 1, new), forgotten, "it was not, but who can know");
        assert_eq!(node.add(4, 1, Some(at(4))), written(5));
        assert_eq!(node.remembers(), [3, 4]);
        assert_eq!(node.add(2, 2, Some(at(4))), written(6), "the one before is over for it");
        assert_eq!(node.store.all_rows()[&Key::from("k")], Value::Number(6));
    }

    #[test]
    fn what_says_nothing_of_what_its_client_has_seen_is_never_done() {
        let mut node = Founded::with_sessions(2);
        let told = Outcome::NoSession { position: Position::default() };
        assert_eq!(node.add(1, 1, None), told);
        assert_eq!(node.add(1, 1, Some(Position::default())), written(1));
        assert_eq!(node.add(1, 1, None), written(1), "it comes again, and is remembered");
        assert_eq!(node.add(1, 2, None), Outcome::NoSession { position: at(1) });
        assert_eq!(node.store.entries().len(), 1);
    }

    #[test]
    fn a_leader_does_not_take_what_its_client_asks_having_seen_more_of_the_log() {
        let mut node = Founded::with_sessions(1);
        assert_eq!(node.add(1, 1, Some(Position::default())), written(1));
        let sent_on = Outcome::Redirect { leader: None };
        assert_eq!(node.add(2, 1, Some(at(2))), sent_on);
        let of_a_later_epoch = Position { epoch: Epoch::of(2), index: Index(1) };
        assert_eq!(node.add(2, 1, Some(of_a_later_epoch)), sent_on);
        assert_eq!(node.add(1, 1, Some(at(2))), written(1), "what it remembers it answers");
        assert_eq!(node.add(2, 1, Some(at(1))), written(2));
    }

    #[test]
    fn of_many_sessions_that_expire_in_one_step_those_go_first_that_were_used_longest_ago() {
        let mut node = Founded::with_sessions(20);
        for client in 1..=20 {
            node.add(client, 1, Some(Position::default()));
        }
        let mut draft = Draft::of(&node.store);
        // The first nine are in use again, and 15 clients more come.
        let again = (1..=9).map(|client| (client, 2));
        let entries = again.chain((101..=115).map(|client| (client, 1)));
        for (index, (client, number)) in (21..).map(Index).zip(entries) {
            let request = RequestId { client: ClientId(client), number };
            let effect = RowEffect::Execute(Statement::Add(1));
            let content = Content::Write { key: Key::from("k"), effect, request };
            draft.append(index, Entry { epoch: Epoch::of(1), content });
        }
        let Ok(()) = draft.apply_through(Index(44), Surroundings::default(), Some(20));
        let changes = draft.into_changes();
        node.store.apply(changes);
        // Those of the eleven that were not, and then four that were.
        assert_eq!(node.remembers(), (5..=9).chain(101..=115).collect::<Vec<_>>());
        assert_eq!(node.store.known_of_sessions(), Sessions { held: 20, expired: at(24) });
    }

    #[test]
    fn sessions_come_back_with_what_is_discarded() {
        let mut node = Founded::with_sessions(1);
        node.add(1, 1, Some(Position::default()));
        let before = node.store.clone();
        node.add(2, 1, Some(at(1)));
        node.add(3, 1, Some(at(2)));
        assert_eq!(node.store.known_of_sessions().expired, at(2));
        let mut draft = Draft::of(&node.store);
        let Ok(()) = draft.discard(Index(2), false);
        let changes = draft.into_changes();
        node.store.apply(changes);
        assert_eq!(node.store, before);
    }
}
