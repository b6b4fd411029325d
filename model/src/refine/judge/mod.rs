//! The checker's properties, judged on what is replayed.
//!
//! The same facts go into the same ghost history as in a search, and the same conditions are looked at
//! after every step that can have changed them: what clients did as they are replayed, in the order of
//! the merge, and what the steps of nodes come to by [`facts`]. Each key is judged on its own.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use quorate_checker::refine::report::{PropertyReport, UnjudgedKey};
use quorate_checker::refine::{self, Broken, Findings};

use super::node::{Side, Touched};
use super::not_judged::NotJudged;
use super::plan::{KeyPlan, Plan, Planned, Role};
use super::trace::{ClientInput, ClientStep, NodeStep};
use crate::check::facts::{self, Cause, Fact, Writes};
use crate::check::history::{Happening, Historian, History, Judgement};
use crate::check::leaderless::Leaderless;
use crate::check::property::{
    self, Judging, LostDisks, Nodes, OnTraces, Promiser, PropertyKind, PropertySpec, Tested, View,
};
use crate::check::state::NodeState;
use crate::check::write_set::WriteSet;
use crate::cluster::ClusterConfig;
use crate::ids::{ClientId, Key, NodeId, RequestId};
use crate::protocol::{Effect, Input, Message, NodeConfig, Operation, Outcome};
use crate::versions::VersionVector;

/// Judges every key of a trace.
pub struct Judge {
    nodes: Vec<NodeConfig>,
    keys: Vec<KeyGhost>,
    operations: Operations,
    of_key: BTreeMap<Key, usize>,
    tallies: Vec<Tally>,
    /// How often each node lost its disk.
    lost_disks: Vec<usize>,
}

/// A property that is judged on traces.
#[derive(Clone, Copy)]
struct Judged {
    spec: &'static PropertySpec,
    judging: Judging,
}

/// All of them, in the order of reports.
fn judged() -> impl Iterator<Item = Judged> {
    property::ALL.iter().filter_map(|spec| match spec.on_traces {
        OnTraces::Judged(judging) => Some(Judged { spec, judging }),
        OnTraces::NotJudged(_) => None,
    })
}

/// How often a property was put to the test.
#[derive(Clone, Copy, Default)]
struct Tally {
    occasions: u64,
    /// Those of keys that have the property promised.
    occasions_promised: u64,
    /// Reads that broke it.
    broken: u64,
}

/// The operations of the traced clients.
struct Operations(BTreeMap<RequestId, Planned>);

impl Writes for Operations {
    fn write_of(&self, request: RequestId) -> Option<usize> {
        self.0.get(&request)?.role?.write
    }
}

/// The ghost of one key.
struct KeyGhost {
    plan: KeyPlan,
    historian: Historian,
    history: History,
    /// What the nodes hold of this key, and nothing else.
    nodes: KeyNodes,
    /// What the reads so far returned, by the context that they returned with it.
    seen_with: BTreeMap<VersionVector, WriteSet>,
    /// Of each property that is judged, in order, how it stands.
    standings: Vec<Standing>,
    /// Whether one of its writes was minted under two dots.
    is_minted_twice: bool,
    /// The disks that were lost.
    lost: LostDisks,
    not_judged: Option<NotJudged>,
}

/// How a property stands with a key.
struct Standing {
    property: Judged,
    is_promised: bool,
    /// Whether a state was seen that breaks it, though it is not promised. Reads are counted one by
    /// one instead.
    is_broken: bool,
}

struct KeyNodes(Vec<NodeState>);

impl Nodes for KeyNodes {
    fn visit(&self, visit: &mut dyn FnMut(&NodeState)) {
        self.0.iter().for_each(visit);
    }
}

impl Judge {
    pub(super) fn new(cluster: &Arc<ClusterConfig>, plan: Plan) -> Self {
        let config = |node: &NodeId| NodeConfig::new(*node, Arc::clone(cluster));
        let nodes = cluster.nodes().iter().map(config).collect();
        let keys: Vec<_> = plan.keys.into_iter().map(|plan| KeyGhost::new(cluster, plan)).collect();
        let of_key = keys.iter().enumerate();
        let of_key = of_key.map(|(index, ghost)| (ghost.plan.key.clone(), index)).collect();
        let tallies = judged().map(|_| Tally::default()).collect();
        let lost_disks = alloc::vec![0; cluster.nodes().len()];
        Judge { nodes, keys, operations: Operations(plan.operations), of_key, tallies, lost_disks }
    }

