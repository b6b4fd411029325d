//! The checker's properties, judged on what is replayed.
//!
//! The same ghost history and the same conditions as in the checker: clients' operations go into
//! it as they are replayed, in the order of the merge, and the conditions are looked at after
//! every step that can have changed them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::node::{Taken, Touched, TouchedHint};
use super::plan::{KeyPlan, Plan, Planned, Role};
use super::promise::Judgeable;
use super::refusal::Reason;
use super::report::{NotJudged, PropertyReport, UnjudgedKey};
use crate::check::history::{Historian, History, Judgement, Watch};
use crate::check::property::{Nodes, PropertyKind, View};
use crate::check::state::NodeState;
use crate::check::write_set::WriteSet;
use crate::cluster::ClusterConfig;
use crate::ids::{ClientId, Key, NodeId, RequestId};
use crate::protocol::{
    Change, Entry, Input, KeptHint, Message, NodeConfig, Operation, Outcome, Store, Timer,
    has_void_version,
};
use crate::versions::{ActorId, Dot, Record, VersionVector};

const PROPERTIES: usize = Judgeable::ALL.len();

/// Judges every key of a trace.
pub(super) struct Judge {
    keys: Vec<KeyGhost>,
    operations: BTreeMap<RequestId, Planned>,
    of_key: BTreeMap<Key, usize>,
    occasions: [u64; PROPERTIES],
    /// Those of keys that have the property promised.
    occasions_promised: [u64; PROPERTIES],
    broken: [u64; PROPERTIES],
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
    promised: [bool; PROPERTIES],
    /// Properties of states that are not promised and were seen broken.
    broken: [bool; PROPERTIES],
    not_judged: Option<NotJudged>,
}

struct KeyNodes(Vec<NodeState>);

impl Nodes for KeyNodes {
    fn visit(&self, visit: &mut dyn FnMut(&NodeState)) {
        self.0.iter().for_each(visit);
    }
}

impl Judge {
    pub(super) fn new(cluster: &ClusterConfig, plan: Plan) -> Self {
        let keys: Vec<_> = plan.keys.into_iter().map(|plan| KeyGhost::new(cluster, plan)).collect();
        let of_key = keys.iter().enumerate();
        let of_key = of_key.map(|(index, ghost)| (ghost.plan.key.clone(), index)).collect();
        let operations = plan.operations;
        Judge {
            keys,
            operations,
            of_key,
            occasions: [0; PROPERTIES],
            occasions_promised: [0; PROPERTIES],
            broken: [0; PROPERTIES],
        }
    }

    /// The ghost that takes note of this operation, and the operation's place in it.
    fn noting(&mut self, request: RequestId) -> Option<(&mut KeyGhost, Role)> {
        let planned = self.operations.get(&request)?;
        let ghost = &mut self.keys[planned.key];
        match planned.role {
            _ if ghost.not_judged.is_some() => None,
            Some(role) => Some((ghost, role)),
            None => {
                ghost.not_judged = Some(NotJudged::TooManyWrites);
                None
            }
        }
    }

    /// A client starts an operation.
    pub(super) fn on_invoke(&mut self, request: RequestId, operation: &Operation) {
        let Some((ghost, role)) = self.noting(request) else { return };
        let KeyGhost { plan, historian, history, seen_with, .. } = ghost;
        historian.on_invoke(&plan.scenario, history, role.client, role.operation);
        if let (Operation::Put { context, .. }, Some(write)) = (operation, role.write)
            && !context.is_empty()
        {
            match seen_with.get(context) {
                Some(seen) => historian.on_context(history, write, *seen),
                None => ghost.not_judged = Some(NotJudged::UnknownContext(request)),
            }
        }
    }

    /// A client's operation ends.
    pub(super) fn on_outcome(
        &mut self,
        request: RequestId,
        outcome: &Outcome,
    ) -> Result<(), Reason> {
        let Some((ghost, role)) = self.noting(request) else { return Ok(()) };
        let KeyGhost { plan, historian, history, seen_with, .. } = ghost;
        let scenario = &*plan.scenario;
        historian.on_outcome(scenario, history, role.client, role.operation, outcome);
        let mut occasions = [0; PROPERTIES];
        let mut broken = [0; PROPERTIES];
        match outcome {
            Outcome::GetOk { state, .. } => {
                if let Some(state) = state {
                    let named = historian.named(scenario, history, state);
                    seen_with.insert(state.context(), history.closure(named));
                }
                let judged = history.judged().nth(role.client).copied().unwrap_or_default();
                for property in Judgeable::ALL {
                    let judgement = property.of_read(&judged).unwrap_or_default();
                    occasions[property as usize] += u64::from(judgement != Judgement::NotObliged);
                    broken[property as usize] += u64::from(judgement == Judgement::Broken);
                }
            }
            Outcome::PutOk { .. } => occasions[Judgeable::NoLostWrite as usize] += 1,
            _ => {}
        }
        let (result, promised) = (ghost.check(), ghost.promised);
        self.add(promised, occasions, broken);
        result
    }

