//! How a permutation of nodes and clients acts on the parts of a state.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;

use itertools::Itertools;
use quorate_checker::Shared;
use quorate_checker::world::Taken;

use super::{Named, Permutation, Symmetry};
use crate::check::action::Envelope;
use crate::check::client::ScriptedClient;
use crate::check::leaderless::Leaderless;
use crate::check::state::{ActorState, NodeState, Seat};
use crate::hash_tree::{EntryHash, SetHash};
use crate::ids::{ClientId, Key, NodeId, Peer, Value};
use crate::protocol::{MemoryStore, NodeConfig, Renamed, Renaming, Timer};
use crate::versions::{self, Record, RecordDigest};

/// Of so many keys of one disk it is known which of them a hash is of.
const KEYS_MAX: usize = 4;

impl Named {
    /// Takes note of everything of which there may be a digest after a step: what is held, what is kept for
    /// others, and what was sent.
    pub(super) fn learn(&self, taken: &Taken<'_, Leaderless>) {
        for sent in taken.sent {
            sent.message.carried().for_each(|(_, state)| self.learn_record(state));
        }
        let ActorState::Node(node) = &*taken.after else { return };
        node.store.hints().for_each(|(_, _, state)| self.learn_record(state));
        let entries = node.store.entries().map(|(key, entry)| {
            self.learn_record(&entry.state);
            (key.clone(), entry.state.digest())
        });
        let entries: Vec<(Key, RecordDigest)> = entries.collect();
        if node.replica.forest().is_some() && entries.len() <= KEYS_MAX {
            for set in entries.into_iter().powerset() {
                self.sets.learn(hash_of(&set), || set.as_slice().into());
            }
        }
    }

    fn learn_record(&self, state: &Arc<Record>) {
        self.records.learn(state.digest(), || Arc::clone(state));
    }
}

fn hash_of(entries: &[(Key, RecordDigest)]) -> SetHash {
    let hash = |(key, digest): &(Key, RecordDigest)| {
        SetHash::change(None, Some(EntryHash::new(key, *digest)))
    };
    entries.iter().map(hash).sum()
}

/// The other names of nodes, clients, and what they write.
pub(super) struct Names<'a> {
    permutation: &'a Permutation,
    named: &'a Named,
    renames_minted_requests: bool,
    /// Whether nobody knew what some digest is of.
    met_unknown: Cell<bool>,
}

impl versions::Names for Names<'_> {
    fn node(&self, node: NodeId) -> NodeId {
        self.permutation.node(node)
    }

    fn client(&self, client: ClientId) -> ClientId {
        self.permutation.client(client)
    }

    fn value(&self, value: &Value) -> Value {
        self.permutation.value(value)
    }
}

impl Renaming for Names<'_> {
    fn digest(&self, digest: RecordDigest) -> RecordDigest {
        let Some(record) = self.named.records.get(&digest) else { return self.unknown(digest) };
        let renamed = record.renamed(self);
        self.named.learn_record(&renamed);
        renamed.digest()
    }

    fn set_hash(&self, hash: SetHash) -> SetHash {
        let Some(entries) = self.named.sets.get(&hash) else { return self.unknown(hash) };
        let renamed = |(key, digest): &(Key, RecordDigest)| (key.clone(), self.digest(*digest));
        let entries: Vec<_> = entries.iter().map(renamed).collect();
        let hash = hash_of(&entries);
        self.named.sets.learn(hash, || entries.into());
        hash
    }

    fn renames_minted_requests(&self) -> bool {
        self.renames_minted_requests
    }
}

impl<'a> Names<'a> {
    pub(super) fn new(symmetry: &'a Symmetry, permutation: &'a Permutation) -> Self {
        let Symmetry { named, renames_minted_requests, .. } = symmetry;
        let (named, renames_minted_requests) = (&**named, *renames_minted_requests);
        Names { permutation, named, renames_minted_requests, met_unknown: Cell::new(false) }
    }

    fn unknown<T>(&self, named: T) -> T {
        self.met_unknown.set(true);
        named
    }

    /// What was renamed, if all of it could be.
    fn all<T>(&self, renamed: T) -> Option<T> {
        (!self.met_unknown.get()).then_some(renamed)
    }

    pub(super) fn timer(&self, peer: Peer, timer: Timer) -> (Peer, Timer) {
        (peer.renamed(self), timer.renamed(self))
    }

    pub(super) fn envelope(&self, sent: &Shared<Envelope>) -> Option<Shared<Envelope>> {
        let Envelope { from, to, message } = &**sent;
        let renamed = Envelope {
            from: from.renamed(self),
            to: to.renamed(self),
            message: message.renamed(self),
        };
        self.all(if renamed == **sent { sent.clone() } else { Shared::new(renamed) })
    }

    pub(super) fn seat(
        &self,
        node: Option<&NodeConfig>,
        seat: &Shared<Seat>,
    ) -> Option<Shared<Seat>> {
        let Seat { state, timers } = &**seat;
        let state = match (node, state) {
            (Some(config), ActorState::Node(node)) => {
                let NodeState { replica, store, clock, lives, copies, synced } = node;
                let store = store.renamed(self);
                let disk = |disk: &MemoryStore| disk.renamed(self);
                ActorState::Node(NodeState {
                    replica: replica.renamed(config, &store, self),
                    store,
                    clock: *clock,
                    lives: *lives,
                    copies: copies.iter().map(disk).collect(),
                    synced: synced.as_deref().map(disk).map(Box::new),
                })
            }
            (None, ActorState::Client(client)) => {
                let ScriptedClient { client, next, contexts, outcome } = client;
                let contexts =
                    contexts.iter().map(|(key, context)| (key.clone(), context.renamed(self)));
                ActorState::Client(ScriptedClient {
                    client: client.renamed(self),
                    next: *next,
                    contexts: contexts.collect(),
                    outcome: outcome.renamed(self),
                })
            }
            _ => panic!("nodes come before clients"),
        };
        let renamed = Seat { state, timers: timers.renamed(self) };
        self.all(if renamed == **seat { seat.clone() } else { Shared::new(renamed) })
    }
}