    /// The place of the operation in its key's ghost, if that takes note of it.
    fn noting(&mut self, request: RequestId) -> Option<(usize, Role)> {
        let planned = self.operations.0.get(&request)?;
        let ghost = &mut self.keys[planned.key];
        match planned.role {
            _ if ghost.not_judged.is_some() => None,
            Some(role) => Some((planned.key, role)),
            None => {
                ghost.not_judged = Some(NotJudged::TooManyWrites);
                None
            }
        }
    }

    /// A client starts an operation.
    fn on_invoke(&mut self, request: RequestId, operation: &Operation) -> Result<(), Broken> {
        let Some((key, role)) = self.noting(request) else { return Ok(()) };
        let ghost = &mut self.keys[key];
        if let (Operation::Put { context, .. }, Some(write)) = (operation, role.write)
            && !context.is_empty()
        {
            match ghost.seen_with.get(context) {
                Some(seen) => ghost.historian.set_past(&mut ghost.history, write, *seen),
                None => {
                    ghost.not_judged = Some(NotJudged::UnknownContext(request));
                    return Ok(());
                }
            }
        }
        let facts = facts::of_client(role.client, role.operation, true, None);
        ghost.note(&facts, &mut self.tallies)
    }

    /// A client's operation ends.
    fn on_outcome(&mut self, request: RequestId, outcome: &Outcome) -> Result<(), Broken> {
        let Some((key, role)) = self.noting(request) else { return Ok(()) };
        let ghost = &mut self.keys[key];
        let facts = facts::of_client(role.client, role.operation, false, Some(outcome.clone()));
        if let Outcome::GetOk { state: Some(state), .. } = outcome {
            let seen = ghost.view().base().seen_by(&ghost.plan.key, state);
            ghost.seen_with.insert(state.context(), seen);
        }
        ghost.note(&facts, &mut self.tallies)
    }

    /// What the judgement came to.
    fn properties(&self) -> Vec<PropertyReport> {
        let report = |(index, (property, tally)): (usize, (Judged, &Tally))| {
            let standings = || self.keys.iter().map(|ghost| (ghost, &ghost.standings[index]));
            let promised = standings().filter(|(ghost, of)| ghost.is_judged() && of.is_promised);
            let broken_keys = standings().filter(|(_, of)| of.is_broken).count();
            PropertyReport {
                name: property.spec.name,
                keys_promised: promised.count(),
                occasions: tally.occasions,
                occasions_promised: tally.occasions_promised,
                occasion: property.judging.occasions,
                broken: tally.broken + broken_keys as u64,
            }
        };
        judged().zip(&self.tallies).enumerate().map(report).collect()
    }

    /// How many keys were judged to the end.
    fn keys_judged(&self) -> usize {
        self.keys.iter().filter(|ghost| ghost.not_judged.is_none()).count()
    }

    /// The keys that were not, and why.
    fn keys_not_judged(&self) -> Vec<UnjudgedKey> {
        let unjudged = |ghost: &KeyGhost| {
            let reason = ghost.not_judged.as_ref()?.to_string();
            Some(UnjudgedKey { key: ghost.plan.key.to_string(), reason })
        };
        self.keys.iter().filter_map(unjudged).collect()
    }
}

impl refine::Judge<Leaderless> for Judge {
    type Seen = Touched;

    fn on_client_step(&mut self, step: &ClientStep, operation: u64) -> Result<(), Broken> {
        let request = RequestId { client: step.client, sequence: operation };
        if let ClientInput::Invoke { operation, .. } = &step.input {
            self.on_invoke(request, operation)?;
        }
        step.outcome.as_ref().map_or(Ok(()), |outcome| self.on_outcome(request, outcome))
    }

