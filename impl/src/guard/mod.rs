//! Who may talk to a process: every message is sealed by whom it names, for whom it names, and taken in once.
//!
//! `docs/running.md` says what that promises and what not.

mod envelope;
mod party;
mod refused;
mod replay;
mod transport;

pub use envelope::{ENVELOPE_BYTES_MAX, peek};
pub use party::Party;
pub use refused::{Refusals, Refused};
pub use transport::GuardedTransport;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::{Duration, Instant};

use quorate_model::ids::{ClientId, NodeId, Peer};
use quorate_model::versions::VersionVector;

use crate::given::Evidence;
use crate::keys::{Access, GrantRef, HeldKeys, KeyError, Keyring, now_seconds};
use crate::wire::{Age, Fingerprint, age_of};
use envelope::{Claimed, Header, Sender};
use party::KnownClient;
use replay::Sessions;

/// The most sessions of clients that a node remembers. What was sent in one that it has forgotten is not taken in
/// again.
pub const CLIENT_SESSIONS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");

/// The same for each node: a session is one start of its process.
pub const NODE_SESSIONS_MAX: NonZeroUsize = NonZeroUsize::new(16).expect("it is not zero");

/// What guards one process.
#[derive(Debug)]
pub struct Guard {
    keys: HeldKeys,
    cluster: Fingerprint,
    nodes: usize,
    lifetime: Duration,
    configuration: Vec<u8>,
    me: Me,
    session: u64,
    /// The numbers of the last message that was sent: of datagrams, and of larger ones.
    sent: [u64; 2],
    from_nodes: Vec<Sessions>,
    from_clients: Sessions,
    refusals: Refusals,
}

/// Whom a guard stands before.
#[derive(Debug)]
enum Me {
    Node(NodeId),
    /// As many clients as one process is: their ids by index, and sorted.
    Clients(Vec<ClientId>, Vec<ClientId>),
}

/// What a guard is told of its cluster.
#[derive(Clone, Debug)]
pub struct GuardSettings {
    /// How processes know each other.
    pub access: Access,
    /// The name of the cluster.
    pub cluster: Fingerprint,
    /// How many nodes it has.
    pub nodes: usize,
    /// How long a message is believed.
    pub lifetime: Duration,
    /// What a node tells a client that has a key of its cluster and names another, as bytes: how its own is configured. Nothing
    /// where that is empty.
    pub configuration: Vec<u8>,
}

impl Guard {
    /// The guard of a node whose process listens at its address since this time, or will.
    ///
    /// What was sent before may have come to the process before, which may have taken it in. What is sent since cannot.
    ///
    /// # Errors
    /// When the keys of the cluster cannot be read.
    pub fn of_node(
        settings: &GuardSettings,
        node: NodeId,
        listens_since_ms: u64,
    ) -> Result<Self, KeyError> {
        let keys = HeldKeys::open_cluster(&settings.access)?;
        let forgotten_until_ms = listens_since_ms.saturating_sub(1);
        Ok(Self::new(settings, keys, Me::Node(node), rand::random(), forgotten_until_ms))
    }

    /// The guard of a client that nobody has heard of before.
    ///
    /// # Errors
    /// When its key cannot be read.
    pub fn of_client(settings: &GuardSettings) -> Result<Self, KeyError> {
        Self::of_clients(settings, 1)
    }

    /// The guard of so many clients that nobody has heard of before, which are one process and have one key.
    ///
    /// # Errors
    /// When their key cannot be read.
    pub fn of_clients(settings: &GuardSettings, count: u32) -> Result<Self, KeyError> {
        let keys = HeldKeys::open(&settings.access)?;
        let (session, grant) = (rand::random(), keys.grant());
        let ids = (0..count).map(|index| client_id(grant.as_ref(), session, index));
        let ids: Vec<ClientId> = ids.collect();
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        Ok(Self::new(settings, keys, Me::Clients(ids, sorted), session, 0))
    }

    fn new(
        settings: &GuardSettings,
        keys: HeldKeys,
        me: Me,
        session: u64,
        forgotten_until_ms: u64,
    ) -> Self {
        let sessions = |max| Sessions::new(max, forgotten_until_ms);
        // Nothing is taken in from clients by clients.
        let clients_max = match me {
            Me::Node(_) => CLIENT_SESSIONS_MAX,
            Me::Clients(..) => NonZeroUsize::MIN,
        };
        Guard {
            keys,
            cluster: settings.cluster,
            nodes: settings.nodes,
            lifetime: settings.lifetime,
            configuration: settings.configuration.clone(),
            me,
            session,
            sent: [0; 2],
            from_nodes: (0..settings.nodes).map(|_| sessions(NODE_SESSIONS_MAX)).collect(),
            from_clients: sessions(clients_max),
            refusals: Refusals::default(),
        }
    }

    /// The clients that it guards, in the order of their indices: none if it guards a node.
    #[must_use]
    pub fn clients(&self) -> &[ClientId] {
        match &self.me {
            Me::Node(_) => &[],
            Me::Clients(ids, _) => ids,
        }
    }

