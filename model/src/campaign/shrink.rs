//! Making a scenario simpler.

use alloc::vec::Vec;

use quorate_checker::world::campaign::{With, fewer_asked, fewer_faults, simpler_by};

use super::draft::{Draft, DraftClient, Nodes, Verb};
use crate::scenario::Rounds;

/// Everything that is this scenario with one thing less, what makes it smallest first.
pub(super) fn simpler(draft: &Draft) -> Vec<Draft> {
    simpler_by(draft, |with| {
        for client in 0..draft.clients.len() {
            if draft.clients.len() > 1 {
                with(&|draft| {
                    draft.clients.remove(client);
                });
            }
            for operation in 0..draft.clients[client].operations.len() {
                if draft.clients[client].operations.len() > 1 {
                    with(&|draft| {
                        draft.clients[client].operations.remove(operation);
                    });
                }
            }
        }
        with(&|draft| *draft = without_last_node(draft.clone()));
        with(&|draft| {
            let clients = draft.clients.iter_mut();
            clients.flat_map(|one| &mut one.operations).for_each(|one| one.other_key = false);
        });
        fewer_asked(&draft.asked, |draft: &mut Draft| &mut draft.asked, with);
        simpler_faults(draft, with);
        simpler_cluster(draft, with);
        for client in 0..draft.clients.len() {
            simpler_client(draft, client, with);
        }
    })
}

fn simpler_faults(draft: &Draft, with: &mut With<'_, Draft>) {
    fewer_faults(|draft| &mut draft.faults, with);
    with(&|draft| {
        draft.partition = Vec::new();
        draft.heals = false;
        draft.faults.partitions = 0;
    });
    with(&|draft| draft.heals = false);
    with(&|draft| (draft.down, draft.down_returns) = (None, false));
    with(&|draft| draft.down_returns = false);
    if let Some(faulty) = draft.faulty {
        with(&|draft| draft.faulty = None);
        for node in 0..draft.nodes {
            with(&|draft| draft.faulty = Some(faulty & (1 << node)).filter(|left| *left > 0));
        }
    }
    with(&|draft| draft.shared_identity = false);
}

fn simpler_cluster(draft: &Draft, with: &mut With<'_, Draft>) {
    let plain = Draft::plain(draft.nodes);
    with(&|draft| (draft.sloppy, draft.handoff) = (false, false));
    with(&|draft| draft.handoff = false);
    with(&|draft| draft.anti_entropy = false);
    with(&|draft| draft.read_repair = plain.read_repair);
    with(&|draft| draft.reaping = plain.reaping);
    with(&|draft| draft.versioning = plain.versioning);
    with(&|draft| draft.fan_out = plain.fan_out);
    with(&|draft| draft.speculative_retry = false);
    with(&|draft| draft.deviation = None);
    with(&|draft| draft.siblings_max = None);
    with(&|draft| draft.context_entries_max = None);
    with(&|draft| draft.on_ring = false);
    with(&|draft| draft.last_has_left = false);
    with(&|draft| draft.rounds = Rounds::FEWEST);
    with(&|draft| draft.turn_length = None);
    with(&|draft| draft.clock_ahead = None);
    with(&|draft| draft.switched = None);
    with(&|draft| {
        draft.n = (draft.n - 1).max(1);
        (draft.r, draft.w) = (draft.r.min(draft.n), draft.w.min(draft.n));
    });
    with(&|draft| draft.r = (draft.r - 1).max(1));
    with(&|draft| draft.w = (draft.w - 1).max(1));
}

fn simpler_client(draft: &Draft, client: usize, with: &mut With<'_, Draft>) {
    with(&|draft| draft.clients[client].attempts = 1);
    with(&|draft| draft.clients[client].repeat = 1);
    for (position, operation) in draft.clients[client].operations.iter().enumerate() {
        if operation.verb == Verb::Delete {
            with(&|draft| draft.clients[client].operations[position].verb = Verb::Put);
        }
        with(&|draft| draft.clients[client].operations[position].quorum = None);
        with(&|draft| draft.clients[client].operations[position].sloppy = None);
        with(&|draft| draft.clients[client].operations[position].blind = false);
        with(&|draft| draft.clients[client].operations[position].other_key = false);
        if operation.via.count_ones() > 1 {
            for node in 0..draft.nodes {
                let only: Nodes = 1 << node;
                if operation.via & only > 0 {
                    with(&|draft| draft.clients[client].operations[position].via = only);
                }
            }
            for node in 0..draft.nodes {
                with(&|draft| {
                    draft.clients[client].operations[position].via &= !(1 << node);
                });
            }
        }
    }
}

/// The same without the last node, which nothing may need.
fn without_last_node(mut draft: Draft) -> Draft {
    if draft.nodes <= 2 {
        return draft;
    }
    draft.nodes -= 1;
    let left = draft.all_nodes();
    draft.last_has_left = false;
    draft.n = draft.n.min(draft.nodes);
    (draft.r, draft.w) = (draft.r.min(draft.n), draft.w.min(draft.n));
    draft.down = draft.down.filter(|down| *down < draft.nodes);
    draft.down_returns &= draft.down.is_some();
    draft.faulty = draft.faulty.map(|faulty| faulty & left).filter(|faulty| *faulty > 0);
    draft.clock_ahead = draft.clock_ahead.filter(|(node, _)| *node < draft.nodes);
    for group in &mut draft.partition {
        *group &= left;
    }
    draft.partition.retain(|group| *group > 0);
    let clients = draft.clients.iter_mut();
    for operation in clients.flat_map(|client: &mut DraftClient| &mut client.operations) {
        operation.via &= left;
        if operation.via == 0 {
            operation.via = left;
        }
        operation.quorum = operation.quorum.map(|quorum| quorum.min(draft.n));
    }
    draft
}
