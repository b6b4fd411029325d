//! What one session has seen and written: read-your-writes and monotonic reads, as Terry et al. (1994) define
//! them, decided by what clients are told anyway.
//!
//! Quorums that meet give every client most of this. A session gives it where they do not meet, and where a read
//! repairs nothing: it holds each answer against what it knows, and turns away one that may lack something. What it knows:
//!
//! - *What it read*: the context of the last read that it took. A read whose context covers that lacks nothing of it.
//! - *What it wrote*: nobody tells a client how its write was named, so no context can show it. But it is told who
//!   acknowledged. A home that did, and has its disk, holds the write; a read that this home replied to has it.
//! - *Everything*: a read to which all homes replied has whatever any of them holds. What it lacks is held by no
//!   home: contexts shrink and tombstones go where they are reaped, and nobody should wait for them.
//!
//! That a session takes no read which lacks something is a property of the model, `session-guarantees`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::cluster::ClusterConfig;
use crate::ids::{Key, NodeSet};
use crate::versions::{Names, Record, VersionVector};

/// What became of an answer in a session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Standing {
    /// It lacks nothing that the session has read or written.
    Current,
    /// It may. The session does not take it; asking more homes, or again, may help.
    Behind,
}

/// What a session has seen and written, key by key. It grows with the keys that it asks about.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Session(BTreeMap<Key, Seen>);

/// Of one key.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
struct Seen {
    /// Of the last read that was taken.
    context: VersionVector,
    /// For each write since then: the homes that acknowledged it. None contains another.
    written: Vec<NodeSet>,
}

impl Seen {
    fn is_in(&self, homes: NodeSet, state: Option<&Record>, replied: NodeSet) -> bool {
        if homes.intersection(replied) == homes {
            return true;
        }
        let has_read = self.context.is_empty()
            || state.is_some_and(|state| state.context().dominates(&self.context));
        has_read && self.written.iter().all(|acked| !acked.intersection(replied).is_empty())
    }
}

impl Session {
    /// What it has read of a key: the context that its next write hands back.
    #[must_use]
    pub fn context(&self, key: &Key) -> VersionVector {
        self.0.get(key).map(|seen| seen.context.clone()).unwrap_or_default()
    }

    /// Whether it has written to a key since it last read it.
    #[must_use]
    pub fn has_unread_writes(&self, key: &Key) -> bool {
        self.0.get(key).is_some_and(|seen| !seen.written.is_empty())
    }

    /// Takes note of a write that was acknowledged by these nodes. Says whether its reads will have it from now on: where no home
    /// acknowledged, because all of them were stood in for, no reply can show whether it has come to them.
    pub fn wrote(&mut self, config: &ClusterConfig, key: &Key, acked: NodeSet) -> bool {
        let acked = acked.intersection(config.homes(key));
        if acked.is_empty() {
            return false;
        }
        let written = &mut self.0.entry(key.clone()).or_default().written;
        // Whoever replies of a smaller set replies of the larger one.
        if written.iter().all(|other| other.intersection(acked) != *other) {
            written.retain(|other| other.intersection(acked) != acked);
            written.push(acked);
            // In an order that does not depend on who acknowledged first.
            written.sort_unstable();
        }
        true
    }

    /// Judges the answer of a read to which these nodes replied, and takes it if it lacks nothing.
    pub fn take(
        &mut self,
        config: &ClusterConfig,
        key: &Key,
        state: Option<&Record>,
        replied: NodeSet,
    ) -> Standing {
        let homes = config.homes(key);
        if self.0.get(key).is_some_and(|seen| !seen.is_in(homes, state, replied)) {
            return Standing::Behind;
        }
        let context = state.map(Record::context).unwrap_or_default();
        if context.is_empty() {
            self.0.remove(key);
        } else {
            self.0.insert(key.clone(), Seen { context, written: Vec::new() });
        }
        Standing::Current
    }

    /// The same with nodes and clients under other names.
    #[must_use]
    pub fn renamed(&self, names: &dyn Names) -> Self {
        let renamed = |(key, seen): (&Key, &Seen)| {
            let Seen { context, written } = seen;
            let written = written.iter().map(|held| names.nodes(*held)).collect();
            let seen = Seen { context: context.renamed(names), written };
            (key.clone(), seen)
        };
        Session(self.0.iter().map(renamed).collect())
    }

    /// Forgets a key: reads of it owe nothing any more, and the next write of it is blind.
    pub fn forget(&mut self, key: &Key) {
        self.0.remove(key);
    }
}
