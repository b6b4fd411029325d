//! What a segment of the log looks like, and what is left of one that was damaged or torn.
//!
//! ```text
//! segment  "qseg" | version u32 | number u64 | end of the one before u64 | step before u64 | checksum | frame …
//! frame    "qlog" | length u32 | step u64 | step before u64 | durable u64 | checksum | group
//! ```
//!
//! Numbers are little-endian. A checksum is 16 bytes of BLAKE3 over the number of the segment, the
//! place within it and all that it stands between: a frame is valid in one place only. What follows the last
//! frame is zeros.

/// How a segment starts.
const SEGMENT_MAGIC: [u8; 4] = *b"qseg";
/// How a frame starts.
const FRAME_MAGIC: [u8; 4] = *b"qlog";
/// The version of this format.
const VERSION: u32 = 1;
const CHECKSUM_BYTES: usize = 16;
const SEGMENT_FIELDS_BYTES: usize = 4 + 4 + 8 + 8 + 8;
const FRAME_FIELDS_BYTES: usize = 4 + 4 + 8 + 8 + 8;

/// The bytes before the first frame of a segment.
pub(super) const SEGMENT_HEADER_BYTES: u64 = (SEGMENT_FIELDS_BYTES + CHECKSUM_BYTES) as u64;

/// The bytes of a frame without its group.
pub(super) const FRAME_HEADER_BYTES: u64 = (FRAME_FIELDS_BYTES + CHECKSUM_BYTES) as u64;

/// What a segment says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SegmentHeader {
    /// Counts the segments of a log from zero.
    pub(super) number: u64,
    /// Where the frames of the segment before it end: all of them were durable before this one began.
    pub(super) previous_end: u64,
    /// The step of the last frame before this segment; zero if there is none.
    pub(super) step_before: u64,
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_FIELDS_BYTES + CHECKSUM_BYTES);
        bytes.extend(SEGMENT_MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        for field in [self.number, self.previous_end, self.step_before] {
            bytes.extend(field.to_le_bytes());
        }
        let checksum = checksum(self.number, 0, &[&bytes]);
        bytes.extend(checksum);
        bytes
    }

    fn decode(bytes: &[u8], number: u64) -> Option<Self> {
        let (fields, rest) = bytes.split_at_checked(SEGMENT_FIELDS_BYTES)?;
        if rest.get(..CHECKSUM_BYTES)? != checksum(number, 0, &[fields]) {
            return None;
        }
        let is_ours = fields[..4] == SEGMENT_MAGIC && fields[4..8] == VERSION.to_le_bytes();
        let header = SegmentHeader {
            number: u64_at(fields, 8)?,
            previous_end: u64_at(fields, 16)?,
            step_before: u64_at(fields, 24)?,
        };
        (is_ours && header.number == number).then_some(header)
    }
}

/// A group of steps in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    /// The number of the group's last step.
    pub(super) step: u64,
    /// That of the frame before.
    pub(super) step_before: u64,
    /// Up to where this segment was known to be durable when the frame was made.
    pub(super) durable: u64,
    /// What the group changed.
    pub(super) group: Vec<u8>,
}

/// Adds a frame to the bytes of a segment, of which it will be at `at`.
pub(super) fn encode_frame(frame: &Frame, number: u64, at: u64, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.extend(FRAME_MAGIC);
    let length = u32::try_from(frame.group.len()).expect("a group has less than 4 GiB");
    bytes.extend(length.to_le_bytes());
    for field in [frame.step, frame.step_before, frame.durable] {
        bytes.extend(field.to_le_bytes());
    }
    let checksum = checksum(number, at, &[&bytes[start..], &frame.group]);
    bytes.extend(checksum);
    bytes.extend(&frame.group);
}

fn decode_frame(bytes: &[u8], number: u64, at: u64) -> Option<Frame> {
    let rest = bytes.get(usize::try_from(at).ok()?..)?;
    let (fields, rest) = rest.split_at_checked(FRAME_FIELDS_BYTES)?;
    if fields[..4] != FRAME_MAGIC {
        return None;
    }
    let (stored, rest) = rest.split_first_chunk::<CHECKSUM_BYTES>()?;
    let length = u32::from_le_bytes(*fields[4..].first_chunk()?);
    let group = rest.get(..usize::try_from(length).ok()?)?;
    if *stored != checksum(number, at, &[fields, group]) {
        return None;
    }
    Some(Frame {
        step: u64_at(fields, 8)?,
        step_before: u64_at(fields, 16)?,
        durable: u64_at(fields, 24)?,
        group: group.to_vec(),
    })
}

