//! Naming writes so that no dot is ever minted twice, whatever a node forgets.

use crate::ids::NodeId;
use crate::protocol::store::{Identity, Run};
use crate::versions::{ActorId, Dot, Epoch, VersionVector};

/// The next dot of a key at this node, the run it belongs to, and the identity to store with it
/// if the run is fresh.
///
/// The counter continues only while the node holds the entries it minted before; otherwise the
/// run takes a fresh epoch from the node-wide counter, which is durable with the dot.
pub(super) fn next_dot(
    node: NodeId,
    identity: Identity,
    run: Option<Run>,
) -> (Dot, Run, Option<Identity>) {
    let (run, identity_after) = match run {
        Some(run) => (Run { counter: run.counter + 1, ..run }, None),
        None => {
            let epoch = identity.next_epoch;
            let next_epoch = Epoch(epoch.0 + 1);
            (Run { epoch, counter: 1 }, Some(Identity { next_epoch, ..identity }))
        }
    };
    (Dot { actor: actor(node, identity, run.epoch), counter: run.counter }, run, identity_after)
}

/// The run that this node may still continue after it has seen a peer's context: none, if the
/// peer knows a later counter of the run than the node does itself. The node then holds an older
/// state than it once had, and would mint a dot twice.
pub(super) fn surviving_run(
    node: NodeId,
    identity: Option<Identity>,
    run: Option<Run>,
    peer_context: &VersionVector,
) -> Option<Run> {
    let (identity, run) = (identity?, run?);
    (peer_context.get(actor(node, identity, run.epoch)) <= run.counter).then_some(run)
}

fn actor(node: NodeId, identity: Identity, epoch: Epoch) -> ActorId {
    ActorId::Node { node, incarnation: identity.incarnation, epoch }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::Incarnation;

    const NODE: NodeId = NodeId(1);
    const IDENTITY: Identity = Identity { incarnation: Incarnation(7), next_epoch: Epoch(4) };

    fn context(epoch: u64, counter: u64) -> VersionVector {
        [Dot { actor: actor(NODE, IDENTITY, Epoch(epoch)), counter }].into_iter().collect()
    }

    #[test]
    fn the_first_write_of_a_key_takes_a_fresh_epoch() {
        let (dot, run, identity) = next_dot(NODE, IDENTITY, None);
        assert_eq!(dot, Dot { actor: actor(NODE, IDENTITY, Epoch(4)), counter: 1 });
        assert_eq!(run, Run { epoch: Epoch(4), counter: 1 });
        assert_eq!(identity, Some(Identity { next_epoch: Epoch(5), ..IDENTITY }));
    }

    #[test]
    fn the_next_write_of_a_run_counts_on() {
        let (dot, run, identity) =
            next_dot(NODE, IDENTITY, Some(Run { epoch: Epoch(2), counter: 8 }));
        assert_eq!(dot, Dot { actor: actor(NODE, IDENTITY, Epoch(2)), counter: 9 });
        assert_eq!(run, Run { epoch: Epoch(2), counter: 9 });
        assert_eq!(identity, None);
    }

    #[test]
    fn a_peer_that_knows_a_later_counter_ends_the_run() {
        let run = Some(Run { epoch: Epoch(2), counter: 8 });
        assert_eq!(surviving_run(NODE, Some(IDENTITY), run, &context(2, 8)), run);
        assert_eq!(surviving_run(NODE, Some(IDENTITY), run, &context(2, 9)), None);
    }

    #[test]
    fn later_counters_of_another_epoch_do_not_end_the_run() {
        let run = Some(Run { epoch: Epoch(2), counter: 8 });
        assert_eq!(surviving_run(NODE, Some(IDENTITY), run, &context(1, 50)), run);
    }
}
