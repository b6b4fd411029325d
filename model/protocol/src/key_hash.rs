//! Hashes of keys, for three purposes that must not meet.
//!
//! Each is BLAKE3's derivation of a key under a context. What the context hashes to never changes, so it is written
//! down here: to hash it anew for every key costs as much as to hash the key.

use blake3::Hasher;
use blake3::hazmat::HasherExt;

/// What keys are hashed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// Where a key begins its walk around the ring. Changing it moves every key.
    RingPosition,
    /// Where a key stands among the rows of a store. Changing it moves every row of every store.
    RowPosition,
    /// What a key with its state adds to the hash of a set. Nodes that hash differently find everything different.
    Entry,
}

impl Purpose {
    /// A hasher for this purpose alone.
    pub(crate) fn hasher(self) -> Hasher {
        Hasher::new_from_context_key(&self.context_key())
    }

    fn context_key(self) -> [u8; blake3::KEY_LEN] {
        match self {
            Purpose::RingPosition => [
                134, 226, 127, 177, 179, 150, 5, 133, 205, 12, 189, 100, 74, 100, 191, 223, 38,
                208, 153, 106, 123, 249, 186, 13, 130, 135, 199, 38, 94, 62, 196, 83,
            ],
            Purpose::RowPosition => [
                9, 121, 245, 248, 178, 206, 249, 2, 158, 185, 87, 124, 126, 236, 138, 10, 22, 235,
                230, 88, 185, 124, 37, 121, 57, 18, 108, 90, 225, 255, 80, 82,
            ],
            Purpose::Entry => [
                63, 112, 2, 240, 105, 159, 233, 133, 184, 134, 169, 144, 247, 57, 142, 127, 43,
                105, 33, 131, 33, 251, 71, 28, 99, 76, 27, 215, 229, 155, 138, 10,
            ],
        }
    }
}

/// The first eight bytes of the hash, little-endian whatever the machine.
pub(crate) fn number(hasher: &Hasher) -> u64 {
    let hash = hasher.finalize();
    u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_the_context_that_it_says() {
        for (purpose, context) in [
            (Purpose::RingPosition, "quorate ring: position of a key, version 1"),
            (Purpose::RowPosition, "quorate hash tree: position of a key, version 1"),
            (Purpose::Entry, "quorate hash tree: hash of an entry, version 1"),
        ] {
            let mut hasher = Hasher::new_derive_key(context);
            hasher.update(b"key");
            assert_eq!(number(purpose.hasher().update(b"key")), number(&hasher), "{context}");
            let mut start = [0; 8];
            hasher.finalize_xof().fill(&mut start);
            assert_eq!(number(&hasher), u64::from_le_bytes(start));
        }
    }
}
