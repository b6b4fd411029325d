//! All small scenarios, in order of size.
//!
//! Every scenario in which a reduction is known to have changed something is small, but a random
//! generator meets such a one about once in ten million. So here they are all enumerated. Where a
//! scenario is another one with other names, only one of the two is taken:
//!
//! - *Clients* may come in any order: neither the protocol nor any property asks for it.
//! - *Nodes* that are homes of all keys, as all homes are here, may change places, and so may nodes that
//!   are no homes, where no put is sloppy: fallbacks stand in in the order of the list, and for homes in
//!   the order of the list. Versions are dotted, so nothing compares names.

use alloc::vec::Vec;

use itertools::Itertools;

use super::draft::{Asked, Draft, DraftClient, DraftOperation, Nodes, Verb};
use crate::protocol::ReadRepair;
use crate::scenario::Faults;

/// The most operations of one scenario.
pub const OPERATIONS_MAX: usize = 3;

/// The largest size: three operations, a third node, a fault with a retry, sloppy puts with handoff,
/// anti-entropy and read repair.
pub const SIZE_MAX: usize = OPERATIONS_MAX + 1 + 2 + 4;

/// Everything of a scenario but its clients and what is asked, with its size.
#[derive(Clone)]
struct Setting {
    draft: Draft,
    attempts: u32,
    size: usize,
}

/// All scenarios of this size.
pub fn of_size(size: usize) -> impl Iterator<Item = Draft> + Send {
    let operations = 1..=OPERATIONS_MAX.min(size);
    operations.flat_map(move |operations| {
        let fitting = settings().into_iter().filter(move |one| one.size + operations == size);
        fitting.flat_map(move |setting| with_clients(setting, operations)).flat_map(|draft| {
            let asked = move |asked: Asked| Draft { asked: asked.properties(), ..draft.clone() };
            Asked::ALL.into_iter().map(asked)
        })
    })
}

/// All scenarios that are no larger than this, the smallest first.
pub fn up_to(size: usize) -> impl Iterator<Item = Draft> + Send {
    (1..=size.min(SIZE_MAX)).flat_map(of_size)
}

/// Every cluster with every fault, by size.
fn settings() -> Vec<Setting> {
    let mut all = Vec::new();
    for nodes in 2..=3 {
        for n in 1..=nodes {
            for (r, w) in (1..=n).cartesian_product(1..=n) {
                let draft = Draft { n, r, w, ..Draft::plain(nodes) };
                all.push(Setting { draft, attempts: 1, size: nodes - 2 });
            }
        }
    }
    let all = all.into_iter().flat_map(with_modes).flat_map(with_fault);
    all.sorted_by_key(|setting| setting.size).collect()
}

fn with_modes(setting: Setting) -> impl Iterator<Item = Setting> {
    let may_be_sloppy = setting.draft.n < setting.draft.nodes;
    let repairs = [ReadRepair::Off, ReadRepair::Async, ReadRepair::Blocking];
    // Without hints there is nothing to hand off.
    let hints = [(false, false), (true, false), (true, true)];
    hints
        .into_iter()
        .filter(move |(sloppy, _)| may_be_sloppy || !sloppy)
        .cartesian_product([false, true])
        .cartesian_product(repairs)
        .map(move |(((sloppy, handoff), anti_entropy), read_repair)| {
            let modes = [sloppy, handoff, anti_entropy, read_repair != ReadRepair::Off];
            let size = setting.size + modes.into_iter().filter(|on| *on).count();
            let draft =
                Draft { sloppy, handoff, anti_entropy, read_repair, ..setting.draft.clone() };
            Setting { draft, size, ..setting }
        })
}

/// The same without a fault, and with each.
fn with_fault(setting: Setting) -> Vec<Setting> {
    let Setting { draft, size, .. } = &setting;
    let mut all = Vec::from([setting.clone()]);
    let mut add = |draft: Draft, attempts: u32| {
        let size = size + 1 + (attempts as usize - 1);
        all.push(Setting { draft, attempts, size });
    };
    let none = Faults::default();
    let budgets = [
        Faults { timeouts: 1, ..none },
        Faults { drops: 1, ..none },
        Faults { duplicates: 1, ..none },
        Faults { crashes: 1, ..none },
        Faults { crashes: 1, wipes: 1, ..none },
        Faults { crashes: 1, rollbacks: 1, ..none },
    ];
    for faults in budgets {
        add(Draft { faults, ..draft.clone() }, 1);
    }
    add(Draft { faults: Faults { timeouts: 1, ..none }, ..draft.clone() }, 2);
    for down in 0..draft.nodes {
        for down_returns in [false, true] {
            add(Draft { down: Some(down), down_returns, ..draft.clone() }, 1);
        }
    }
    for partition in splits(draft.nodes) {
        for (partitions, heals) in [(0, false), (0, true), (1, false), (1, true)] {
            let (partition, faults) = (partition.clone(), Faults { partitions, ..none });
            add(Draft { partition, heals, faults, ..draft.clone() }, 1);
        }
    }
    all
}

