//! How many bytes take what a node keeps: about, and rather more than less.
//!
//! Keys, values and contexts count as they are sent, and each thing that is kept counts a fixed share
//! on top, for its place in a collection or table and for what has a fixed size. Every limit in bytes
//! weighs by these functions, so that two of them can be compared.

use super::message::PutRequest;
use crate::ids::Key;
use crate::versions::Record;

/// The fixed share of each thing that is kept.
pub const SHARE_BYTES: usize = 256;

/// The name of a request, where a list of them is kept.
pub const REQUEST_BYTES: usize = 20;

/// What is kept of a key alone.
#[must_use]
pub fn key_bytes(key: &Key) -> usize {
    SHARE_BYTES + key.0.len()
}

/// A key with its state: what a node holds of it, or a message that carries it.
#[must_use]
pub fn record_bytes(key: &Key, state: &Record) -> usize {
    key_bytes(key) + state.size_estimate()
}

/// A client's wish to write.
#[must_use]
pub fn put_bytes(put: &PutRequest) -> usize {
    let value = put.value.as_ref().map_or(0, |value| value.0.len());
    key_bytes(&put.key) + value + put.context.size_estimate()
}
