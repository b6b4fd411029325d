//! Naming writes so that no dot is ever minted twice, whatever a node forgets.

use crate::cluster::ClusterConfig;
use crate::deviation::Deviation;
use crate::ids::NodeId;
use crate::protocol::store::{Identity, Run};
use crate::versions::{ActorId, Dot, Epoch, Incarnation, VersionVector};

/// The next dot in this run, the run with it, and the identity to store with it.
///
/// The counter is the next of the node's life, over all keys, so it is higher than every one that the
/// incarnation minted before.
pub(super) fn next_dot(node: NodeId, identity: Identity, run: Run) -> (Dot, Run, Identity) {
    let minted = identity.next_counter();
    let run = Run { counter: minted, ..run };
    let dot = Dot { actor: actor(node, run), counter: minted };
    (dot, run, Identity { minted, ..identity })
}

/// The run that the node's next write of a key belongs to: the one of its last, if there is one and
/// nothing that `contexts` have seen is later; else the first, if they have seen none of it; else one
/// that nobody has heard of, with the identity that takes note of it.
pub(super) fn run_for(
    node: NodeId,
    identity: Identity,
    last: Option<Run>,
    contexts: [&VersionVector; 2],
) -> (Run, Identity) {
    let is_own = |run: &Run| run.incarnation == identity.incarnation;
    let first = Run { incarnation: identity.incarnation, epoch: Epoch(0), counter: 0 };
    let run = last.filter(is_own).unwrap_or(first);
    if contexts.iter().all(|context| context.get(actor(node, run)) <= run.counter) {
        (run, identity)
    } else {
        detached_run(node, identity, contexts)
    }
}

/// A run that nobody has heard of, with the identity that takes note of it.
///
/// A context may claim to have seen what the node has yet to mint, by mistake or on purpose. A
/// version under a dot that it covers would be gone at once, though acknowledged: so the epoch is one
/// that none of the contexts has heard of.
pub(super) fn detached_run(
    node: NodeId,
    identity: Identity,
    contexts: [&VersionVector; 2],
) -> (Run, Identity) {
    let Identity { incarnation, next_epoch, .. } = identity;
    let fresh = |epoch| Run { incarnation, epoch, counter: 0 };
    let is_unheard = |run: &Run| contexts.iter().all(|seen| seen.get(actor(node, *run)) == 0);
    let mut epochs = (next_epoch.0..u64::MAX).map(Epoch).map(fresh);
    let run = epochs.find(is_unheard).expect("a context has fewer entries than epochs");
    (run, Identity { next_epoch: Epoch(run.epoch.0 + 1), ..identity })
}

/// The same for a node that has no names but its own: it counts on from what it sees of itself.
/// A [`Deviation::OneActorPerNode`].
pub(super) fn next_dot_of_one_actor(node: NodeId, seen: &VersionVector) -> (Dot, Run) {
    let run = Run { incarnation: Incarnation(0), epoch: Epoch(0), counter: 0 };
    let actor = actor(node, run);
    let counter = seen.get(actor) + 1;
    (Dot { actor, counter }, Run { counter, ..run })
}

/// The run that this node may still continue after it has seen a peer's context: none, if the
/// peer knows a later counter of the run than the node does itself. The node then holds an older
/// state than it once had, and would cover what it has not seen. None either of an incarnation that
/// it has given up.
pub(super) fn surviving_run(
    cluster: &ClusterConfig,
    node: NodeId,
    identity: Option<Identity>,
    run: Option<Run>,
    peer_context: &VersionVector,
) -> Option<Run> {
    let (identity, run) = (identity?, run?);
    if cluster.deviates(Deviation::OneActorPerNode) {
        return Some(run);
    }
    let is_own = run.incarnation == identity.incarnation;
    (is_own && peer_context.get(actor(node, run)) <= run.counter).then_some(run)
}

