//! What a protocol's client is to a measurement.

use std::fmt::Debug;

use quorate_model::ids::{ClientId, Key, Value};

use super::Ended;
use crate::runs::{Asks, MessageOf};

/// A client that a measurement asks for reads and writes, whatever its protocol calls them.
pub trait Load: Asks<Options: Clone + Debug> {
    /// What each operation says beside its key and value.
    type Asking: Clone + Debug;

    /// A write. An update has read the key before and hands that outcome in.
    fn write(
        asking: &Self::Asking,
        key: Key,
        value: Value,
        read: Option<&Self::Outcome>,
    ) -> Self::Operation;

    /// A read.
    fn read(asking: &Self::Asking, key: Key) -> Self::Operation;

    /// How an operation ended.
    fn ended(outcome: &Self::Outcome) -> Ended;

    /// Which client's request a message answers, and where it sends that client if it does not end the request.
    fn answers(message: &MessageOf<Self::Speaks>) -> Option<(ClientId, Option<Detour>)>;
}

/// An answer that sends a client elsewhere, and does not end its operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detour {
    /// To another node: the one that leads, as far as the one that answers knows.
    Redirected,
    /// Nowhere: nobody leads, as far as that one knows.
    NobodyLeads,
}
