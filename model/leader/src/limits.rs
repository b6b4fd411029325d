//! Limits that a node keeps to, so that no client makes it grow without bound, and what it refuses for them.
//!
//! What another node ships is taken in whatever it adds up to: it was admitted there.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::log::{Content, Entry, RowEffect};
use crate::names::{Key, Value};
use crate::statement::Statement;

/// The fixed share of each thing that is kept or sent, for its place and for what has a fixed size.
pub const SHARE_BYTES: usize = 256;

/// The limits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a key; a request about a longer one is refused.
    pub key_bytes_max: usize,
    /// Bytes of a value; a write of a longer one is refused.
    pub value_bytes_max: usize,
    /// Requests that wait at a leader; a further one is refused.
    pub pending_max: usize,
    /// Bytes that requests which wait at a leader hold; a further one that would take more is refused.
    pub pending_bytes_max: usize,
    /// Bytes of the entries of a message, or of the rows of a page of a snapshot, unless a single one has more.
    pub piece_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            key_bytes_max: 4 * 1024,
            value_bytes_max: 1024 * 1024,
            pending_max: 10_000,
            pending_bytes_max: 256 * 1024 * 1024,
            piece_bytes_max: 1024 * 1024,
        }
    }
}

impl Limits {
    /// What a write of the largest key and value takes.
    #[must_use]
    pub fn request_bytes_most(&self) -> usize {
        SHARE_BYTES + self.key_bytes_max + self.value_bytes_max
    }

    /// Refuses a request whose key or value is longer than one may be.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn check(&self, key: &Key, statement: Option<&Statement>) -> Result<(), Refusal> {
        let (bytes, bytes_max) = (key.0.len(), self.key_bytes_max);
        if bytes > bytes_max {
            return Err(Refusal::KeyTooLong { bytes, bytes_max });
        }
        let (bytes, bytes_max) = (statement.map_or(0, statement_bytes), self.value_bytes_max);
        if bytes > bytes_max {
            return Err(Refusal::ValueTooLarge { bytes, bytes_max });
        }
        Ok(())
    }
}

/// Why a node will not do what it was asked. Nothing was appended. Where the network doubles messages, another copy may yet be
/// done, unless no node ever does what was asked ([`Refusal::is_of_request`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// The key is too long.
    KeyTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The value is too large.
    ValueTooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// As many requests wait at the leader as may.
    TooManyWait {
        /// The limit.
        pending_max: usize,
    },
    /// The requests that wait at the leader hold as much as they may.
    TooMuchWaits {
        /// What the request takes.
        bytes: usize,
        /// What those take that wait.
        pending_bytes: usize,
        /// The limit.
        pending_bytes_max: usize,
    },
    /// The log has as many entries as can be counted.
    LogFull,
}

impl Refusal {
    /// Whether the reason is the request itself, so that every node refuses it, at any time.
    #[must_use]
    pub fn is_of_request(&self) -> bool {
        match self {
            Refusal::KeyTooLong { .. } | Refusal::ValueTooLarge { .. } => true,
            Refusal::TooManyWait { .. } | Refusal::TooMuchWaits { .. } | Refusal::LogFull => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::KeyTooLong { bytes, bytes_max } => write!(
                f,
                "a key of {bytes} bytes, but a key has at most {bytes_max}; use a shorter one"
            ),
            Refusal::ValueTooLarge { bytes, bytes_max } => write!(
                f,
                "a value of {bytes} bytes, but a value has at most {bytes_max}; split it over more keys"
            ),
            Refusal::TooManyWait { pending_max } => write!(
                f,
                "{pending_max} requests are already in flight at this node; retry later"
            ),
            Refusal::TooMuchWaits { bytes, pending_bytes, pending_bytes_max } => write!(
                f,
                "a request of {bytes} bytes, but those in flight at this node may take \
                 {pending_bytes_max} in all, and take {pending_bytes}; retry later"
            ),
            Refusal::LogFull => f.write_str(
                "the log has as many entries as can be counted; found a new cluster and copy the rows",
            ),
        }
    }
}

