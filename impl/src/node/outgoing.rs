//! Messages to other nodes that leave together: several in one datagram cost one seal, one system call and one wakeup.

use std::collections::BTreeMap;

use quorate_model::ids::NodeId;

use crate::runs::{MessageOf, Speaks};
use crate::wire::{Datagram, Several, Wire, WireError};

/// How many bytes of messages share a datagram at most: with what surrounds them, what one frame of an Ethernet
/// carries. A datagram that is sent in pieces is lost with any of them.
const SHARED_BYTES_MAX: usize = 1_300;

/// A message, and when the step was taken that sends it, in milliseconds.
type Timed<S> = (u64, MessageOf<S>);

/// Messages that are about to leave, in order for each node.
#[derive(Debug)]
pub(super) struct Outgoing<S: Speaks>(BTreeMap<NodeId, Vec<Timed<S>>>);

impl<S: Speaks> Default for Outgoing<S> {
    fn default() -> Self {
        Outgoing(BTreeMap::new())
    }
}

impl<S: Speaks> Outgoing<S> {
    /// Adds one.
    pub(super) fn push(&mut self, to: NodeId, sent_ms: u64, message: MessageOf<S>) {
        self.0.entry(to).or_default().push((sent_ms, message));
    }

    /// Takes all of them out.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (NodeId, Vec<Timed<S>>)> + use<S> {
        std::mem::take(&mut self.0).into_iter()
    }
}

/// The bytes of datagrams that carry these messages in order, and how many each carries. One that is large travels alone.
/// Each is encoded once, however many of them there are.
pub(super) fn datagrams<S: Speaks>(
    wire: &Wire<S>,
    mut messages: Vec<Timed<S>>,
    out: &mut Vec<(usize, Result<Vec<u8>, WireError>)>,
) {
    if messages.len() == 1 {
        for (sent_ms, message) in messages.drain(..) {
            let datagram = Datagram::Protocol { sent_ms, evidence: Default::default(), message };
            out.push((1, wire.encode(&datagram)));
        }
        return;
    }
    let mut shared = Several::new();
    for message in &messages {
        if let Some(full) = shared.push(message, SHARED_BYTES_MAX) {
            out.push((full.count(), wire.encode_several(&full)));
        }
    }
    if shared.count() > 0 {
        out.push((shared.count(), wire.encode_several(&shared)));
    }
}

#[cfg(test)]
mod tests {
    use quorate_model::ids::{ClientId, RequestId};
    use quorate_model::protocol::Message;

    use super::*;
    use crate::leaderless::Leaderless;
    use crate::wire::tests::cluster;

    fn message(sequence: u64, bytes: usize) -> (u64, Message) {
        let request = RequestId { client: ClientId(7), sequence };
        let key = vec![b'k'; bytes];
        (sequence, Message::Fetch { request, key: quorate_model::ids::Key(key.into()) })
    }

    #[test]
    fn messages_share_datagrams_of_bounded_size_in_order_and_a_large_one_travels_alone() {
        let wire = Wire::<Leaderless>::new(&cluster());
        for sizes in [vec![3], vec![5_000], vec![10; 500], vec![700; 9], vec![1, 9_000, 1, 1]] {
            let sent: Vec<_> =
                (0..).zip(&sizes).map(|(sequence, bytes)| message(sequence, *bytes)).collect();
            let mut out = Vec::new();
            datagrams(&wire, sent.clone(), &mut out);
            let mut received = Vec::new();
            for (count, bytes) in out {
                let bytes = bytes.unwrap();
                assert!(bytes.len() <= SHARED_BYTES_MAX || count == 1, "{}", bytes.len());
                match wire.decode(&bytes).unwrap() {
                    Datagram::Protocol { sent_ms, message, .. } if count == 1 => {
                        received.push((sent_ms, message));
                    }
                    Datagram::Several { messages } if count == messages.len() => {
                        received.extend(messages.clone());
                        let datagram = Datagram::Several { messages };
                        assert_eq!(wire.encode(&datagram).unwrap(), bytes);
                    }
                    other => panic!("{count} messages: {other:?}"),
                }
            }
            assert_eq!(received, sent);
        }
        let mut out = Vec::new();
        datagrams(&wire, (0..500).map(|sequence| message(sequence, 10)).collect(), &mut out);
        assert!(out.len() < 20, "{}", out.len());
    }
}