/// Every way in which some nodes do not reach each other.
pub(super) fn splits(nodes: usize) -> Vec<Vec<Nodes>> {
    let groups: &[&[Nodes]] = match nodes {
        2 => &[&[0b01, 0b10]],
        _ => &[
            &[0b001, 0b110],
            &[0b010, 0b101],
            &[0b100, 0b011],
            &[0b001, 0b010, 0b100],
            &[0b011, 0b101],
            &[0b011, 0b110],
            &[0b101, 0b110],
        ],
    };
    groups.iter().map(|groups| groups.to_vec()).collect()
}

/// Every distribution of every sequence of so many operations to clients.
fn with_clients(setting: Setting, operations: usize) -> impl Iterator<Item = Draft> + Send {
    let Setting { draft, attempts, .. } = setting;
    let vias = draft.all_nodes();
    let verbs = [Verb::Put, Verb::Get, Verb::Delete];
    let alphabet: Vec<DraftOperation> = verbs
        .into_iter()
        .cartesian_product(1..=vias)
        .map(|(verb, via)| DraftOperation::new(verb, via))
        .collect();
    let renamings = renamings(&draft);
    let splits: &[&[usize]] = match operations {
        1 => &[&[1]],
        2 => &[&[2], &[1, 1]],
        _ => &[&[3], &[2, 1], &[1, 1, 1]],
    };
    let sequences = alphabet.len().pow(operations as u32);
    splits.iter().cartesian_product(0..sequences).filter_map(move |(split, sequence)| {
        let mut rest = sequence;
        let mut next = || {
            let one = alphabet[rest % alphabet.len()].clone();
            rest /= alphabet.len();
            one
        };
        let client = |length: &usize| DraftClient {
            operations: (0..*length).map(|_| next()).collect(),
            attempts,
            repeat: 1,
        };
        let clients: Vec<DraftClient> = split.iter().map(client).collect();
        let draft = Draft { clients, ..draft.clone() };
        is_first_of_its_names(&draft, &renamings).then_some(draft)
    })
}

/// A permutation of nodes: where each goes.
type Renaming = Vec<usize>;

/// Every way to exchange nodes that placement does not tell apart.
fn renamings(draft: &Draft) -> Vec<Renaming> {
    let identity: Renaming = (0..draft.nodes).collect();
    if draft.sloppy {
        return Vec::from([identity]);
    }
    let keeps_homes = |renaming: &Renaming| {
        renaming.iter().enumerate().all(|(from, to)| (from < draft.n) == (*to < draft.n))
    };
    identity.into_iter().permutations(draft.nodes).filter(keeps_homes).collect()
}

fn renamed(nodes: Nodes, renaming: &Renaming) -> Nodes {
    let is_in = |(from, _): &(usize, &usize)| nodes >> from & 1 == 1;
    renaming.iter().enumerate().filter(is_in).map(|(_, to)| 1 << to).sum()
}

/// What renaming changes, in a form that does not depend on the order of clients or groups.
type Named = (Option<usize>, Vec<Nodes>, Vec<DraftClient>);

/// Longer programs first, and equal ones beside each other.
fn sorted(mut clients: Vec<DraftClient>) -> Vec<DraftClient> {
    clients.sort_by(|one, other| {
        let length = |client: &DraftClient| client.operations.len();
        length(other).cmp(&length(one)).then_with(|| one.cmp(other))
    });
    clients
}

fn named(draft: &Draft, renaming: &Renaming) -> Named {
    let mut groups: Vec<Nodes> =
        draft.partition.iter().map(|group| renamed(*group, renaming)).collect();
    groups.sort_unstable();
    let mut clients = draft.clients.clone();
    for operation in clients.iter_mut().flat_map(|client| &mut client.operations) {
        operation.via = renamed(operation.via, renaming);
    }
    (draft.down.map(|down| renaming[down]), groups, sorted(clients))
}

/// Whether no other names of nodes and no other order of clients come before those of this draft.
fn is_first_of_its_names(draft: &Draft, renamings: &[Renaming]) -> bool {
    if sorted(draft.clients.clone()) != draft.clients {
        return false;
    }
    let identity: Renaming = (0..draft.nodes).collect();
    let own = named(draft, &identity);
    renamings.iter().all(|renaming| own <= named(draft, renaming))
}
