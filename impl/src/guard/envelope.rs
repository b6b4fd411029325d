//! What surrounds a message: who says it to whom, when, and proof of that.
//!
//! ```text
//! 0      4         5         13
//! | "qrat" | version | cluster | header | (tag of all before, in large ones) | body | tag of all before |
//! ```

use std::ops::Range;

use serde::{Deserialize, Serialize};

use quorate_model::ids::{NodeId, Peer};

use super::Refused;
use crate::keys::{GrantRef, KeyId};
use crate::transport::DATAGRAM_BYTES_MAX;
use crate::wire::{Fingerprint, MAGIC, WIRE_VERSION};

/// The bytes of a tag.
pub(super) const TAG_BYTES: usize = blake3::OUT_LEN;

/// The most bytes that surround a body.
pub const ENVELOPE_BYTES_MAX: usize = 256;

/// Who sends, as it is said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Sender<'a> {
    Node(NodeId),
    /// One of those that share a session: a process may be several clients.
    Client {
        #[serde(borrow)]
        grant: GrantRef<'a>,
        index: u32,
    },
}

/// What precedes a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Header<'a> {
    /// The cluster key from which the tag follows.
    pub(super) key: KeyId,
    #[serde(borrow)]
    pub(super) sender: Sender<'a>,
    pub(super) receiver: Peer,
    /// Drawn at random by the sender when it began.
    pub(super) session: u64,
    /// Counts what the sender sent in this session, large messages apart from others: they overtake each other.
    pub(super) number: u64,
    /// When, by the sender's wall clock, in milliseconds since the Unix epoch.
    pub(super) sent_ms: u64,
    pub(super) body_bytes: u32,
}

impl Header<'_> {
    /// Whether the message goes over a stream. Then the header has a tag of its own, so that nothing that follows
    /// need be taken in before it is known who sends it.
    pub(super) fn is_large(&self) -> bool {
        is_large(self.body_bytes as usize)
    }
}

/// Whether a body of so many bytes goes over a stream.
pub(super) fn is_large(body_bytes: usize) -> bool {
    body_bytes + ENVELOPE_BYTES_MAX > DATAGRAM_BYTES_MAX
}

/// Writes what comes before the body's tag. `tag` makes tags.
pub(super) fn seal(
    cluster: Fingerprint,
    header: &Header<'_>,
    body: &[u8],
    out: &mut Vec<u8>,
    tag: impl Fn(&[u8]) -> blake3::Hash,
) {
    out.clear();
    out.extend(MAGIC);
    out.push(WIRE_VERSION);
    out.extend(cluster.bytes());
    let mut bytes = [0; ENVELOPE_BYTES_MAX];
    out.extend_from_slice(postcard::to_slice(header, &mut bytes).expect("a header is short"));
    if header.is_large() {
        let tag = tag(out);
        out.extend_from_slice(tag.as_bytes());
    }
    out.extend_from_slice(body);
    let tag = tag(out);
    out.extend_from_slice(tag.as_bytes());
}

/// A message as it came. Nothing that it says is to be believed before its tag is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claimed<'a> {
    bytes: &'a [u8],
    /// Which cluster it names.
    pub(super) cluster: Fingerprint,
    pub(super) header: Header<'a>,
    header_end: usize,
}

impl<'a> Claimed<'a> {
    /// Reads the header.
    pub(super) fn read(bytes: &'a [u8], cluster: Option<Fingerprint>) -> Result<Self, Refused> {
        let (magic, rest) = bytes.split_first_chunk().ok_or(Refused::NotQuorate)?;
        if *magic != MAGIC {
            return Err(Refused::NotQuorate);
        }
        let (version, rest) = rest.split_first().ok_or(Refused::Truncated)?;
        if *version != WIRE_VERSION {
            return Err(Refused::OtherVersion { version: *version });
        }
        let (named, rest) = rest.split_first_chunk().ok_or(Refused::Truncated)?;
        let named = Fingerprint::from_bytes(*named);
        if cluster.is_some_and(|cluster| cluster != named) {
            return Err(Refused::OtherCluster);
        }
        let (header, rest) = postcard::take_from_bytes(rest).map_err(|error| match error {
            postcard::Error::DeserializeUnexpectedEnd => Refused::Truncated,
            _ => Refused::Malformed,
        })?;
        Ok(Claimed { bytes, cluster: named, header, header_end: bytes.len() - rest.len() })
    }

