//! Rows as bytes: a checksum over key and value, then the postcard encoding.
//!
//! The database checks its pages only when it repairs itself. A row checks itself on every read,
//! so that a flipped bit is an error and never a version that nobody wrote.

use serde::Serialize;
use serde::de::DeserializeOwned;

const CHECKSUM_BYTES: usize = 8;

/// The bytes of a row under this key.
pub(crate) fn encode<T: Serialize>(key: &[u8], value: &T) -> Vec<u8> {
    let row = vec![0; CHECKSUM_BYTES];
    let mut row = postcard::to_extend(value, row).expect("protocol state can always be encoded");
    let checksum = checksum(key, &row[CHECKSUM_BYTES..]);
    row[..CHECKSUM_BYTES].copy_from_slice(&checksum);
    row
}

/// The value of a row under this key.
pub(crate) fn decode<T: DeserializeOwned>(key: &[u8], row: &[u8]) -> Result<T, &'static str> {
    let (stored, body) =
        row.split_first_chunk::<CHECKSUM_BYTES>().ok_or("a row has no checksum")?;
    if *stored != checksum(key, body) {
        return Err("the checksum of a row is wrong");
    }
    postcard::from_bytes(body).map_err(|_| "a row cannot be decoded")
}

fn checksum(key: &[u8], body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.len() as u64).to_le_bytes()).update(key).update(body);
    let hash = hasher.finalize();
    *hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_damaged_or_under_another_key_is_an_error() {
        let row = encode(b"key", &(7_u64, "text".to_string()));
        assert_eq!(decode(b"key", &row), Ok((7_u64, "text".to_string())));
        assert!(decode::<(u64, String)>(b"other", &row).is_err());
        for at in 0..row.len() {
            let mut damaged = row.clone();
            damaged[at] ^= 1;
            assert!(decode::<(u64, String)>(b"key", &damaged).is_err());
            assert!(decode::<(u64, String)>(b"key", &row[..at]).is_err());
        }
    }
}
