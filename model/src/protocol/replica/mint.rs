//! Naming writes so that no dot is ever minted twice, whatever a node forgets.

use crate::cluster::ClusterConfig;
use crate::deviation::Deviation;
use crate::ids::NodeId;
use crate::protocol::store::{Identity, Run};
use crate::versions::{ActorId, Dot, Epoch, Incarnation, VersionVector};

/// The next dot of a key at this node, the run it belongs to, and the identity to store with it
/// if the run is fresh.
///
/// The counter continues only while the node holds the entries it minted before; otherwise the
/// run takes a fresh epoch from the node-wide counter, which is durable with the dot.
///
/// A context may claim to have seen what the node has yet to mint, by mistake or on purpose. A
/// version under a dot that it covers would be gone at once, though acknowledged: so a fresh epoch
/// is one that none of the contexts in `seen` has heard of.
pub(super) fn next_dot(
    node: NodeId,
    identity: Identity,
    run: Option<Run>,
    seen: [&VersionVector; 2],
) -> (Dot, Run, Option<Identity>) {
    let (run, identity_after) = match run {
        Some(run) => (Run { counter: run.counter + 1, ..run }, None),
        None => {
            let fresh = |epoch| Run { incarnation: identity.incarnation, epoch, counter: 1 };
            let is_unheard = |run: &Run| seen.iter().all(|seen| seen.get(actor(node, *run)) == 0);
            let mut epochs = (identity.next_epoch.0..u64::MAX).map(Epoch).map(fresh);
            let run = epochs.find(is_unheard).expect("a context has fewer entries than epochs");
            let next_epoch = Epoch(run.epoch.0 + 1);
            (run, Some(Identity { next_epoch, ..identity }))
        }
    };
    (Dot { actor: actor(node, run), counter: run.counter }, run, identity_after)
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
/// state than it once had, and would mint a dot twice. None either after a restart: whether the
/// disk is the one it wrote last, nothing on the disk can tell.
pub(super) fn surviving_run(
    cluster: &ClusterConfig,
    node: NodeId,
    identity: Option<Identity>,
    run: Option<Run>,
    peer_context: &VersionVector,
) -> Option<Run> {
    let (identity, run) = (identity?, run?);
    if cluster.deviates(Deviation::OneActorPerNode) || planted!(cluster, EpochNotRenewed) {
        return Some(run);
    }
    let is_of_this_life = run.incarnation == identity.incarnation;
    (is_of_this_life && peer_context.get(actor(node, run)) <= run.counter).then_some(run)
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
    use crate::versions::Versioning;

    const NODE: NodeId = NodeId(1);
    const LIFE: Incarnation = Incarnation(7);
    const IDENTITY: Identity =
        Identity { incarnation: LIFE, next_epoch: Epoch(4), is_caught_up: true };

    fn run_of(epoch: u64, counter: u64) -> Run {
        Run { incarnation: LIFE, epoch: Epoch(epoch), counter }
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

    #[test]
    fn the_first_write_of_a_key_takes_a_fresh_epoch() {
        let nothing = VersionVector::new();
        let (dot, run, identity) = next_dot(NODE, IDENTITY, None, [&nothing, &nothing]);
        assert_eq!(dot, Dot { actor: actor(NODE, run_of(4, 1)), counter: 1 });
        assert_eq!(run, run_of(4, 1));
        assert_eq!(identity, Some(Identity { next_epoch: Epoch(5), ..IDENTITY }));
    }

    #[test]
    fn the_next_write_of_a_run_counts_on() {
        let nothing = VersionVector::new();
        let (dot, run, identity) =
            next_dot(NODE, IDENTITY, Some(run_of(2, 8)), [&nothing, &nothing]);
        assert_eq!(dot, Dot { actor: actor(NODE, run_of(2, 9)), counter: 9 });
        assert_eq!(run, run_of(2, 9));
        assert_eq!(identity, None);
    }

    #[test]
    fn a_fresh_epoch_is_one_that_no_context_claims_to_have_seen() {
        let (of_record, of_client) = (context(4, 1), context(5, u64::MAX));
        let (dot, run, identity) = next_dot(NODE, IDENTITY, None, [&of_record, &of_client]);
        assert_eq!(dot, Dot { actor: actor(NODE, run_of(6, 1)), counter: 1 });
        assert_eq!(run, run_of(6, 1));
        assert_eq!(identity, Some(Identity { next_epoch: Epoch(7), ..IDENTITY }));
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
    fn a_restart_ends_every_run() {
        let run = Some(run_of(2, 8));
        let reborn = Identity { incarnation: Incarnation(8), ..IDENTITY };
        assert_eq!(surviving_run(&cluster(), NODE, Some(reborn), run, &context(1, 1)), None);
    }
}
