//! What a read has seen of a key, as text that a person can hand back with the next write.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use quorate_model::ids::Key;
use quorate_model::versions::VersionVector;

use crate::given::{Evidence, GivenContexts};
use crate::wire::Fingerprint;

/// The version of the text.
const TOKEN_VERSION: u8 = 2;

/// Separates this hash from all other uses of BLAKE3.
const CHECK_CONTEXT: &str = "quorate context token: check, version 2";

/// A context bound to its cluster and key: the context of another key would say that versions
/// were seen which nobody has looked at. That guards against mistakes; what shows a node that the context was given
/// goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContextToken {
    /// What the read has seen.
    context: VersionVector,
    /// What shows that a node said so.
    evidence: Evidence,
}

/// Why a text is no context for this write.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// It is not what `get` printed.
    #[error("the context token is damaged: copy it whole from the output of `quorate get`")]
    Damaged,
    /// It was printed by another version of the program.
    #[error("the context token is damaged or of another version of quorate: read the key again")]
    OtherVersion,
    /// It belongs to another key or another cluster.
    #[error("the context token is of another key or cluster: read this key again")]
    OtherKey,
}

#[derive(Serialize, Deserialize)]
struct Text {
    version: u8,
    check: [u8; 8],
    context: VersionVector,
    evidence: Evidence,
}

impl ContextToken {
    /// Of a context that a client of this process has just read.
    #[must_use]
    pub fn of(context: VersionVector, given: &GivenContexts) -> Self {
        let evidence = given.show(&context);
        ContextToken { context, evidence }
    }

    /// The context, which clients of this process can show to be given from now on.
    #[must_use]
    pub fn hand_back(self, given: &GivenContexts) -> VersionVector {
        given.remember(&self.context, &self.evidence);
        self.context
    }

    /// The text that hands this context back for this key of this cluster.
    ///
    /// # Panics
    /// Never: every context can be encoded.
    #[must_use]
    pub fn encode(&self, cluster: Fingerprint, key: &Key) -> String {
        let (context, evidence) = (self.context.clone(), self.evidence.clone());
        let check = check(cluster, key, &context);
        let text = Text { version: TOKEN_VERSION, check, context, evidence };
        URL_SAFE_NO_PAD
            .encode(postcard::to_allocvec(&text).expect("a context can always be encoded"))
    }

    /// The context that a text hands back.
    ///
    /// # Errors
    /// When the text is not one that [`ContextToken::encode`] made for this key and cluster.
    pub fn decode(text: &str, cluster: Fingerprint, key: &Key) -> Result<Self, TokenError> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| TokenError::Damaged)?;
        if bytes.first().is_some_and(|version| *version != TOKEN_VERSION) {
            return Err(TokenError::OtherVersion);
        }
        let (text, rest) =
            postcard::take_from_bytes::<Text>(&bytes).map_err(|_| TokenError::Damaged)?;
        if !rest.is_empty() {
            return Err(TokenError::Damaged);
        }
        if text.check != check(cluster, key, &text.context) {
            return Err(TokenError::OtherKey);
        }
        Ok(ContextToken { context: text.context, evidence: text.evidence })
    }
}

fn check(cluster: Fingerprint, key: &Key, context: &VersionVector) -> [u8; 8] {
    let context = postcard::to_allocvec(context).expect("a context can always be encoded");
    let mut hasher = blake3::Hasher::new_derive_key(CHECK_CONTEXT);
    hasher.update(&cluster.bytes());
    hasher.update(&(key.0.len() as u64).to_le_bytes()).update(&key.0).update(&context);
    let hash = hasher.finalize();
    *hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quorate_model::cluster::{BytesMax, ClusterSpec};
    use quorate_model::ids::ClientId;
    use quorate_model::versions::{ActorId, Dot};

    use super::super::Leaderless;
    use super::*;

    fn cluster(r: usize) -> Fingerprint {
        Fingerprint::of::<Leaderless>(&ClusterSpec {
            nodes: vec!["n1".to_string()],
            n: 1,
            r,
            w: 1,
            versioning: Default::default(),
            read_repair: Default::default(),
            speculative_retry: false,
            placement: Default::default(),
            tokens_per_node: 1,
            sloppy: false,
            background: quorate_model::cluster::Background::OFF,
            client_fan_out: false,
            limits: BytesMax::default(),
            left: Vec::new(),
            deviations: Vec::new(),
        })
    }

    fn token() -> ContextToken {
        let actor = ActorId::Client(ClientId(3));
        let context = [Dot { actor, counter: 4 }].into_iter().collect();
        ContextToken { context, evidence: Evidence::default() }
    }

    #[test]
    fn a_token_is_good_for_its_key_and_cluster_only() {
        let key = Key::from("a");
        let text = token().encode(cluster(1), &key);
        let decode =
            |text: &str, r, key: &str| ContextToken::decode(text, cluster(r), &Key::from(key));
        assert_eq!(decode(&text, 1, "a"), Ok(token()));
        assert_eq!(decode(&text, 1, "b"), Err(TokenError::OtherKey));
        assert_eq!(decode(&text, 2, "a"), Err(TokenError::OtherKey));
        assert_eq!(decode(&text[..text.len() - 4], 1, "a"), Err(TokenError::Damaged));
        assert_eq!(decode("no token!", 1, "a"), Err(TokenError::Damaged));
        assert_eq!(decode("", 1, "a"), Err(TokenError::Damaged));
        assert_eq!(decode("_____w", 1, "a"), Err(TokenError::OtherVersion));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[A-Za-z0-9_-]{0,80}") {
            let _ = ContextToken::decode(&text, cluster(1), &Key::from("a"));
        }
    }
}
