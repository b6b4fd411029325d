//! Contexts that nodes gave to clients, and what shows that they did.
//!
//! A client hands back with a put what a read returned: the context of what it has seen. It is not believed that it was
//! given one. Whatever context a node gives to a client, it seals, with a key that no client has; a client hands the
//! seal back, and where there is none, the protocol is told that the context is only claimed. What the protocol does
//! then is its own.
//!
//! A seal is not bound to a key: what it covers exists, whatever key it was written to, and counters go on over all
//! keys. The text in which people carry contexts around is bound to its key, against mistakes.

mod memory;

pub use memory::GivenContexts;

use serde::{Deserialize, Serialize};

use quorate_model::versions::VersionVector;

use crate::keys::{KeyId, Keyring};
use crate::wire::Fingerprint;

/// The most parts of which a context is put together: a client that fans out itself merges what several homes gave.
const PARTS_MAX: usize = 16;

/// The word of a node that it gave a context.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Seal {
    key: KeyId,
    tag: [u8; blake3::OUT_LEN],
}

/// What was given: the context that the message has, unless it says another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Given {
    context: Option<VersionVector>,
    seal: Seal,
}

/// What goes with a message to show that its context was given: all parts of it.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Evidence(Vec<Given>);

impl Evidence {
    /// A node's word that it gives this context.
    #[must_use]
    pub fn give(ring: &Keyring, now: u64, cluster: Fingerprint, context: &VersionVector) -> Self {
        let key = ring.in_use(now);
        let tag = *key.contexts().tag(&sealed(cluster, context)).as_bytes();
        Evidence(vec![Given { context: None, seal: Seal { key: key.id(), tag } }])
    }

    /// Whether it shows that everything which this context covers was given.
    #[must_use]
    pub fn shows(&self, ring: &Keyring, cluster: Fingerprint, context: &VersionVector) -> bool {
        let mut given = VersionVector::new();
        for part in self.0.iter().take(PARTS_MAX) {
            let covered = part.context.as_ref().unwrap_or(context);
            let Some(key) = ring.key(part.seal.key) else { continue };
            // Hashes are compared in a time that does not depend on where they differ.
            let tag = key.contexts().tag(&sealed(cluster, covered));
            if tag == blake3::Hash::from(part.seal.tag) {
                given.join(covered);
            }
        }
        given.dominates(context)
    }
}

/// What a seal is made of.
fn sealed(cluster: Fingerprint, context: &VersionVector) -> Vec<u8> {
    let bytes = cluster.bytes().to_vec();
    postcard::to_extend(context, bytes).expect("a context can always be encoded")
}

#[cfg(test)]
mod tests {
    use quorate_model::ids::NodeId;
    use quorate_model::versions::{ActorId, Dot, Epoch, Incarnation};

    use super::*;

    const CLUSTER: Fingerprint = Fingerprint::from_bytes([3; 8]);

    fn context(counters: &[(u16, u64)]) -> VersionVector {
        let dot = |(node, counter): &(u16, u64)| {
            let (node, incarnation) = (NodeId(*node), Incarnation(1));
            Dot { actor: ActorId::Node { node, incarnation, epoch: Epoch(0) }, counter: *counter }
        };
        counters.iter().map(dot).collect()
    }

    #[test]
    fn what_was_given_is_shown_and_nothing_else_is() {
        let ring = Keyring::fresh();
        let given = context(&[(0, 5), (1, 2)]);
        let evidence = Evidence::give(&ring, 0, CLUSTER, &given);
        assert!(evidence.shows(&ring, CLUSTER, &given));
        assert!(!evidence.shows(&ring, CLUSTER, &context(&[(0, 6), (1, 2)])));
        assert!(!evidence.shows(&ring, Fingerprint::from_bytes([4; 8]), &given));
        assert!(!evidence.shows(&Keyring::fresh(), CLUSTER, &given));
        assert!(!Evidence::default().shows(&ring, CLUSTER, &given));
        assert!(Evidence::default().shows(&ring, CLUSTER, &VersionVector::new()));
        assert!(evidence.shows(&ring.rotated(9), CLUSTER, &given));
    }

    #[test]
    fn a_merge_of_what_was_given_is_shown_by_its_parts_and_by_nothing_less() {
        let ring = Keyring::fresh();
        let memory = GivenContexts::default();
        let [one, two] = [context(&[(0, 5)]), context(&[(1, 2)])];
        let merged = context(&[(0, 5), (1, 2)]);
        memory.remember(&one, &Evidence::give(&ring, 0, CLUSTER, &one));
        assert!(!memory.show(&merged).shows(&ring, CLUSTER, &merged));
        memory.remember(&two, &Evidence::give(&ring, 0, CLUSTER, &two));
        assert!(memory.show(&merged).shows(&ring, CLUSTER, &merged));
        assert!(memory.show(&one).shows(&ring, CLUSTER, &one));
        let more = context(&[(0, 5), (1, 3)]);
        assert!(!memory.show(&more).shows(&ring, CLUSTER, &more));
        // What it may forge is the context of a part, and then the seal is wrong.
        let forged = Evidence(vec![Given {
            context: Some(more.clone()),
            seal: memory.show(&one).0[0].seal,
        }]);
        assert!(!forged.shows(&ring, CLUSTER, &more));
    }
}
