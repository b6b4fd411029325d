//! Symmetry of clients: states that are the same but for the names of clients are visited once.
//!
//! Clients that have the same program, up to the values that they write, are interchangeable. A permutation of them
//! acts on states: it renames clients and what they write wherever these are named, and exchanges the clients'
//! states. The protocol, the faults and the properties treat all clients alike, so a permutation of a state does
//! what the state does, under other names: it is an automorphism of the model. The search tells states apart
//! by the least fingerprint of all images under the group of these permutations
//! (Ip and Dill, "Better verification through symmetry", 1996). So of each orbit it visits the state that it finds first, as it
//! is, and runs need not be renamed.
//!
//! That the model is symmetric is not argued but looked at: a test renames before and after random steps, and
//! [`certify`](super::certify) does so for every step of every state that it looks at.

mod permutation;
mod renaming;

use alloc::sync::Arc;
use alloc::vec::Vec;

use quorate_checker::memo::{Fingerprint, Memo};
use quorate_checker::world::Taken;
use quorate_checker::{Known, Shared};

pub use permutation::Permutation;

use super::action::{Action, Envelope};
use super::history::History;
use super::leaderless::{Command, Leaderless};
use super::state::{ClusterState, Seat};
use crate::hash_tree::SetHash;
use crate::ids::Key;
use crate::protocol::NodeConfig;
use crate::scenario::Scenario;
use crate::versions::{Record, RecordDigest};

/// Permutations of a scenario's clients, and how they act.
#[derive(Debug)]
pub(crate) struct Symmetry {
    /// That of nobody first.
    group: Vec<Permutation>,
    /// Whether states are told apart by their orbits.
    is_on: bool,
    /// Whether the requests are renamed that disks remember: not with a rule that is wrong on purpose.
    renames_minted_requests: bool,
    /// Whether history is renamed: likewise.
    renames_history: bool,
    named: Arc<Named>,
    memos: Arc<Memos>,
}

/// What digests and hashes are of. Whoever renames has to know.
#[derive(Debug, Default)]
struct Named {
    records: Known<RecordDigest, Arc<Record>>,
    sets: Known<SetHash, Arc<[(Key, RecordDigest)]>>,
}

/// What was renamed before.
#[derive(Debug, Default)]
struct Memos {
    seats: Memo<Shared<Seat>, Act, Option<Shared<Seat>>>,
    messages: Memo<Shared<Envelope>, Act, Option<Shared<Envelope>>>,
    histories: Memo<Shared<History>, Act, Shared<History>>,
}

/// Which permutation acts, and on which of the actors.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Act {
    permutation: usize,
    actor: usize,
}

impl Fingerprint for Act {
    fn fingerprint(&self) -> u64 {
        // Both are small, and the other half of a key is well mixed.
        (self.permutation as u64) << 16 | self.actor as u64
    }
}

