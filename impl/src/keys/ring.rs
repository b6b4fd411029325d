//! The keys of a cluster, and those of clients that are derived from them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{KeyId, Rights, Secret};

/// The most bytes of a client's name: it is in everything that the client sends.
pub const NAME_BYTES_MAX: usize = 64;

/// The name of a client that derives its key from the cluster's by itself.
const LOCAL: &str = "local";

/// A key of a cluster. Whoever has it may say anything, as any node and as any client.
#[derive(Clone, Debug)]
pub struct ClusterKey {
    secret: Secret,
    id: KeyId,
    use_from: u64,
    between_nodes: Secret,
    clients: Secret,
    contexts: Secret,
}

impl ClusterKey {
    /// What is derived from this secret. Nothing is sent under it before `use_from`, in seconds since the
    /// Unix epoch, so that everybody has it by then.
    #[must_use]
    pub fn new(secret: Secret, use_from: u64) -> Self {
        ClusterKey {
            secret,
            id: KeyId::of(&secret),
            use_from,
            between_nodes: secret.derive("quorate keys: between nodes, version 1"),
            clients: secret.derive("quorate keys: clients, version 1"),
            contexts: secret.derive("quorate keys: contexts given to clients, version 1"),
        }
    }

    /// Its public name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// When it begins to be used, in seconds since the Unix epoch.
    #[must_use]
    pub fn use_from(&self) -> u64 {
        self.use_from
    }

    /// What nodes tell each other is sealed with.
    #[must_use]
    pub fn between_nodes(&self) -> &Secret {
        &self.between_nodes
    }

    /// What contexts are sealed with that are given to clients. No client has it.
    #[must_use]
    pub fn contexts(&self) -> &Secret {
        &self.contexts
    }

    /// The secret of the client with these rights. A node needs no list of clients: it derives it anew.
    ///
    /// # Panics
    /// Never: every grant can be encoded.
    #[must_use]
    pub fn client_secret(&self, grant: GrantRef<'_>) -> Secret {
        let mut bytes = [0; 2 * NAME_BYTES_MAX];
        let bytes = postcard::to_slice(&grant, &mut bytes).expect("a grant is short");
        self.clients.derive_for(bytes)
    }

    /// The key of a client with these rights.
    #[must_use]
    pub fn client_key(&self, grant: Grant) -> ClientKey {
        let secret = self.client_secret(grant.as_ref());
        ClientKey { key_id: self.id, grant, secret }
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// Who a client is and what it may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Its name: what revokes it.
    pub name: Arc<str>,
    /// What it may do.
    pub rights: Rights,
    /// When that ends, in seconds since the Unix epoch; never if absent.
    pub expires: Option<u64>,
}

impl Grant {
    /// Of who has the cluster key, and so every right.
    #[must_use]
    pub fn local() -> Self {
        Grant { name: LOCAL.into(), rights: Rights::ALL, expires: None }
    }

    /// The same, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> GrantRef<'_> {
        let Grant { name, rights, expires } = self;
        GrantRef { name, rights: *rights, expires: *expires }
    }

    /// Whether a client may have this name.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
        !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(is_plain)
    }
}

/// A [`Grant`] as it is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GrantRef<'a> {
    /// See [`Grant::name`].
    pub name: &'a str,
    /// See [`Grant::rights`].
    pub rights: Rights,
    /// See [`Grant::expires`].
    pub expires: Option<u64>,
}

/// The key of a client.
#[derive(Clone, Debug)]
pub struct ClientKey {
    /// The cluster key from which it is derived.
    pub key_id: KeyId,
    /// Whose it is and what it allows.
    pub grant: Grant,
    /// What the client's messages, and those to it, are sealed with.
    pub secret: Secret,
}

/// The keys of a cluster, newest first. What is sealed with any of them is believed; what is sent is sealed
/// with the newest that is in use.
#[derive(Clone, Debug)]
pub struct Keyring {
    keys: Vec<ClusterKey>,
    revoked: BTreeSet<String>,
}

impl Keyring {
    /// These keys, newest first, and these clients' names, whose keys are believed no more.
    ///
    /// # Panics
    /// When there is no key.
    #[must_use]
    pub fn new(keys: Vec<ClusterKey>, revoked: BTreeSet<String>) -> Self {
        assert!(!keys.is_empty(), "a cluster has a key");
        Keyring { keys, revoked }
    }

