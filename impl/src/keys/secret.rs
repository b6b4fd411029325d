//! Secrets, and what is derived from them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const BYTES: usize = blake3::KEY_LEN;

/// A key of BLAKE3. It is never shown: whoever debugs a value that holds one sees that it does.
#[derive(Clone, Copy)]
pub struct Secret([u8; BYTES]);

impl Secret {
    /// A fresh one, from the operating system's randomness.
    #[must_use]
    pub fn random() -> Self {
        Secret(rand::random())
    }

    /// One for this purpose, from which this one cannot be found.
    #[must_use]
    pub(super) fn derive(&self, purpose: &str) -> Secret {
        Secret(blake3::derive_key(purpose, &self.0))
    }

    /// The tag of these bytes: only who knows the secret can make it.
    #[must_use]
    pub fn tag(&self, bytes: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.0, bytes)
    }

    /// One for whatever these bytes describe.
    pub(super) fn derive_for(&self, bytes: &[u8]) -> Secret {
        Secret(*self.tag(bytes).as_bytes())
    }

    /// Tells it from others, for who has it.
    #[must_use]
    pub(crate) fn short_name(&self) -> u64 {
        u64::from_le_bytes(*self.0.first_chunk().expect("a secret has 32 bytes"))
    }

    /// As it is written to a file.
    pub(super) fn reveal(&self) -> String {
        blake3::Hash::from(self.0).to_hex().to_string()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl FromStr for Secret {
    type Err = blake3::HexError;

    fn from_str(text: &str) -> Result<Self, blake3::HexError> {
        blake3::Hash::from_hex(text).map(|hash| Secret(*hash.as_bytes()))
    }
}

/// The public name of a cluster key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct KeyId([u8; 8]);

impl KeyId {
    pub(super) fn of(secret: &Secret) -> Self {
        let hash = secret.derive("quorate keys: public name of a cluster key, version 1");
        KeyId(*hash.0.first_chunk().expect("a secret has 32 bytes"))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// It is not what [`KeyId`] is written as.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("16 hexadecimal digits are wanted")]
pub struct NotAKeyId;

impl FromStr for KeyId {
    type Err = NotAKeyId;

    fn from_str(text: &str) -> Result<Self, NotAKeyId> {
        let is_hex = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| is_hex).ok_or(NotAKeyId)?;
        Ok(KeyId(number.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_written_as_it_is_read_and_never_shown() {
        let secret = Secret::random();
        let again: Secret = secret.reveal().parse().unwrap();
        assert_eq!(again.tag(b"a"), secret.tag(b"a"));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!("abc".parse::<Secret>().is_err());
    }

    #[test]
    fn the_name_of_a_key_is_written_as_it_is_read() {
        let id = KeyId::of(&Secret::random());
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "12", "+123456789012345", "123456789012345g"] {
            assert_eq!(wrong.parse::<KeyId>(), Err(NotAKeyId), "{wrong}");
        }
    }
}