/// What can be read of a segment.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) header: SegmentHeader,
    pub(super) frames: Vec<Frame>,
    /// Where the last valid frame ends.
    pub(super) end: u64,
    /// Whether there is nothing but zeros behind it.
    pub(super) is_clean: bool,
    /// The furthest that a valid frame beyond `end` says was durable: where there is one, something
    /// before it was damaged or never written.
    pub(super) durable_beyond: Option<u64>,
}

/// Reads a segment; `None` if it does not start as one of this number does.
pub(super) fn scan(bytes: &[u8], number: u64) -> Option<Scanned> {
    let header = SegmentHeader::decode(bytes, number)?;
    let (mut frames, mut end) = (Vec::new(), SEGMENT_HEADER_BYTES);
    while let Some(frame) = decode_frame(bytes, number, end) {
        end += FRAME_HEADER_BYTES + frame.group.len() as u64;
        frames.push(frame);
    }
    let from = usize::try_from(end).ok()?;
    let beyond = bytes.get(from..).unwrap_or_default();
    let is_clean = beyond.iter().all(|byte| *byte == 0);
    let durable_beyond = if is_clean { None } else { durable_beyond(bytes, number, from) };
    Some(Scanned { header, frames, end, is_clean, durable_beyond })
}

/// What valid frames from here on say was durable.
fn durable_beyond(bytes: &[u8], number: u64, from: usize) -> Option<u64> {
    let starts = (from..bytes.len().saturating_sub(FRAME_MAGIC.len()))
        .filter(|at| bytes[*at..].starts_with(&FRAME_MAGIC));
    starts.filter_map(|at| decode_frame(bytes, number, at as u64)).map(|frame| frame.durable).max()
}

fn checksum(number: u64, at: u64, parts: &[&[u8]]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&number.to_le_bytes()).update(&at.to_le_bytes());
    for part in parts {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(number: u64, groups: &[&[u8]]) -> Vec<u8> {
        let header = SegmentHeader { number, previous_end: 77, step_before: 10 };
        let mut bytes = header.encode();
        assert_eq!(bytes.len() as u64, SEGMENT_HEADER_BYTES);
        for (step, group) in (11..).zip(groups) {
            let at = bytes.len() as u64;
            let frame = Frame { step, step_before: step - 1, durable: at, group: group.to_vec() };
            encode_frame(&frame, number, at, &mut bytes);
        }
        bytes.extend([0; 100]);
        bytes
    }

    #[test]
    fn a_segment_gives_its_frames_back_and_under_another_number_none() {
        let bytes = segment(3, &[b"one", b"", b"three"]);
        let scanned = scan(&bytes, 3).unwrap();
        assert_eq!(scanned.header, SegmentHeader { number: 3, previous_end: 77, step_before: 10 });
        let groups: Vec<_> = scanned.frames.iter().map(|frame| &frame.group[..]).collect();
        assert_eq!(groups, [&b"one"[..], b"", b"three"]);
        assert_eq!((scanned.end, scanned.is_clean), (bytes.len() as u64 - 100, true));
        assert!(scan(&bytes, 4).is_none());
    }

    #[test]
    fn wherever_a_byte_is_changed_frames_are_valid_up_to_there_and_what_is_beyond_tells() {
        let whole = segment(3, &[b"one", b"two", b"three"]);
        let frames = scan(&whole, 3).unwrap().frames;
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x40;
            let Some(scanned) = scan(&damaged, 3) else {
                assert!((at as u64) < SEGMENT_HEADER_BYTES);
                continue;
            };
            assert_eq!(scanned.frames[..], frames[..scanned.frames.len()], "byte {at}");
            assert!(!scanned.is_clean || scanned.frames.len() == 3, "byte {at}");
            // The next frame says that the damaged one was durable, as long as there is a next one.
            let says = scanned.durable_beyond.is_some_and(|durable| durable > scanned.end);
            assert_eq!(says, scanned.frames.len() < 2, "byte {at}");
        }
    }

    #[test]
    fn a_frame_moved_to_another_place_is_none() {
        let bytes = segment(3, &[b"same", b"same"]);
        let frame = usize::try_from(FRAME_HEADER_BYTES).unwrap() + 4;
        let start = usize::try_from(SEGMENT_HEADER_BYTES).unwrap();
        let mut moved = bytes.clone();
        moved.copy_within(start..start + frame, start + frame);
        assert_eq!(scan(&moved, 3).unwrap().frames.len(), 1);
    }
}
