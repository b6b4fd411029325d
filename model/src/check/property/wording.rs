//! Writes, reads and what they name, in a scenario's own words.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use itertools::Itertools;

use super::View;
use super::held::Held;
use super::reads::Readers;
use crate::check::words::Names;
use crate::check::write_set::WriteSet;
use crate::scenario::Scenario;

/// `writer's put "new"`, `x's delete`; with the request, where a client deletes more than once.
pub(super) fn write(scenario: &Scenario, write: usize) -> String {
    let planned = &scenario.writes[write];
    let client = &scenario.clients[planned.client.0 as usize].name;
    match &planned.value {
        Some(value) => format!("{client}'s put \"{value}\""),
        None => {
            let same = scenario
                .writes
                .iter()
                .filter(|other| other.client == planned.client && other.value.is_none());
            let which = if same.count() > 1 {
                format!(" ({client}#{})", planned.operation + 1)
            } else {
                String::new()
            };
            format!("{client}'s delete{which}{}", of_key(scenario, write))
        }
    }
}

/// ` of k`, where there is more than one key.
fn of_key(scenario: &Scenario, write: usize) -> String {
    if scenario.has_one_key() {
        return String::new();
    }
    format!(" of {}", scenario.writes[write].key)
}

/// `writer's put "new" and x's delete`
pub(super) fn writes(scenario: &Scenario, set: WriteSet) -> String {
    and(set.iter().map(|one| write(scenario, one)))
}

/// `"a" and "b"`, `a delete`, `nothing`
pub(super) fn values(scenario: &Scenario, set: WriteSet) -> String {
    if set.is_empty() {
        return "nothing".to_string();
    }
    and(set.iter().map(|write| value(scenario, write)))
}

/// `"a"`, `x's delete`
pub(super) fn value(scenario: &Scenario, of: usize) -> String {
    match &scenario.writes[of].value {
        Some(value) => format!("\"{value}\""),
        None => write(scenario, of),
    }
}

/// `a`, `a and b`, `a, b and c`
pub(super) fn and(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    match &items[..] {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.iter().join(", ")),
        _ => items.concat(),
    }
}

/// `was` or `were`
pub(super) fn was(set: WriteSet) -> &'static str {
    if set.len() == 1 { "was" } else { "were" }
}

/// `A`, or `D, as a hint for B,`
pub(super) fn holder(names: &Names, held: &Held<'_>) -> String {
    let node = names.node(held.node);
    match held.hint_for {
        Some(home) => format!("{node}, as a hint for {},", names.node(home)),
        None => node,
    }
}

/// `reader read nothing`: what a client's last read returned, where that is known.
pub(super) fn read(view: &View<'_>, client: usize) -> Option<String> {
    let read = view.ledger().last_read(client)?;
    let name = &view.scenario.clients[client].name;
    let found = values(view.scenario, read.returned);
    let key = if view.scenario.has_one_key() {
        String::new()
    } else {
        let key = &view.scenario.clients[client].operations[read.operation].key;
        format!(" of {key}")
    };
    Some(format!("{name} read {found}{key}"))
}

/// The first read that was judged to be broken, told with those of the writes under way when it began
/// that `chosen` takes, given what the read returned, and that with everything its writers had seen.
pub(super) fn read_beside(
    view: &View<'_>,
    readers: &Readers,
    chosen: fn(WriteSet, WriteSet, WriteSet) -> WriteSet,
) -> Option<String> {
    let (client, last) = readers.broken(view)?;
    let returned = view.ledger().closure(last.returned);
    let chosen = chosen(readers.owed(client), last.returned, returned);
    let (read, told, was) = (read(view, client)?, writes(view.scenario, chosen), was(chosen));
    Some(format!("{read}, and {told} {was} under way when the read began"))
}
