//! The names that protocol, model and runtime share: nodes, clients, requests, keys and values.

use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Serialize};

pub use quorate_ids::{ClientId, NODES_MAX, NodeId, NodeSet, Peer, Timestamp};

/// One client request. A retry carries the identity of the request it repeats.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// Who asked first, however often the request was forwarded since.
    pub client: ClientId,
    /// Counts the requests of that client.
    pub sequence: u64,
}

/// `c0#3`
impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.client, self.sequence)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key: any bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(#[serde(with = "readable_bytes")] pub Arc<[u8]>);

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Key(text.as_bytes().into())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_bytes(&self.0, f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A value: any bytes. Its absence, a tombstone, is an `Option::None` around it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Value(#[serde(with = "readable_bytes")] pub Arc<[u8]>);

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value(text.as_bytes().into())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_bytes(&self.0, f)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text where the bytes are text, `0x` and hexadecimal where they are not. Text that itself
/// starts with `0x` is written as hexadecimal, so that reading it back is unambiguous.
fn fmt_bytes(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match core::str::from_utf8(bytes) {
        Ok(text) if !text.starts_with("0x") && !text.chars().any(char::is_control) => {
            f.write_str(text)
        }
        _ => {
            f.write_str("0x")?;
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
    }
}

/// Bytes as the text of [`fmt_bytes`] in formats that people read, as bytes in others.
mod readable_bytes {
    use alloc::string::String;
    use alloc::sync::Arc;
    use alloc::vec::Vec;
    use core::fmt;

    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    struct Readable<'a>(&'a [u8]);

    impl fmt::Display for Readable<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            super::fmt_bytes(self.0, f)
        }
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.collect_str(&Readable(bytes))
        } else {
            to.serialize_bytes(bytes)
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<[u8]>, D::Error> {
        if !from.is_human_readable() {
            return Vec::<u8>::deserialize(from).map(Arc::from);
        }
        let text = String::deserialize(from)?;
        let Some(digits) = text.strip_prefix("0x") else {
            return Ok(Arc::from(text.into_bytes()));
        };
        let is_hex = digits.len() % 2 == 0 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_hex {
            return Err(D::Error::custom("bytes after 0x must be pairs of hexadecimal digits"));
        }
        (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).map_err(D::Error::custom))
            .collect()
    }
}