    /// A ring with one fresh key.
    #[must_use]
    pub fn fresh() -> Self {
        Keyring::new(vec![ClusterKey::new(Secret::random(), 0)], BTreeSet::new())
    }

    /// The ring of clusters that do without: everybody knows its key.
    #[must_use]
    pub fn public() -> Self {
        let secret = "00".repeat(blake3::KEY_LEN).parse().expect("it is hexadecimal");
        Keyring::new(vec![ClusterKey::new(secret, 0)], BTreeSet::new())
    }

    /// All keys, newest first.
    #[must_use]
    pub fn keys(&self) -> &[ClusterKey] {
        &self.keys
    }

    /// The names of clients whose keys are believed no more.
    #[must_use]
    pub fn revoked(&self) -> &BTreeSet<String> {
        &self.revoked
    }

    /// The key of this name.
    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&ClusterKey> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// The key to send under at this time, in seconds since the Unix epoch: the newest that is in use, or the
    /// oldest if none is.
    #[must_use]
    pub fn in_use(&self, now: u64) -> &ClusterKey {
        let in_use = self.keys.iter().find(|key| key.use_from <= now);
        in_use.unwrap_or_else(|| self.keys.last().expect("a cluster has a key"))
    }

    /// The same with a fresh key, which is believed at once and used from then on.
    #[must_use]
    pub fn rotated(&self, use_from: u64) -> Self {
        let fresh = ClusterKey::new(Secret::random(), use_from);
        let keys = std::iter::once(fresh).chain(self.keys.iter().cloned()).collect();
        Keyring { keys, revoked: self.revoked.clone() }
    }

    /// The same without the keys that are older than the one in use.
    #[must_use]
    pub fn without_older(&self, now: u64) -> Self {
        let in_use = self.in_use(now).id;
        let last = self.keys.iter().position(|key| key.id == in_use).unwrap_or(0);
        Keyring { keys: self.keys[..=last].to_vec(), revoked: self.revoked.clone() }
    }

    /// The same, with these clients' keys believed no more.
    #[must_use]
    pub fn revoking(&self, names: impl IntoIterator<Item = String>) -> Self {
        let mut revoked = self.revoked.clone();
        revoked.extend(names);
        Keyring { keys: self.keys.clone(), revoked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Right;

    #[test]
    fn a_new_key_is_believed_at_once_and_used_later() {
        let old = Keyring::fresh();
        let both = old.rotated(100);
        let [new_id, old_id] = [both.keys()[0].id(), old.keys()[0].id()];
        assert_eq!(both.in_use(99).id(), old_id);
        assert_eq!(both.in_use(100).id(), new_id);
        assert!(both.key(new_id).is_some() && both.key(old_id).is_some());
        assert_eq!(both.without_older(99).keys().len(), 2);
        let new = both.without_older(100);
        assert_eq!(new.keys().len(), 1);
        assert!(new.key(new_id).is_some());
        assert_eq!(old.rotated(100).rotated(200).without_older(0).keys().len(), 3);
    }

    #[test]
    fn clients_that_differ_in_anything_have_different_secrets() {
        let ring = Keyring::fresh();
        let grant = Grant { name: "a".into(), rights: Rights::ALL, expires: None };
        let secret = |grant: &Grant| ring.keys()[0].client_secret(grant.as_ref()).tag(b"");
        let read: Rights = [Right::Read].into_iter().collect();
        for other in [
            Grant { name: "b".into(), ..grant.clone() },
            Grant { rights: read, ..grant.clone() },
            Grant { expires: Some(0), ..grant.clone() },
        ] {
            assert_ne!(secret(&other), secret(&grant), "{other:?}");
        }
        assert_eq!(secret(&grant), secret(&grant.clone()));
        let other = Keyring::fresh();
        assert_ne!(other.keys()[0].client_secret(grant.as_ref()).tag(b""), secret(&grant));
    }

    #[test]
    fn names_are_short_and_plain() {
        assert!(Grant::is_name("cart-service.eu@1"));
        for wrong in ["", "two words", "käse", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(!Grant::is_name(wrong), "{wrong}");
        }
    }
}
