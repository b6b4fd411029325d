//! How far the log was durable, in a file of its own.
//!
//! It is written after every sync of the log and before anything that the sync made durable is told to
//! anyone. It is not synced itself, but where a segment begins: it is there to tell a tail that was damaged from one
//! that was never acknowledged, and after the end of a process, what it wrote is there.
//!
//! There are two slots, a page apart, which are written in turn: damage to one leaves the other.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const MAGIC: [u8; 4] = *b"qwmk";
const FIELDS_BYTES: usize = 4 + 8 * 4;
const CHECKSUM_BYTES: usize = 16;
const SLOT_BYTES: usize = FIELDS_BYTES + CHECKSUM_BYTES;
const SLOT_DISTANCE: u64 = 4096;

/// A place in the log up to which all is durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Watermark {
    /// Counts how often it was written.
    pub(super) sequence: u64,
    /// The number of a segment.
    pub(super) segment: u64,
    /// A place in it.
    pub(super) end: u64,
    /// The last step before that.
    pub(super) step: u64,
}

impl Watermark {
    pub(super) fn write(&self, file: &File) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(SLOT_BYTES);
        bytes.extend(MAGIC);
        for field in [self.sequence, self.segment, self.end, self.step] {
            bytes.extend(field.to_le_bytes());
        }
        let checksum = checksum(&bytes);
        bytes.extend(checksum);
        file.write_all_at(&bytes, (self.sequence % 2) * SLOT_DISTANCE)
    }

    /// The last one that was written; `None` if neither slot holds one.
    pub(super) fn read(file: &File) -> io::Result<Option<Self>> {
        let mut slots = [[0; SLOT_BYTES]; 2];
        for (at, slot) in (0..).zip(&mut slots) {
            match file.read_exact_at(slot, at * SLOT_DISTANCE) {
                Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
                _ => {}
            }
        }
        let found = slots.iter().filter_map(Self::decode);
        Ok(found.max_by_key(|watermark| watermark.sequence))
    }

    fn decode(slot: &[u8; SLOT_BYTES]) -> Option<Self> {
        let (fields, stored) = slot.split_at(FIELDS_BYTES);
        let field = |at: usize| {
            let bytes = fields[4 + 8 * at..].first_chunk().expect("a slot has four fields");
            u64::from_le_bytes(*bytes)
        };
        (fields[..4] == MAGIC && stored == checksum(fields)).then(|| Watermark {
            sequence: field(0),
            segment: field(1),
            end: field(2),
            step: field(3),
        })
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    *blake3::hash(bytes).as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_written_is_read_and_the_one_before_it_where_that_is_damaged() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(Watermark::read(&file).unwrap(), None);
        let watermark =
            |sequence| Watermark { sequence, segment: 4, end: 100 * sequence, step: sequence };
        for sequence in 1..=5 {
            watermark(sequence).write(&file).unwrap();
            assert_eq!(Watermark::read(&file).unwrap(), Some(watermark(sequence)));
        }
        file.write_all_at(&[0xff], SLOT_DISTANCE + 20).unwrap();
        assert_eq!(Watermark::read(&file).unwrap(), Some(watermark(4)));
        file.write_all_at(&[0xff], 20).unwrap();
        assert_eq!(Watermark::read(&file).unwrap(), None);
    }
}