impl Symmetry {
    /// That of the clients of a scenario.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Symmetry {
            group: permutation::group(scenario),
            is_on: scenario.reductions.client_symmetry,
            renames_minted_requests: !forgets!(scenario, SymmetryForgettingMintedRequests),
            renames_history: !forgets!(scenario, SymmetryForgettingHistory),
            named: Arc::default(),
            memos: Arc::default(),
        }
    }

    /// The same for other reductions of the same scenario: what digests are of is known already.
    pub(crate) fn with_reductions_of(&self, scenario: &Scenario) -> Self {
        Symmetry { named: Arc::clone(&self.named), ..Symmetry::new(scenario) }
    }

    /// Every permutation that only exchanges names, that of nobody first.
    pub(crate) fn group(&self) -> &[Permutation] {
        &self.group
    }

    /// Whether some states are taken for the same.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on && self.group.len() > 1
    }

    /// Takes note of what the digests are of that may come out of a step.
    pub(crate) fn learn(&self, taken: &Taken<'_, Leaderless>) {
        if self.group.len() > 1 {
            self.named.learn(taken);
        }
    }

    /// The name of a state's orbit: the least fingerprint of all of its images. Also, whether that is the image of
    /// another state.
    pub(crate) fn fingerprint(&self, nodes: &[NodeConfig], state: &ClusterState) -> (u64, bool) {
        let own = state.fingerprint();
        if !self.is_on() {
            return (own, false);
        }
        let others = 1..self.group.len();
        let images = others.filter_map(|number| self.image(nodes, number, state));
        let least = images.map(|image| image.fingerprint()).min();
        least.map_or((own, false), |least| (own.min(least), least < own))
    }

    /// The image of a state under the permutation of this number. `None` where something is named by a digest of
    /// which nobody knows what it is of: such a state is taken for no other.
    pub(crate) fn image(
        &self,
        nodes: &[NodeConfig],
        number: usize,
        state: &ClusterState,
    ) -> Option<ClusterState> {
        let ClusterState { seats, network, down, groups, faults, history } = state;
        let permutation = &self.group[number];
        let mut placed = seats.clone();
        for (actor, seat) in seats.iter().enumerate() {
            let place = match actor.checked_sub(nodes.len()) {
                None => actor,
                Some(client) => nodes.len() + permutation.place(client),
            };
            let act = Act { permutation: number, actor };
            let rename = || self.names(number).seat(nodes.get(actor), seat);
            placed[place] = self.memos.seats.with(seat, &act, rename, Option::clone)?;
        }
        let mut renamed = network.clone();
        let mut all_known = true;
        renamed.replace(|sent| {
            let image = self.message(number, sent);
            all_known &= image.is_some();
            image.filter(|image| image != sent)
        });
        if !all_known {
            return None;
        }
        let act = Act { permutation: number, actor: 0 };
        let rename = || match self.renames_history {
            true => Shared::new(history.renamed(permutation)),
            false => history.clone(),
        };
        Some(ClusterState {
            seats: placed,
            network: renamed,
            down: *down,
            groups: groups.clone(),
            faults: *faults,
            history: self.memos.histories.with(history, &act, rename, Shared::clone),
        })
    }

    /// The image of an action.
    pub(crate) fn action(&self, number: usize, action: &Action) -> Option<Action> {
        let permutation = &self.group[number];
        Some(match action {
            Action::Invoke { client, coordinator } => {
                Action::Invoke { client: permutation.client(*client), coordinator: *coordinator }
            }
            Action::InvokeLate { client, coordinator } => Action::InvokeLate {
                client: permutation.client(*client),
                coordinator: *coordinator,
            },
            Action::Deliver(sent) => Action::Deliver(self.message(number, sent)?),
            Action::Drop(sent) => Action::Drop(self.message(number, sent)?),
            Action::Duplicate(sent) => Action::Duplicate(self.message(number, sent)?),
            Action::Lie(sent) => Action::Lie(self.message(number, sent)?),
            Action::Expire { peer, timer } => {
                let (peer, timer) = self.names(number).timer(*peer, *timer);
                Action::Expire { peer, timer }
            }
            Action::Crash { node: _ }
            | Action::Recover { node: _ }
            | Action::Wipe { node: _ }
            | Action::Snapshot { node: _ }
            | Action::Restore { node: _, copy: _ }
            | Action::Partition { groups: _ }
            | Action::Heal
            | Action::Command { node: _, command: Command::AcceptLoss { lost: _ } }
            | Action::SetClock { node: _, to: _ } => action.clone(),
        })
    }

    fn message(&self, number: usize, sent: &Shared<Envelope>) -> Option<Shared<Envelope>> {
        let act = Act { permutation: number, actor: 0 };
        let rename = || self.names(number).envelope(sent);
        self.memos.messages.with(sent, &act, rename, Option::clone)
    }

    fn names(&self, number: usize) -> renaming::Names<'_> {
        renaming::Names::new(self, &self.group[number])
    }
}
