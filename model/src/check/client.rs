//! A client that follows its program, under the checker.

use alloc::vec::Vec;

use quorate_checker::world::ClientInput;

use super::leaderless::Leaderless;
use crate::ids::{ClientId, Key, NodeId};
use crate::protocol::{Client, ClientStep, Effect, Operation, Outcome};
use crate::scenario::{ClientProgram, PlannedAction, PlannedOperation, Scenario};
use crate::versions::{Record, VersionVector};

/// The state of a client that follows a program.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ScriptedClient {
    /// The client library.
    pub client: Client,
    /// Which operation of the program comes next.
    pub next: usize,
    /// The context of the last read of each key, as far as a later operation uses it.
    pub contexts: Vec<(Key, VersionVector)>,
    /// How the last operation ended, until an observer has seen it.
    pub outcome: Option<Outcome>,
}

impl ScriptedClient {
    /// A client before its first operation.
    #[must_use]
    pub fn new(client: ClientId) -> Self {
        ScriptedClient { client: Client::new(client), next: 0, contexts: Vec::new(), outcome: None }
    }

    fn context(&self, key: &Key) -> VersionVector {
        let known = self.contexts.iter().find(|(known, _)| known == key);
        known.map_or_else(VersionVector::new, |(_, context)| context.clone())
    }
}

/// The operation the client would start now, if it waits for nothing and has one left.
#[must_use]
pub fn ready<'a>(
    scenario: &'a Scenario,
    client: ClientId,
    state: &ScriptedClient,
) -> Option<&'a PlannedOperation> {
    match state.client.pending() {
        None => scenario.clients[client.0 as usize].operations.get(state.next),
        Some(_) => None,
    }
}

/// Something reaches a client, or it starts its next operation; gives what it does.
pub(crate) fn step(
    scenario: &Scenario,
    client: ClientId,
    state: &mut ScriptedClient,
    input: ClientInput<'_, Leaderless>,
) -> Vec<Effect> {
    let program = &scenario.clients[client.0 as usize];
    let step = match input {
        ClientInput::Invoke { coordinator } => invoke(scenario, program, state, coordinator),
        ClientInput::Receive { from, message } => {
            state.client.receive(&scenario.cluster, from, message.clone())
        }
        ClientInput::Expire(timer) => state.client.expire(&scenario.cluster, timer),
    };
    if let Some(outcome) = step.outcome {
        finish(program, state, outcome);
    }
    step.effects
}

fn invoke(
    scenario: &Scenario,
    program: &ClientProgram,
    state: &mut ScriptedClient,
    coordinator: NodeId,
) -> ClientStep {
    let planned = &program.operations[state.next];
    let key = planned.key.clone();
    let operation = match planned.action {
        PlannedAction::Get => Operation::Get { key, r: planned.quorum },
        PlannedAction::Put { write, with_context } => {
            let context = if with_context { state.context(&key) } else { Default::default() };
            let value = scenario.writes[write].value.clone();
            let (w, sloppy) = (planned.quorum, planned.sloppy);
            Operation::Put { key, value, context, w, sloppy }
        }
    };
    state.next += 1;
    let (cluster, fan_out) = (&scenario.cluster, scenario.fan_out);
    state.client.invoke(cluster, operation, coordinator, fan_out, program.attempts)
}

/// A context is used by the writes that follow its read, and by none after the next read.
fn finish(program: &ClientProgram, state: &mut ScriptedClient, outcome: Outcome) {
    if let Outcome::GetOk { state: record, .. } = &outcome {
        let key = &program.operations[state.next - 1].key;
        let context = record.as_deref().map_or_else(VersionVector::new, Record::context);
        state.contexts.retain(|(known, _)| known != key);
        state.contexts.push((key.clone(), context));
        state.contexts.sort();
    }
    let rest = &program.operations[state.next..];
    state.contexts.retain(|(key, _)| {
        rest.iter()
            .filter(|operation| operation.key == *key)
            .map(|operation| &operation.action)
            .take_while(|action| **action != PlannedAction::Get)
            .any(|action| matches!(action, PlannedAction::Put { with_context: true, .. }))
    });
    state.outcome = Some(outcome);
}