/// What a request takes while it waits.
#[must_use]
pub fn request_bytes(key: &Key, statement: Option<&Statement>) -> usize {
    SHARE_BYTES + key.0.len() + statement.map_or(0, statement_bytes)
}

/// What an entry takes in a message.
#[must_use]
pub fn entry_bytes(entry: &Entry) -> usize {
    match &entry.content {
        Content::Lead(_) => SHARE_BYTES,
        Content::Write { key, effect: RowEffect::Row(value), .. } => row_bytes(key, value),
        Content::Write { key, effect: RowEffect::Execute(statement), .. } => {
            request_bytes(key, Some(statement))
        }
    }
}

/// What a row takes in a message.
#[must_use]
pub fn row_bytes(key: &Key, value: &Value) -> usize {
    let value = match value {
        Value::Text(text) => text.len(),
        Value::Number(_) => 0,
    };
    SHARE_BYTES + key.0.len() + value
}

fn statement_bytes(statement: &Statement) -> usize {
    match statement {
        Statement::Set(text) => text.len(),
        Statement::Add(_) | Statement::Now | Statement::Random | Statement::NextId => 0,
    }
}

#[cfg(test)]
mod tests {
    use alloc::sync::Arc;
    use alloc::vec::Vec;

    use quorate_ids::{ClientId, NodeId, Peer};

    use super::*;
    use crate::config::ClusterConfig;
    use crate::effect::Input;
    use crate::founded::{Founded, raft};
    use crate::message::{Append, Message, Operation, Outcome, ReadFrom};
    use crate::names::{Epoch, Index, Position, RequestId};
    use crate::replica::Replica;

    const LIMITS: Limits = Limits {
        key_bytes_max: 4,
        value_bytes_max: 8,
        pending_max: 3,
        pending_bytes_max: 3 * SHARE_BYTES,
        piece_bytes_max: 2 * SHARE_BYTES + 4,
    };

    impl Founded {
        /// A leader whose followers say nothing.
        fn within(limits: Limits) -> Self {
            Founded::of(ClusterConfig { limits, ..raft(3) })
        }

        /// What a client is told at once.
        fn ask(&mut self, client: u64, operation: Operation) -> Option<Outcome> {
            let request = RequestId { client: ClientId(client), number: 1 };
            let message = Message::Request { request, operation };
            let from = Peer::Client(ClientId(client));
            self.step(Input::Receive { from, message }).into_iter().find_map(|sent| match sent {
                Message::Reply { outcome, .. } => Some(outcome),
                _ => None,
            })
        }

        fn entries(&self) -> usize {
            self.store.entries().len()
        }
    }

    fn set(key: &str, value: &str) -> Operation {
        let statement = Statement::Set(Arc::from(value));
        Operation::Write { key: Key::from(key), statement, since: None }
    }

    fn read(key: &str) -> Operation {
        Operation::Read { key: Key::from(key), from: ReadFrom::ConfirmedLeader }
    }

    #[test]
    fn what_is_too_long_is_refused_by_whoever_is_asked() {
        let mut leader = Founded::within(LIMITS);
        let key = Refusal::KeyTooLong { bytes: 5, bytes_max: 4 };
        let value = Refusal::ValueTooLarge { bytes: 9, bytes_max: 8 };
        assert_eq!(leader.ask(1, set("12345", "")), Some(Outcome::Refused(key)));
        assert_eq!(leader.ask(1, read("12345")), Some(Outcome::Refused(key)));
        assert_eq!(leader.ask(1, set("1234", "123456789")), Some(Outcome::Refused(value)));
        assert_eq!((leader.entries(), leader.ask(1, set("1234", ""))), (0, None));
        leader.replica = Replica::default();
        assert_eq!(leader.ask(2, read("12345")), Some(Outcome::Refused(key)), "it follows");
    }