    fn body_start(&self) -> usize {
        self.header_end + if self.header.is_large() { TAG_BYTES } else { 0 }
    }

    /// How many bytes the whole message has, as it says.
    pub(super) fn whole_bytes(&self) -> usize {
        self.body_start() + self.header.body_bytes as usize + TAG_BYTES
    }

    /// Where the body is, if the message is whole and the tag is right.
    pub(super) fn body(
        &self,
        tag: impl Fn(&[u8]) -> blake3::Hash,
    ) -> Result<Range<usize>, Refused> {
        if self.bytes.len() < self.whole_bytes() {
            return Err(Refused::Truncated);
        }
        if self.bytes.len() > self.whole_bytes() {
            return Err(Refused::Malformed);
        }
        let (start, end) = (self.body_start(), self.bytes.len() - TAG_BYTES);
        self.check(end, tag)?;
        Ok(start..end)
    }

    /// Whether the header's own tag is right. The message may be cut off after it.
    pub(super) fn check_header(&self, tag: impl Fn(&[u8]) -> blake3::Hash) -> Result<(), Refused> {
        if !self.header.is_large() || self.bytes.len() < self.body_start() {
            return Err(Refused::Truncated);
        }
        self.check(self.header_end, tag)
    }

    /// Whether a tag at this place is that of all before.
    fn check(&self, at: usize, tag: impl Fn(&[u8]) -> blake3::Hash) -> Result<(), Refused> {
        let there: [u8; TAG_BYTES] =
            *self.bytes[at..].first_chunk().expect("there are so many bytes");
        // Hashes are compared in a time that does not depend on where they differ.
        if blake3::Hash::from(there) == tag(&self.bytes[..at]) {
            Ok(())
        } else {
            Err(Refused::Unauthenticated)
        }
    }
}

/// The body of a message of anybody to anybody, unchecked: for tools that watch.
#[must_use]
pub fn peek(bytes: &[u8]) -> Option<&[u8]> {
    let claimed = Claimed::read(bytes, None).ok()?;
    bytes.get(claimed.body_start()..claimed.whole_bytes() - TAG_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Grant, Rights, Secret};
    use quorate_model::ids::ClientId;

    #[test]
    fn the_longest_header_fits_and_so_does_what_no_stream_carries() {
        let secret = Secret::random();
        let name = "x".repeat(crate::keys::NAME_BYTES_MAX);
        let grant =
            Grant { name: name.as_str().into(), rights: Rights::ALL, expires: Some(u64::MAX) };
        let body_bytes = DATAGRAM_BYTES_MAX - ENVELOPE_BYTES_MAX;
        for (body_bytes, fits) in [(body_bytes, true), (body_bytes + 1, false)] {
            let header = Header {
                key: "ffffffffffffffff".parse().unwrap(),
                sender: Sender::Client { grant: grant.as_ref(), index: u32::MAX },
                receiver: Peer::Client(ClientId(u64::MAX)),
                session: u64::MAX,
                number: u64::MAX,
                sent_ms: u64::MAX,
                body_bytes: body_bytes as u32,
            };
            let (mut sealed, body) = (Vec::new(), vec![7; body_bytes]);
            let cluster = Fingerprint::from_bytes([7; 8]);
            seal(cluster, &header, &body, &mut sealed, |bytes| secret.tag(bytes));
            assert!(sealed.len() - body.len() <= ENVELOPE_BYTES_MAX, "{}", sealed.len());
            assert_eq!(header.is_large(), !fits);
            let claimed = Claimed::read(&sealed, Some(cluster)).unwrap();
            assert_eq!(claimed.header, header);
            let range = claimed.body(|bytes| secret.tag(bytes)).unwrap();
            assert_eq!(sealed[range], body);
            assert_eq!(peek(&sealed), Some(&body[..]));
            let header_only = Claimed::read(&sealed[..300], Some(cluster)).unwrap();
            assert_eq!(header_only.check_header(|bytes| secret.tag(bytes)).is_ok(), !fits);
        }
    }
}