    /// A client without a trace sends a node something.
    pub(super) fn on_untraced(&mut self, client: ClientId, message: &Message) {
        let key = match message {
            Message::Put(put) => &put.key,
            Message::Store { key, .. } | Message::Repair { key, .. } => key,
            _ => return,
        };
        if let Some(index) = self.of_key.get(key) {
            self.keys[*index].not_judged.get_or_insert(NotJudged::UntracedClient(client));
        }
    }

    /// A node has taken a step that no crash cut off.
    pub(super) fn on_step(
        &mut self,
        config: &NodeConfig,
        state: &NodeState,
        input: &Input,
        taken: &Taken,
    ) -> Result<(), Reason> {
        let message = match input {
            Input::Receive { message, .. } => Some(message),
            Input::Start { .. } | Input::Expire(_) | Input::AcceptLoss { .. } => None,
        };
        for touched in &taken.touched {
            let Some(index) = self.of_key.get(&touched.key) else { continue };
            let ghost = &mut self.keys[*index];
            ghost.nodes.apply(config.node, touched);
            if ghost.not_judged.is_some() {
                continue;
            }
            let mut occasions = [0; PROPERTIES];
            let planned = |request| {
                let planned: Option<&Planned> = self.operations.get(&request);
                planned.and_then(|planned| planned.role).and_then(|role| role.write)
            };
            // A home mints when it takes the put, into its entry; a fallback when it gives the
            // homes up, into a hint.
            let put = match message {
                Some(Message::Put(put)) => Some(put.request),
                _ => taken.released,
            };
            let at_home = put.filter(|_| touched.is_minted()).and_then(planned);
            let at_fallback = match input {
                Input::Expire(Timer::Request(request)) => planned(*request),
                _ => None,
            };
            if let Some(write) = at_home
                && let Some(dot) = state.store.last_dot(config.node, &touched.key)
            {
                occasions[Judgeable::UniqueDots as usize] += 1;
                ghost.on_mint(write, dot);
            }
            if let (Some(before), None) = (&touched.before, &touched.after) {
                ghost.historian.on_reaped(&ghost.plan.scenario, &mut ghost.history, &before.state);
            }
            if let Some(after) = &touched.after {
                let came = [
                    touched.before.as_ref().map(|before| &*before.state),
                    carried(state, message, &touched.key),
                ];
                ghost.look_for_lost_siblings(config.node, came, at_home, &after.state);
                let has_siblings = after.state.versions().count() > 1;
                occasions[Judgeable::TrueSiblings as usize] += u64::from(has_siblings);
            }
            for hint in &touched.hints {
                let Some(KeptHint { state: after, .. }) = &hint.after else { continue };
                let minted = hint.minted(state, config.node);
                if let (Some(write), Some(dot)) = (at_fallback, minted) {
                    occasions[Judgeable::UniqueDots as usize] += 1;
                    ghost.on_mint(write, dot);
                }
                let of_home = message.filter(|message| match message {
                    Message::StoreHint { home, .. } => *home == hint.home,
                    _ => false,
                });
                let before = hint.before.as_ref().map(|kept| &*kept.state);
                let came = [before, carried(state, of_home, &touched.key)];
                let written = at_fallback.filter(|_| minted.is_some());
                ghost.look_for_lost_siblings(config.node, came, written, after);
                let has_siblings = after.versions().count() > 1;
                occasions[Judgeable::TrueSiblings as usize] += u64::from(has_siblings);
            }
            let (result, promised) = (ghost.check(), ghost.promised);
            self.add(promised, occasions, [0; PROPERTIES]);
            result?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        promised: [bool; PROPERTIES],
        occasions: [u64; PROPERTIES],
        broken: [u64; PROPERTIES],
    ) {
        for property in 0..PROPERTIES {
            self.occasions[property] += occasions[property];
            self.occasions_promised[property] +=
                occasions[property] * u64::from(promised[property]);
            self.broken[property] += broken[property];
        }
    }

    /// What the judgement came to.
    pub(super) fn properties(&self) -> Vec<PropertyReport> {
        let report = |property: Judgeable| {
            let index = property as usize;
            let judged = || self.keys.iter().filter(|ghost| ghost.is_judged());
            let broken_keys = self.keys.iter().filter(|ghost| ghost.broken[index]).count();
            PropertyReport {
                name: property.spec().name,
                keys_promised: judged().filter(|ghost| ghost.promised[index]).count(),
                occasions: self.occasions[index],
                occasions_promised: self.occasions_promised[index],
                occasion: property.occasions(),
                broken: self.broken[index] + broken_keys as u64,
            }
        };
        Judgeable::ALL.map(report).into()
    }

    /// How many keys were judged to the end.
    pub(super) fn keys_judged(&self) -> usize {
        self.keys.iter().filter(|ghost| ghost.not_judged.is_none()).count()
    }

    /// The keys that were not, and why.
    pub(super) fn keys_not_judged(&self) -> Vec<UnjudgedKey> {
        let unjudged = |ghost: &KeyGhost| {
            let reason = alloc::format!("{}", ghost.not_judged.as_ref()?);
            Some(UnjudgedKey { key: ghost.plan.key.clone(), reason })
        };
        self.keys.iter().filter_map(unjudged).collect()
    }
}

impl KeyGhost {
    fn new(cluster: &ClusterConfig, mut plan: KeyPlan) -> Self {
        let historian = Historian::new(&plan.scenario, Watch::ALL);
        KeyGhost {
            history: History::new(&plan.scenario, historian.keys().len()),
            historian,
            nodes: KeyNodes(alloc::vec![NodeState::default(); cluster.nodes().len()]),
            seen_with: BTreeMap::new(),
            promised: Judgeable::ALL.map(|property| property.is_promised(cluster, plan.weakest)),
            broken: [false; PROPERTIES],
            not_judged: plan.not_judged.take(),
            plan,
        }
    }

