//! Why a run shows what it shows, in one sentence, and what became of each operation.
//!
//! Searches keep no more history than they need to judge. A run that was found is walked once more, by
//! a model that remembers what each read was obliged to and what it returned.

use alloc::format;
use alloc::string::{String, ToString};

use itertools::Itertools;

use super::action::Action;
use super::model::ClusterModel;
use super::property::PropertySpec;
use super::words::Names;
use crate::ids::{ClientId, RequestId};
use crate::protocol::Outcome;
use crate::versions::Record;

/// Why the run of these actions violates a property, or reaches what it asks for: of its last state;
/// of a run that goes on for ever, of the last state that is not what it should be. `None` if
/// the run shows neither.
#[must_use]
pub fn reason(
    model: &ClusterModel,
    property: &'static PropertySpec,
    actions: &[Action],
) -> Option<String> {
    model.explaining().reason(&property.of_world(model.scenario()), actions)
}

/// What became of an operation: `x#2 get k: returned "v", answered by {A, B}`.
pub(crate) fn outcome(
    names: &Names,
    client: ClientId,
    operation: usize,
    outcome: &Outcome,
) -> String {
    let request = RequestId { client, sequence: operation as u64 };
    let asked = names.operation(client, operation).unwrap_or_default();
    let told = match outcome {
        Outcome::PutOk { acked } => format!("acknowledged by {}", names.node_set(*acked)),
        Outcome::PutUnavailable { acked } => {
            format!("unavailable, held by {}", names.node_set(*acked))
        }
        Outcome::GetOk { state, replied } => {
            let (found, replied) = (found(state.as_deref()), names.node_set(*replied));
            format!("returned {found}, answered by {replied}")
        }
        Outcome::GetUnavailable { replied } => {
            format!("unavailable, replies of {}", names.node_set(*replied))
        }
        Outcome::Refused(refusal) => format!("refused: {refusal}"),
        Outcome::NoAnswer => "no answer".to_string(),
    };
    format!("{} {asked}: {told}", names.request(request))
}

/// `"a", "b"`, `nothing, since it is deleted`, or `nothing`
fn found(state: Option<&Record>) -> String {
    let values = state.into_iter().flat_map(Record::live).map(|(_, value)| format!("\"{value}\""));
    let values = values.collect::<alloc::vec::Vec<_>>();
    match state {
        _ if !values.is_empty() => values.iter().join(", "),
        Some(record) if record.is_deleted() => "nothing, since it is deleted".to_string(),
        _ => "nothing".to_string(),
    }
}
