//! Short names of what is too large to be written down at every step.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A digest of some value: 128 bits of BLAKE3. It guards against mistakes, not against someone who crafts values.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(u128);

impl Digest {
    /// The digest of a value: the same on every machine.
    #[must_use]
    pub fn of<T: Serialize>(value: &T) -> Self {
        Digest(short(value))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        u128::from_str_radix(&text, 16)
            .map(Digest)
            .map_err(|_| serde::de::Error::custom("a digest is 32 hexadecimal digits"))
    }
}

/// The first half of the BLAKE3 hash of a value's postcard encoding.
///
/// # Panics
/// If the value cannot be encoded, as states and messages of protocols always can.
pub fn short<T: Serialize>(value: &T) -> u128 {
    let bytes = postcard::to_allocvec(value).expect("protocol state can always be encoded");
    let hash = blake3::hash(&bytes);
    let half = hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes");
    u128::from_le_bytes(*half)
}
