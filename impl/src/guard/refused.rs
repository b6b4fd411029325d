//! Why something that came is not taken in.

use crate::wire::WIRE_VERSION;

/// Why bytes are not a message for us. Nothing was done with them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// The bytes start with something else: something else is talking to this port.
    #[error("not a quorate datagram")]
    NotQuorate,
    /// The sender speaks another version of the format.
    #[error("wire version {version}, but this program speaks {WIRE_VERSION}: upgrade the older")]
    OtherVersion {
        /// The sender's.
        version: u8,
    },
    /// The sender is configured for another cluster.
    #[error("a datagram of another cluster: the sender's cluster.toml differs from ours")]
    OtherCluster,
    /// It is cut short.
    #[error("cut short")]
    Truncated,
    /// It has bytes left over, or what precedes the body is none of this version.
    #[error("cannot be decoded")]
    Malformed,
    /// It says to come from a node that the cluster does not have.
    #[error("names a node that this cluster does not have")]
    UnknownNode,
    /// It is sealed with a key that is not among ours.
    #[error("sealed with a key that is not among ours: another cluster's, or one that was removed")]
    ForeignKey,
    /// Its tag is wrong: it was forged, or damaged on the way.
    #[error("not sealed by whom it names")]
    Unauthenticated,
    /// It is for another process.
    #[error("meant for another process")]
    Misdirected,
    /// The client's key has ended.
    #[error("the client's key has expired")]
    Expired,
    /// The client's key was revoked.
    #[error("the client's key was revoked")]
    Revoked,
    /// It was sent longer ago than a datagram lives, or so long ago that it may have come before.
    #[error("sent too long ago")]
    TooOld,
    /// It was sent in the future, by more than a datagram lives.
    #[error("sent in the future: the clocks differ by too much")]
    FromFuture,
    /// It came before.
    #[error("came before")]
    Replayed,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $field:ident: $pattern:pat,)*) => {
        /// How often something was refused since the process started, by reason.
        #[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
        pub struct Refusals {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl Refusals {
            /// Counts one more.
            pub fn count(&mut self, refused: Refused) {
                match refused {
                    $($pattern => self.$field += 1,)*
                }
            }
        }
    };
}

refusals! {
    /// Something else than a datagram of quorate, or with bytes left over.
    malformed: Refused::NotQuorate | Refused::Malformed,
    /// Of another version of the wire format.
    other_version: Refused::OtherVersion { .. },
    /// Of a cluster that is configured otherwise.
    other_cluster: Refused::OtherCluster,
    /// Cut short.
    truncated: Refused::Truncated,
    /// Of a node that the cluster does not have.
    unknown_node: Refused::UnknownNode,
    /// Sealed with a key that is not among ours.
    foreign_key: Refused::ForeignKey,
    /// Forged or damaged.
    unauthenticated: Refused::Unauthenticated,
    /// For another process.
    misdirected: Refused::Misdirected,
    /// Of a client whose key has expired.
    expired: Refused::Expired,
    /// Of a client whose key was revoked.
    revoked: Refused::Revoked,
    /// Sent too long ago.
    too_old: Refused::TooOld,
    /// Sent in the future.
    from_future: Refused::FromFuture,
    /// Came before.
    replayed: Refused::Replayed,
}
