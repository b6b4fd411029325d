//! Messages that share a datagram, encoded one by one.

use std::mem;

use super::{Datagram, Wire, WireError};
use crate::runs::{MessageOf, Speaks};

/// What stands before the messages of a datagram at most: which kind it is, and how many there are.
const BEFORE_BYTES_MAX: usize = 8;

/// Encoded messages that are to share a datagram, a [`Datagram::Several`]. Each is encoded when it comes, so
/// that nothing is encoded anew when one turns out to be too many.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Several {
    count: usize,
    bytes: Vec<u8>,
}

impl Several {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Several { count: 0, bytes: Vec::with_capacity(1_400) }
    }

    /// Adds a message with when it was sent. If a datagram with it would have more than `bytes_max` bytes, those
    /// before it come out, and it is the first of the next.
    ///
    /// # Panics
    /// Never: every message can be encoded.
    pub fn push<M: serde::Serialize>(
        &mut self,
        message: &(u64, M),
        bytes_max: usize,
    ) -> Option<Several> {
        let end = self.bytes.len();
        self.bytes = postcard::to_extend(message, mem::take(&mut self.bytes))
            .expect("a message can always be encoded");
        self.count += 1;
        if self.count == 1 || self.bytes.len() + BEFORE_BYTES_MAX <= bytes_max {
            return None;
        }
        let mut next = Several::new();
        next.bytes.extend_from_slice(&self.bytes[end..]);
        next.count = 1;
        self.bytes.truncate(end);
        self.count -= 1;
        Some(mem::replace(self, next))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}

impl<S: Speaks> Wire<S> {
    /// The bytes of a [`Datagram::Several`] with these messages.
    ///
    /// # Errors
    /// [`WireError::TooLarge`] when there are more of them than a message may have.
    ///
    /// # Panics
    /// Never: every datagram can be encoded.
    pub fn encode_several(&self, several: &Several) -> Result<Vec<u8>, WireError> {
        let none = Datagram::<S>::Several { messages: Vec::<(u64, MessageOf<S>)>::new() };
        let bytes = Vec::with_capacity(BEFORE_BYTES_MAX + several.bytes.len());
        let mut bytes =
            postcard::to_extend(&none, bytes).expect("a datagram can always be encoded");
        // How many there are comes last of it, and is zero, which is one byte.
        bytes.pop();
        let mut bytes =
            postcard::to_extend(&several.count, bytes).expect("a number can always be encoded");
        bytes.extend_from_slice(&several.bytes);
        self.checked(bytes)
    }
}