    fn on_lost_disk(&mut self, node: NodeId) -> Result<(), Broken> {
        self.lost_disks[node.index()] += 1;
        let lose =
            |ghost: &mut KeyGhost| ghost.lose_disk(node, &self.lost_disks, &mut self.tallies);
        self.keys.iter_mut().try_for_each(lose)
    }

    fn on_node_step(
        &mut self,
        node: NodeId,
        step: &NodeStep,
        touched: Touched,
    ) -> Result<(), Broken> {
        if let Input::AcceptLoss { .. } = step.input {
            self.keys.iter_mut().for_each(KeyGhost::accept_loss);
        }
        let cause = match &step.input {
            Input::Receive { message, .. } => Cause::Message(message),
            Input::Expire(_) => Cause::Timer,
            Input::Start { .. } | Input::AcceptLoss { .. } => Cause::Command,
        };
        let said = step.effects.iter().filter_map(|effect| match effect {
            Effect::Send { message, .. } | Effect::Reply { message, .. } => Some(message),
            Effect::SetTimer(_) | Effect::CancelTimer(_) => None,
        });
        let (before, after) = (touched.before.moment(), touched.after.moment());
        let facts = facts::of_node(
            &self.operations,
            &self.nodes[node.index()],
            cause,
            &before,
            &after,
            said,
        );
        let mut of_ghost: BTreeMap<usize, Vec<Fact>> = BTreeMap::new();
        for key in &touched.keys {
            let Some(index) = self.of_key.get(key) else { continue };
            self.keys[*index].nodes.hold(node, &touched.after, key);
            of_ghost.entry(*index).or_default();
        }
        for fact in facts {
            match fact.key() {
                Some(key) => {
                    if let Some(index) = self.of_key.get(key) {
                        of_ghost.entry(*index).or_default().push(fact);
                    }
                }
                // What is of no key is of all.
                None => (0..self.keys.len())
                    .for_each(|index| of_ghost.entry(index).or_default().push(fact.clone())),
            }
        }
        of_ghost
            .into_iter()
            .try_for_each(|(index, facts)| self.keys[index].note(&facts, &mut self.tallies))
    }

    fn on_untraced(&mut self, client: ClientId, message: &Message) {
        let key = match message {
            Message::Put(put) => &put.key,
            Message::Store { key, .. } | Message::Repair { key, .. } => key,
            _ => return,
        };
        if let Some(index) = self.of_key.get(key) {
            self.keys[*index].not_judged.get_or_insert(NotJudged::UntracedClient(client));
        }
    }

    fn findings(&self) -> Findings {
        Findings {
            properties: self.properties(),
            keys_judged: self.keys_judged(),
            keys_not_judged: self.keys_not_judged(),
        }
    }
}

impl KeyGhost {
    fn new(cluster: &ClusterConfig, mut plan: KeyPlan) -> Self {
        let properties: Vec<_> = judged().map(|property| property.spec).collect();
        let historian = Historian::new(plan.scenario.clone(), &properties);
        let (is_minted_twice, lost) = (false, LostDisks::default());
        let promiser = Promiser { cluster, weakest: plan.weakest, is_minted_twice, lost };
        let standing = |property: Judged| Standing {
            property,
            is_promised: (property.judging.promised)(&promiser),
            is_broken: false,
        };
        KeyGhost {
            history: historian.blank(),
            historian,
            nodes: KeyNodes(alloc::vec![NodeState::default(); cluster.nodes().len()]),
            seen_with: BTreeMap::new(),
            standings: judged().map(standing).collect(),
            is_minted_twice,
            lost,
            not_judged: plan.not_judged.take(),
            plan,
        }
    }

    /// Whether anything of it was judged.
    fn is_judged(&self) -> bool {
        !matches!(self.not_judged, Some(NotJudged::RepeatedValue(_)))
    }