fn actor(node: NodeId, run: Run) -> ActorId {
    ActorId::Node { node, incarnation: run.incarnation, epoch: run.epoch }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Placement;
    use crate::protocol::ReadRepair;
    use crate::quorum::Quorum;
    use crate::versions::{Life, Versioning};

    const NODE: NodeId = NodeId(1);
    const INCARNATION: Incarnation = Incarnation(7);
    const IDENTITY: Identity = Identity {
        incarnation: INCARNATION,
        life: Life(0),
        minted: 8,
        next_epoch: Epoch(4),
        is_caught_up: true,
    };

    fn run_of(epoch: u64, counter: u64) -> Run {
        Run { incarnation: INCARNATION, epoch: Epoch(epoch), counter }
    }

    fn cluster() -> ClusterConfig {
        let names = alloc::vec!["A".into(), "B".into()];
        let quorum = Quorum::new(1, 1, 1).unwrap();
        let (placement, versioning) = (Placement::InOrder, Versioning::Dotted);
        ClusterConfig::new(names, placement, quorum, versioning, ReadRepair::Off).unwrap()
    }

    fn context(epoch: u64, counter: u64) -> VersionVector {
        [Dot { actor: actor(NODE, run_of(epoch, counter)), counter }].into_iter().collect()
    }

    fn run_after(last: Option<Run>, seen: &VersionVector) -> (Run, Identity) {
        run_for(NODE, IDENTITY, last, [seen, &VersionVector::new()])
    }

    #[test]
    fn the_first_write_of_a_key_begins_the_first_run() {
        assert_eq!(run_after(None, &VersionVector::new()), (run_of(0, 0), IDENTITY));
    }

    #[test]
    fn a_key_of_whose_first_run_others_know_takes_a_fresh_epoch() {
        let forked = Identity { next_epoch: Epoch(5), ..IDENTITY };
        assert_eq!(run_after(None, &context(0, 3)), (run_of(4, 0), forked));
    }

    #[test]
    fn a_client_that_has_seen_a_later_counter_ends_the_run() {
        let forked = Identity { next_epoch: Epoch(5), ..IDENTITY };
        assert_eq!(run_after(Some(run_of(2, 8)), &context(2, 8)), (run_of(2, 8), IDENTITY));
        assert_eq!(run_after(Some(run_of(2, 8)), &context(2, 9)), (run_of(4, 0), forked));
    }

    #[test]
    fn counters_go_on_over_all_keys() {
        let (dot, run, identity) = next_dot(NODE, IDENTITY, run_of(2, 5));
        assert_eq!(dot, Dot { actor: actor(NODE, run_of(2, 9)), counter: 9 });
        assert_eq!(run, run_of(2, 9));
        assert_eq!(identity, Identity { minted: 9, ..IDENTITY });
    }

    #[test]
    fn the_counters_of_a_later_life_are_higher_than_all_before() {
        let (one, two) = (Life(1).counter(1), Life(1).counter(2));
        let reborn = Identity { life: Life(1), ..IDENTITY };
        let (dot, run, identity) = next_dot(NODE, reborn, run_of(0, 8));
        assert_eq!((dot.counter, run.counter, identity.minted), (one, one, one));
        assert!(Life(0).counter(1_000_000_000) < one);
        assert_eq!(identity.next_counter(), two);
        assert_eq!(alloc::format!("{dot} {}", Dot { counter: 7, ..dot }), "n1'7:1.1 n1'7:7");
    }

    #[test]
    fn a_fresh_epoch_is_one_that_no_context_claims_to_have_seen() {
        let (mut of_record, of_client) = (context(4, 1), context(5, u64::MAX));
        of_record.join(&context(0, 1));
        let (run, identity) = run_for(NODE, IDENTITY, None, [&of_record, &of_client]);
        assert_eq!(run, run_of(6, 0));
        assert_eq!(identity, Identity { next_epoch: Epoch(7), ..IDENTITY });
    }

    #[test]
    fn a_peer_that_knows_a_later_counter_ends_the_run() {
        let run = Some(run_of(2, 8));
        assert_eq!(surviving_run(&cluster(), NODE, Some(IDENTITY), run, &context(2, 8)), run);
        assert_eq!(surviving_run(&cluster(), NODE, Some(IDENTITY), run, &context(2, 9)), None);
    }

    #[test]
    fn later_counters_of_another_epoch_do_not_end_the_run() {
        let run = Some(run_of(2, 8));
        assert_eq!(surviving_run(&cluster(), NODE, Some(IDENTITY), run, &context(1, 50)), run);
    }

    #[test]
    fn a_fresh_incarnation_ends_every_run() {
        let run = Some(run_of(2, 8));
        let fresh = Identity::fresh(Incarnation(8), true);
        assert_eq!(surviving_run(&cluster(), NODE, Some(fresh), run, &context(1, 1)), None);
    }
}