    fn is_me(&self, peer: Peer) -> bool {
        match (&self.me, peer) {
            (Me::Node(node), Peer::Node(meant)) => *node == meant,
            (Me::Clients(_, sorted), Peer::Client(meant)) => sorted.binary_search(&meant).is_ok(),
            _ => false,
        }
    }

    /// The keys by which it does.
    #[must_use]
    pub fn keys(&self) -> &HeldKeys {
        &self.keys
    }

    /// Reads the keys again if their file has changed, now and then.
    pub fn refresh(&mut self, now: Instant) {
        self.keys.refresh(now);
    }

    /// What was refused so far.
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        self.refusals
    }

    /// A node's word that it gives a client this context.
    #[must_use]
    pub fn give(&self, context: &VersionVector) -> Evidence {
        match self.keys.ring() {
            Some(ring) => Evidence::give(ring, now_seconds(), self.cluster, context),
            None => Evidence::default(),
        }
    }

    /// Whether some node gave all that this context covers.
    #[must_use]
    pub fn was_given(&self, context: &VersionVector, evidence: &Evidence) -> bool {
        let shows = |ring| evidence.shows(ring, self.cluster, context);
        self.keys.ring().is_some_and(shows)
    }

    /// Seals a message for a party, into `out`.
    ///
    /// # Panics
    /// When it has 4 GiB or more, which the limit on messages excludes.
    pub fn seal(&mut self, to: &Party, body: &[u8], now_ms: u64, out: &mut Vec<u8>) {
        let sent = &mut self.sent[usize::from(envelope::is_large(body.len()))];
        *sent += 1;
        let number = *sent;
        let grant = self.keys.grant();
        let (sender, key, secret) = match &self.me {
            Me::Clients(..) => {
                let key = self.keys.client_key();
                let sender = Sender::Client { grant: grant.as_ref(), index: to.by };
                (sender, key.key_id, key.secret)
            }
            Me::Node(node) => {
                let sender = Sender::Node(*node);
                match to.client {
                    Some(client) => (sender, client.key_id, client.secret),
                    None => {
                        let key = self.ring().in_use(now_ms / 1_000);
                        (sender, key.id(), *key.between_nodes())
                    }
                }
            }
        };
        let header = Header {
            key,
            sender,
            receiver: to.peer,
            session: self.session,
            number,
            sent_ms: now_ms,
            body_bytes: u32::try_from(body.len()).expect("a message is shorter than 4 GiB"),
        };
        envelope::seal(self.cluster, &header, body, out, |bytes| secret.tag(bytes));
    }

    /// Who sent what came from this address, and where its body is. Nothing is known of what is refused, and
    /// nothing has changed but its count.
    ///
    /// # Errors
    /// When it is not to be believed, or came before.
    pub fn open(
        &mut self,
        bytes: &[u8],
        from: SocketAddr,
        now_ms: u64,
    ) -> Result<(Party, Range<usize>), Refused> {
        let opened = self.try_open(bytes, from, now_ms);
        if let Err(refused) = opened {
            self.refusals.count(refused);
        }
        opened
    }

    fn try_open(
        &mut self,
        bytes: &[u8],
        from: SocketAddr,
        now_ms: u64,
    ) -> Result<(Party, Range<usize>), Refused> {
        let claimed = Claimed::read(bytes, Some(self.cluster))?;
        let (party, secret) = self.claimed_party(&claimed.header, from)?;
        let body = claimed.body(|bytes| secret.tag(bytes))?;
        self.check(&claimed.header, now_ms)?;
        let Header { session, number, sent_ms, .. } = claimed.header;
        let sessions = match party.peer {
            Peer::Node(node) => &mut self.from_nodes[node.index()],
            Peer::Client(_) => &mut self.from_clients,
        };
        sessions.admit(
            (secret.short_name(), session),
            number,
            claimed.header.is_large(),
            sent_ms,
        )?;
        Ok((party, body))
    }

    /// The answer to a client whose message names another cluster than this node's: how this one is configured.
    ///
    /// Its configuration differs then, or it has taken one cluster for another. Nobody is told but who has a key of this
    /// cluster and seals with it lately and for the first time. The answer names the cluster that the client did, and comes from
    /// the node that it asked, whatever this one is called here: the client would believe no other.
    pub fn answer_to_other_cluster(&mut self, bytes: &[u8], now_ms: u64) -> Option<Vec<u8>> {
        let claimed = Claimed::read(bytes, None).ok()?;
        let (Sender::Client { grant, index }, Peer::Node(asked), Me::Node(_)) =
            (claimed.header.sender, claimed.header.receiver, &self.me)
        else {
            return None;
        };
        if claimed.cluster == self.cluster || self.configuration.is_empty() {
            return None;
        }
        let Header { key, session, number, sent_ms, .. } = claimed.header;
        let secret = self.ring().key(key)?.client_secret(grant);
        claimed.body(|bytes| secret.tag(bytes)).ok()?;
        self.check_sender(&claimed.header, now_ms).ok()?;
        let of = (secret.short_name(), session);
        self.from_clients.admit(of, number, claimed.header.is_large(), sent_ms).ok()?;
        let large = envelope::is_large(self.configuration.len());
        self.sent[usize::from(large)] += 1;
        let header = Header {
            key,
            sender: Sender::Node(asked),
            receiver: client_id(grant, session, index).into(),
            session: self.session,
            number: self.sent[usize::from(large)],
            sent_ms: now_ms,
            body_bytes: u32::try_from(self.configuration.len()).ok()?,
        };
        let mut answer = Vec::new();
        envelope::seal(claimed.cluster, &header, &self.configuration, &mut answer, |bytes| {
            secret.tag(bytes)
        });
        Some(answer)
    }

    /// Whether a message that goes over a stream may be taken in, by how it starts and how long it is to be.
    #[must_use]
    pub fn admits(&self, start: &[u8], bytes: usize, now_ms: u64) -> bool {
        self.try_admit(start, bytes, now_ms).is_ok()
    }

    fn try_admit(&self, start: &[u8], bytes: usize, now_ms: u64) -> Result<(), Refused> {
        let claimed = Claimed::read(start, Some(self.cluster))?;
        let address = ([0; 4], 0).into();
        let (party, secret) = self.claimed_party(&claimed.header, address)?;
        claimed.check_header(|bytes| secret.tag(bytes))?;
        self.check(&claimed.header, now_ms)?;
        let Header { session, number, .. } = claimed.header;
        let sessions = match party.peer {
            Peer::Node(node) => &self.from_nodes[node.index()],
            Peer::Client(_) => &self.from_clients,
        };
        let session = (secret.short_name(), session);
        let is_new = bytes == claimed.whole_bytes() && !sessions.has_come(session, number, true);
        is_new.then_some(()).ok_or(Refused::Replayed)
    }

    /// Who is said to have sent it, and what its tag is made with if so.
    fn claimed_party(
        &self,
        header: &Header<'_>,
        address: SocketAddr,
    ) -> Result<(Party, crate::keys::Secret), Refused> {
        match (&self.me, header.sender) {
            (_, Sender::Node(node)) if node.index() >= self.nodes => Err(Refused::UnknownNode),
            (Me::Node(_), Sender::Node(node)) => {
                let key = self.ring().key(header.key).ok_or(Refused::ForeignKey)?;
                Ok((Party::node(node, address), *key.between_nodes()))
            }
            (Me::Node(_), Sender::Client { grant, index }) => {
                let key = self.ring().key(header.key).ok_or(Refused::ForeignKey)?;
                let secret = key.client_secret(grant);
                let peer = client_id(grant, header.session, index).into();
                let (key_id, rights) = (header.key, grant.rights);
                let client = Some(KnownClient { key_id, secret, rights });
                Ok((Party { address, peer, client, by: 0 }, secret))
            }
            (Me::Clients(..), Sender::Node(node)) => {
                let secret = self.keys.client_secret(header.key).ok_or(Refused::ForeignKey)?;
                Ok((Party::node(node, address), secret))
            }
            // Clients do not talk to each other.
            (Me::Clients(..), Sender::Client { .. }) => Err(Refused::Misdirected),
        }
    }

    /// What there is to check of a message whose sender is certain.
    fn check(&self, header: &Header<'_>, now_ms: u64) -> Result<(), Refused> {
        if !self.is_me(header.receiver) {
            return Err(Refused::Misdirected);
        }
        self.check_sender(header, now_ms)
    }

    /// The same, whoever is meant.
    fn check_sender(&self, header: &Header<'_>, now_ms: u64) -> Result<(), Refused> {
        if let Sender::Client { grant, .. } = header.sender {
            if grant.expires.is_some_and(|expires| expires <= now_ms / 1_000) {
                return Err(Refused::Expired);
            }
            if self.ring().revoked().contains(grant.name) {
                return Err(Refused::Revoked);
            }
        }
        match age_of(header.sent_ms, now_ms, self.lifetime) {
            Age::Fresh => Ok(()),
            Age::TooOld => Err(Refused::TooOld),
            Age::FromFuture => Err(Refused::FromFuture),
        }
    }

    fn ring(&self) -> &Keyring {
        self.keys.ring().expect("a node has the keys of its cluster")
    }
}

/// The id of one of the clients of a session. It follows from whose key it has, so a client cannot take that of another, whose
/// requests it could answer or repeat otherwise.
fn client_id(grant: GrantRef<'_>, session: u64, index: u32) -> ClientId {
    let mut bytes = [0; 256];
    let bytes = postcard::to_slice(&(grant, session, index), &mut bytes).expect("a grant is short");
    let hash = blake3::derive_key("quorate guard: id of a client in a session, version 1", bytes);
    ClientId(u64::from_le_bytes(*hash.first_chunk().expect("a hash has 32 bytes")))
}

#[cfg(test)]
mod tests;