    #[test]
    fn no_more_requests_wait_than_may_and_none_that_waits_is_refused_when_it_is_repeated() {
        let mut leader = Founded::within(Limits { pending_bytes_max: usize::MAX, ..LIMITS });
        for client in 1..=3 {
            assert_eq!(leader.ask(client, set("k", "v")), None);
        }
        let refused = Some(Outcome::Refused(Refusal::TooManyWait { pending_max: 3 }));
        assert_eq!(leader.ask(4, set("k", "v")), refused);
        assert_eq!(leader.ask(5, read("k")), refused);
        assert_eq!((leader.ask(2, set("k", "v")), leader.entries()), (None, 3));
        let (from, epoch) = (Peer::Node(NodeId(1)), Epoch::of(1));
        let message = Message::Appended { epoch, matched: Index(3), round: 0 };
        leader.step(Input::Receive { from, message });
        assert_eq!((leader.ask(4, set("k", "v")), leader.entries()), (None, 4), "there is room");
    }

    #[test]
    fn requests_that_wait_hold_no_more_than_they_may() {
        let mut leader = Founded::within(LIMITS);
        assert_eq!(leader.ask(1, set("k", "v")), None);
        assert_eq!(leader.ask(2, read("k")), None);
        let refused = Refusal::TooMuchWaits {
            bytes: SHARE_BYTES + 2,
            pending_bytes: 2 * SHARE_BYTES + 3,
            pending_bytes_max: 3 * SHARE_BYTES,
        };
        assert_eq!(leader.ask(3, set("k", "v")), Some(Outcome::Refused(refused)));
        assert_eq!(leader.entries(), 1);
    }

    #[test]
    fn a_piece_of_the_log_has_no_more_bytes_than_it_may_unless_it_is_one_entry() {
        let mut leader = Founded::within(Limits { pending_bytes_max: usize::MAX, ..LIMITS });
        leader.ask(1, set("k", "1"));
        leader.ask(2, set("k", "2"));
        leader.ask(3, set("k", "3"));
        let message = Message::Ask { epoch: Epoch::of(1), last: Index(0) };
        let shipped = |sent: Vec<Message>| {
            let shipped = sent.into_iter().find_map(|message| match message {
                Message::Append(Append { entries, previous, .. }) => {
                    Some((previous.index.0, entries.len()))
                }
                _ => None,
            });
            shipped.unwrap()
        };
        let from = Peer::Node(NodeId(1));
        assert_eq!(shipped(leader.step(Input::Receive { from, message })), (0, 2));
        let message = Message::Appended { epoch: Epoch::of(1), matched: Index(2), round: 0 };
        assert_eq!(shipped(leader.step(Input::Receive { from, message })), (2, 1));
        let mut leader = Founded::within(Limits { piece_bytes_max: 1, ..LIMITS });
        leader.ask(1, set("k", "1"));
        let message = Message::Ask { epoch: Epoch::of(1), last: Index(0) };
        assert_eq!(shipped(leader.step(Input::Receive { from, message })), (0, 1));
    }

    #[test]
    fn a_page_of_a_snapshot_has_no_more_bytes_than_it_may_unless_it_is_one_row() {
        for (piece_bytes_max, rows_of_page) in [(1, 1), (2 * SHARE_BYTES + 4, 2), (1 << 20, 5)] {
            let mut leader = Founded::within(Limits { piece_bytes_max, ..LIMITS });
            let position = Position { epoch: Epoch::of(1), index: Index(9) };
            let rows = (0..5).map(|row| (Key::from(&*alloc::format!("{row}")), Value::Number(row)));
            let snapshot =
                crate::store::Snapshot { position, rows: rows.collect(), ..Default::default() };
            leader.store.apply([crate::store::Change::Install(snapshot)]);
            let (from, mut after, mut seen) = (Peer::Node(NodeId(1)), None, 0);
            loop {
                let message = Message::More { epoch: Epoch::of(1), position, after };
                let sent = leader.step(Input::Receive { from, message });
                let [Message::Snapshot(page)] = &sent[..] else { panic!("{sent:?}") };
                assert!(page.rows.len() <= rows_of_page, "{page:?}");
                seen += page.rows.len();
                after = page.rows.last().map(|(key, _)| key.clone());
                if page.end.is_some() {
                    break;
                }
                assert_eq!(page.rows.len(), rows_of_page);
            }
            assert_eq!(seen, 5);
        }
    }
}