    /// Whether anything of it was judged.
    fn is_judged(&self) -> bool {
        !matches!(self.not_judged, Some(NotJudged::RepeatedValue(_)))
    }

    /// Notes the name that a write was given.
    fn on_mint(&mut self, write: usize, dot: Dot) {
        self.historian.on_mint(&mut self.history, write, dot);
        // A coordinator that lost what it minted has forgotten the request too, and its retry is a
        // second write of the same value: whoever saw the first may have the second as sibling.
        if self.history.dots()[write].len() > 1 {
            self.promised[Judgeable::TrueSiblings as usize] = false;
        }
    }

    /// Notes whether a step dropped a version that nothing which stayed had seen: of what came
    /// together, what is left is `after`.
    fn look_for_lost_siblings(
        &mut self,
        node: NodeId,
        came: [Option<&Record>; 2],
        minted: Option<usize>,
        after: &Record,
    ) {
        let scenario = &*self.plan.scenario;
        let lost = self.historian.lost_siblings(scenario, &self.history, came, minted, after);
        if !lost.is_empty() {
            self.historian.on_sibling_lost(&mut self.history, node, lost);
        }
    }

    /// Looks whether everything that is promised holds now.
    fn check(&mut self) -> Result<(), Reason> {
        let view = View {
            scenario: &self.plan.scenario,
            historian: &self.historian,
            history: &self.history,
            nodes: &self.nodes,
        };
        for property in Judgeable::ALL {
            let spec = property.spec();
            let PropertyKind::Safety { holds, .. } = spec.kind else { continue };
            if holds(&view) {
                continue;
            }
            if self.promised[property as usize] {
                let (name, statement) = (spec.name, spec.statement);
                return Err(Reason::Property { name, statement, key: self.plan.key.clone() });
            }
            // Reads are counted one by one.
            self.broken[property as usize] |= property.of_read(&Default::default()).is_none();
        }
        Ok(())
    }
}

impl KeyNodes {
    fn apply(&mut self, node: NodeId, touched: &Touched) {
        let key = || touched.key.clone();
        let entry = match touched.after.clone() {
            Some(entry) => Change::Entry { key: key(), entry },
            None => Change::RemoveEntry { key: key() },
        };
        let hints = touched.hints.iter().map(|TouchedHint { home, after, .. }| {
            let home = *home;
            match after.clone() {
                Some(kept) => Change::Hint { home, key: key(), kept },
                None => Change::RemoveHint { home, key: key() },
            }
        });
        self.0[node.index()].store.apply([entry].into_iter().chain(hints));
    }
}

/// What a message brings of a key to a node that does not turn it away.
fn carried<'a>(node: &NodeState, message: Option<&'a Message>, key: &Key) -> Option<&'a Record> {
    let is_kept = |state: &Record| {
        let Ok(is_void) = has_void_version(&node.store, state);
        !is_void
    };
    let mut carried = message.into_iter().flat_map(Message::carried);
    carried.find(|(of, state)| *of == key && is_kept(state)).map(|(_, state)| &**state)
}

impl Touched {
    /// Whether the node minted a dot for the key, into its entry.
    fn is_minted(&self) -> bool {
        let run = |entry: &Option<Entry>| entry.as_ref().and_then(|entry| entry.run);
        self.after.is_some() && run(&self.before) != run(&self.after)
    }
}

impl TouchedHint {
    /// The dot that the node, in the life that it is in, has put into the hint.
    fn minted(&self, state: &NodeState, node: NodeId) -> Option<Dot> {
        let Ok(identity) = state.store.identity();
        let life = identity?.incarnation;
        let is_own = |dot: &Dot| match dot.actor {
            ActorId::Node { node: of, incarnation, .. } => of == node && incarnation == life,
            _ => false,
        };
        let was_there = |dot: &Dot| {
            let before = self.before.as_ref();
            before.is_some_and(|before| before.state.versions().any(|(known, _)| known == *dot))
        };
        let mut dots = self.after.as_ref()?.state.versions().map(|(dot, _)| dot);
        dots.find(|dot| is_own(dot) && !was_there(dot))
    }
}

#[cfg(test)]
mod tests;