    fn view(&self) -> View<'_> {
        View {
            scenario: &self.plan.scenario,
            historian: &self.historian,
            history: &self.history,
            nodes: &self.nodes,
        }
    }

    /// Takes note of what happened in one step, and judges what has come of it.
    fn note(&mut self, facts: &[Fact], tallies: &mut [Tally]) -> Result<(), Broken> {
        if self.not_judged.is_some() {
            return Ok(());
        }
        let note = |fact| self.historian.note(&mut self.history, fact);
        let happenings: Vec<_> = facts.iter().filter_map(note).collect();
        if self.historian.has_questions(&self.history) {
            self.historian.ask(&mut self.history, &self.nodes);
        }
        if happenings.iter().any(Happening::mints) {
            let dots = self.history.ledger().dots();
            self.is_minted_twice = dots.iter().any(|dots| dots.len() > 1);
            self.withdraw_promises();
        }
        for happening in &happenings {
            self.count(happening, tallies);
        }
        self.check()
    }

    /// A node lost its disk; these are all that were lost. What it held of the key is gone.
    fn lose_disk(
        &mut self,
        node: NodeId,
        lost_disks: &[usize],
        tallies: &mut [Tally],
    ) -> Result<(), Broken> {
        let (cluster, weakest) = (&self.plan.scenario.cluster, self.plan.weakest);
        let homes = cluster.homes(&self.plan.key);
        let may_hold = |node: NodeId| weakest.is_sloppy || homes.contains(node);
        let has_lost = |node: NodeId| lost_disks[node.index()] > 0;
        let holders = cluster.nodes().iter().filter(|node| may_hold(**node) && has_lost(**node));
        self.lost =
            LostDisks { holders: holders.count(), in_all: lost_disks.iter().sum(), ..self.lost };
        self.withdraw_promises();
        self.nodes.0[node.index()] = NodeState::default();
        self.note(&[Fact::DiskReplaced { node, holds: Vec::new() }], tallies)
    }

    /// An operator accepted that what some disk held is lost.
    fn accept_loss(&mut self) {
        self.lost.is_accepted = true;
        self.withdraw_promises();
    }

    /// Promises no longer what goes without saying only while each write has one name, and disks stay.
    fn withdraw_promises(&mut self) {
        let (cluster, weakest) = (&self.plan.scenario.cluster, self.plan.weakest);
        let (is_minted_twice, lost) = (self.is_minted_twice, self.lost);
        let promiser = Promiser { cluster, weakest, is_minted_twice, lost };
        for standing in &mut self.standings {
            standing.is_promised &= (standing.property.judging.promised)(&promiser);
        }
    }

    /// Counts which properties something that happened put to the test.
    fn count(&self, happening: &Happening<'_>, tallies: &mut [Tally]) {
        let view = self.view();
        for (standing, tally) in self.standings.iter().zip(tallies) {
            let judgement = match (standing.property.judging.tested, happening) {
                (Tested::Read(judgement), Happening::ReadAnswered(read)) => {
                    judgement(&view, read.client)
                }
                (Tested::State(is_test), happening) if is_test(&view, happening) => Judgement::Met,
                _ => Judgement::NotObliged,
            };
            let is_test = judgement != Judgement::NotObliged;
            tally.occasions += u64::from(is_test);
            tally.occasions_promised += u64::from(is_test && standing.is_promised);
            tally.broken += u64::from(judgement == Judgement::Broken);
        }
    }

    /// Looks whether everything that is promised holds now.
    fn check(&mut self) -> Result<(), Broken> {
        let view = View {
            scenario: &self.plan.scenario,
            historian: &self.historian,
            history: &self.history,
            nodes: &self.nodes,
        };
        for standing in &mut self.standings {
            let Judged { spec, judging } = standing.property;
            let PropertyKind::Safety { holds, .. } = spec.kind else { continue };
            if holds(&view) {
                continue;
            }
            if standing.is_promised {
                return Err(Broken {
                    name: spec.name,
                    of: Some(format!("key {}", self.plan.key)),
                    statement: spec.statement.to_owned(),
                });
            }
            standing.is_broken |= matches!(judging.tested, Tested::State(_));
        }
        Ok(())
    }
}

impl KeyNodes {
    /// A node holds this of the key now.
    fn hold(&mut self, node: NodeId, side: &Side, key: &Key) {
        self.0[node.index()].store = side.store.of_keys(&BTreeSet::from([key.clone()]));
    }
}

#[cfg(test)]
mod tests;
