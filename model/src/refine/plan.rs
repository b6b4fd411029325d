//! What the clients of a trace did, as a scenario per key: the form in which the checker's ghost
//! history knows clients.
//!
//! A key is judged on its own, since no property ties one key to another; so the bound on the
//! writes of a scenario bounds the writes of a key, not those of a trace.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::ClientTrace;
use super::not_judged::NotJudged;
use super::trace::ClientInput;
use crate::check::property::Weakest;
use crate::cluster::{ClusterConfig, ClusterSpec};
use crate::ids::{ClientId, Key, NodeSet, RequestId, Value};
use crate::protocol::{FanOut, Operation};
use crate::scenario::{
    ClientProgram, Faults, PlannedAction, PlannedOperation, PlannedWrite, Reductions, Rounds,
    Scenario, WRITES_MAX,
};

/// Where an operation of a trace stands in its key's scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Planned {
    /// Which of the plan's keys.
    pub(super) key: usize,
    /// Its place in that scenario; `None` where the scenario has no room for it.
    pub(super) role: Option<Role>,
}

/// An operation of a scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Role {
    /// Which of the scenario's clients.
    pub(super) client: usize,
    /// Which operation of that client.
    pub(super) operation: usize,
    /// Which write, if it is one.
    pub(super) write: Option<usize>,
}

/// What happens to one key.
pub(super) struct KeyPlan {
    pub(super) key: Key,
    pub(super) scenario: Arc<Scenario>,
    pub(super) weakest: Weakest,
    /// Why it cannot be judged at all.
    pub(super) not_judged: Option<NotJudged>,
}

/// What happens to every key.
pub(super) struct Plan {
    pub(super) keys: Vec<KeyPlan>,
    pub(super) operations: BTreeMap<RequestId, Planned>,
}

struct Invoked<'a> {
    request: RequestId,
    at_us: u64,
    operation: &'a Operation,
    fan_out: FanOut,
}

impl Plan {
    /// The plan of these clients' traces.
    pub(super) fn new(
        spec: &ClusterSpec,
        cluster: &Arc<ClusterConfig>,
        clients: &[ClientTrace],
    ) -> Self {
        let mut of_key: BTreeMap<&Key, Vec<Invoked<'_>>> = BTreeMap::new();
        for trace in clients {
            let invocations = trace.steps.iter().filter_map(|step| match &step.line.input {
                ClientInput::Invoke { operation, fan_out, .. } => {
                    Some((step.line.at_us, operation, *fan_out))
                }
                ClientInput::Receive { .. } | ClientInput::Expire(_) => None,
            });
            for (sequence, (at_us, operation, fan_out)) in invocations.enumerate() {
                let client = trace.header.line.client;
                let request = RequestId { client, sequence: sequence as u64 };
                let invoked = Invoked { request, at_us, operation, fan_out };
                of_key.entry(operation.key()).or_default().push(invoked);
            }
        }
        let mut plan = Plan { keys: Vec::new(), operations: BTreeMap::new() };
        for (key, invoked) in of_key {
            plan.add(spec, cluster, key, invoked);
        }
        plan
    }

    /// Plans one key: the first writes in the order of time, as many as ghost history can hold.
    fn add(
        &mut self,
        spec: &ClusterSpec,
        cluster: &Arc<ClusterConfig>,
        key: &Key,
        mut invoked: Vec<Invoked<'_>>,
    ) {
        invoked.sort_by_key(|invoked| (invoked.at_us, invoked.request));
        let mut clients: Vec<ClientProgram> = Vec::new();
        let mut writes: Vec<PlannedWrite> = Vec::new();
        let mut not_judged = None;
        let quorum = cluster.quorum();
        let mut weakest = Weakest { r: quorum.r(), w: quorum.w(), is_sloppy: false };
        for Invoked { request, operation, fan_out, .. } in &invoked {
            let client = client_index(&mut clients, request.client);
            let operations = &mut clients[client].operations;
            let (action, write, asked) = match operation {
                Operation::Get { r, .. } => {
                    weakest.r = weakest.r.min(r.unwrap_or(usize::MAX));
                    (PlannedAction::Get, None, *r)
                }
                Operation::Put { value, w, sloppy, .. } => {
                    weakest.is_sloppy |=
                        *fan_out == FanOut::NodeDriven && sloppy.unwrap_or(cluster.sloppy());
                    weakest.w = weakest.w.min(w.unwrap_or(usize::MAX));
                    if let Some(value) = value
                        && is_written(&writes, value)
                    {
                        not_judged.get_or_insert(NotJudged::RepeatedValue(value.clone()));
                    }
                    if writes.len() == WRITES_MAX {
                        let planned = Planned { key: self.keys.len(), role: None };
                        self.operations.insert(*request, planned);
                        continue;
                    }
                    let (client, operation) = (request.client, operations.len());
                    let (key, value) = (key.clone(), value.clone());
                    writes.push(PlannedWrite { client, operation, key, value });
                    let write = writes.len() - 1;
                    // The judge finds out itself what the writer had seen: a context may come
                    // from any earlier read, not only from the client's own last one.
                    (PlannedAction::Put { write, with_context: false }, Some(write), *w)
                }
            };
            let role = Role { client, operation: operations.len(), write };
            let planned = Planned { key: self.keys.len(), role: Some(role) };
            self.operations.insert(*request, planned);
            let (key, via) = (key.clone(), Vec::new());
            operations.push(PlannedOperation { key, action, quorum: asked, sloppy: None, via });
        }
        let scenario = Arc::new(scenario(spec, cluster, clients, writes));
        self.keys.push(KeyPlan { key: key.clone(), scenario, weakest, not_judged });
    }
}

fn client_index(clients: &mut Vec<ClientProgram>, id: ClientId) -> usize {
    clients.iter().position(|known| known.id == id).unwrap_or_else(|| {
        let (name, operations) = (id.to_string(), Vec::new());
        clients.push(ClientProgram { name, id, operations, attempts: 1 });
        clients.len() - 1
    })
}

fn is_written(writes: &[PlannedWrite], value: &Value) -> bool {
    writes.iter().any(|write| write.value.as_ref() == Some(value))
}

/// A scenario for its clients and writes only: nothing of it is ever searched.
fn scenario(
    spec: &ClusterSpec,
    cluster: &Arc<ClusterConfig>,
    clients: Vec<ClientProgram>,
    writes: Vec<PlannedWrite>,
) -> Scenario {
    Scenario {
        name: "trace".into(),
        title: "What the clients of a trace did to one key".into(),
        notes: Default::default(),
        spec: spec.clone(),
        cluster: Arc::clone(cluster),
        fan_out: FanOut::NodeDriven,
        clients,
        script: None,
        writes,
        turn_length: None,
        down: NodeSet::EMPTY,
        down_returns: false,
        heals: false,
        faulty: NodeSet::EMPTY,
        partition: Vec::new(),
        faults: Faults::default(),
        rounds: Rounds::FEWEST,
        mints_as: cluster.nodes().to_vec(),
        clocks_ahead: alloc::vec![0; cluster.nodes().len()],
        reductions: Reductions::NONE,
        expect: BTreeMap::new(),
        show: BTreeMap::new(),
        default: false,
        warnings: Vec::new(),
    }
}
