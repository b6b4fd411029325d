//! Symmetry: states that are the same but for the names of nodes and clients are visited once.
//!
//! Clients that have the same program, up to the values that they write, are interchangeable. So are nodes where all
//! are homes of all keys, none is asked before others, and the scenario names none; and where clients name the nodes
//! that they ask, both together. A permutation of nodes and clients
//! acts on states: it renames them and what they write wherever these are named, and exchanges their
//! states. The protocol, the faults and the properties treat all of them alike, so a permutation of a state does
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
use super::instant;
use super::leaderless::{Command, Leaderless};
use super::state::{ClusterState, Seat};
use crate::hash_tree::SetHash;
use crate::ids::{Key, NodeId};
use crate::protocol::NodeConfig;
use crate::scenario::{Reductions, Rule, Scenario};
use crate::versions::{Names as _, Record, RecordDigest};

/// Permutations of a scenario's nodes and clients, and how they act.
#[derive(Debug)]
pub(crate) struct Symmetry {
    /// That of nobody first.
    group: Vec<Permutation>,
    /// Which of them make states pass for the same, that of nobody first.
    on: Vec<usize>,
    /// Whether the requests are renamed that disks remember: not with a rule that is wrong on purpose.
    renames_minted_requests: bool,
    /// Whether history is renamed: likewise.
    renames_history: bool,
    /// Whether nodes take along what they wait for: likewise.
    renames_waits: bool,
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
        let group = permutation::group(scenario);
        let Reductions { client_symmetry, node_symmetry, .. } = scenario.reductions;
        let node_symmetry = node_symmetry && !instant::may_answers_be_overdue(scenario);
        let is_on = |number: &usize| {
            let permutation: &Permutation = &group[*number];
            (client_symmetry || !permutation.moves_clients())
                && (node_symmetry || !permutation.moves_nodes())
        };
        Symmetry {
            on: (0..group.len()).filter(is_on).collect(),
            group,
            renames_minted_requests: !forgets!(scenario, SymmetryForgettingMintedRequests),
            renames_waits: !forgets!(scenario, NodesForgettingWaits),
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

    /// The numbers of the permutations that make states pass for the same, that of nobody first.
    pub(crate) fn on(&self) -> &[usize] {
        &self.on
    }

    /// Takes note of what the digests are of that may come out of a step.
    pub(crate) fn learn(&self, taken: &Taken<'_, Leaderless>) {
        if self.group.len() > 1 {
            self.named.learn(taken);
        }
    }

    /// The name of a state's orbit: the least fingerprint of all of its images. Also, by which rule that is the image of
    /// another state, if it is.
    pub(crate) fn fingerprint(
        &self,
        nodes: &[NodeConfig],
        state: &ClusterState,
    ) -> (u64, Option<Rule>) {
        let own = state.fingerprint();
        let images = self.on.iter().skip(1).filter_map(|number| {
            let image = self.image(nodes, *number, state)?;
            Some((image.fingerprint(), *number))
        });
        match images.min() {
            Some((least, number)) if least < own => {
                let moves_nodes = self.group[number].moves_nodes();
                (least, Some(if moves_nodes { Rule::NodeSymmetry } else { Rule::ClientSymmetry }))
            }
            _ => (own, None),
        }
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
        for ((actor, seat), place) in seats.iter().enumerate().zip(permutation.places()) {
            let act = Act { permutation: number, actor };
            let rename = || self.names(number).seat(nodes.get(place), seat);
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
        if permutation.moves_nodes() && self.renames_waits {
            renamed.rename_waits(|node| permutation.node(node));
        }
        let act = Act { permutation: number, actor: 0 };
        let rename = || match self.renames_history {
            true => Shared::new(history.renamed(permutation)),
            false => history.clone(),
        };
        Some(ClusterState {
            seats: placed,
            network: renamed,
            down: permutation.nodes(*down),
            // Each is kept as it is.
            groups: groups.clone(),
            faults: *faults,
            history: self.memos.histories.with(history, &act, rename, Shared::clone),
        })
    }

    /// The image of an action.
    pub(crate) fn action(&self, number: usize, action: &Action) -> Option<Action> {
        let permutation = &self.group[number];
        let at = |node: &NodeId| permutation.node(*node);
        Some(match action {
            Action::Invoke { client, coordinator } => {
                Action::Invoke { client: permutation.client(*client), coordinator: at(coordinator) }
            }
            Action::InvokeLate { client, coordinator } => Action::InvokeLate {
                client: permutation.client(*client),
                coordinator: at(coordinator),
            },
            Action::Deliver(sent) => Action::Deliver(self.message(number, sent)?),
            Action::Drop(sent) => Action::Drop(self.message(number, sent)?),
            Action::Duplicate(sent) => Action::Duplicate(self.message(number, sent)?),
            Action::Lie(sent) => Action::Lie(self.message(number, sent)?),
            Action::Expire { peer, timer } => {
                let (peer, timer) = self.names(number).timer(*peer, *timer);
                Action::Expire { peer, timer }
            }
            Action::Crash { node } => Action::Crash { node: at(node) },
            Action::Recover { node } => Action::Recover { node: at(node) },
            Action::Wipe { node } => Action::Wipe { node: at(node) },
            Action::Snapshot { node } => Action::Snapshot { node: at(node) },
            Action::Restore { node, copy } => Action::Restore { node: at(node), copy: *copy },
            Action::Command { node, command: Command::AcceptLoss { lost } } => Action::Command {
                node: at(node),
                command: Command::AcceptLoss { lost: permutation.nodes(*lost) },
            },
            Action::SetClock { node, to } => Action::SetClock { node: at(node), to: *to },
            Action::Partition { groups: _ } | Action::Heal => action.clone(),
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
