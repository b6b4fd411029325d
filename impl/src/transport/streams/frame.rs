//! A message on a stream.
//!
//! ```text
//! 0      4            6         10
//! | "qrat" | reply port | length | message … |
//! ```
//!
//! Numbers are little-endian. The port is the one on which the sender takes datagrams and streams:
//! the connection itself comes from any other.

use std::io::{self, ErrorKind, Read};

use crate::transport::{Admits, START_BYTES};

const MAGIC: [u8; 4] = *b"qrat";
const HEADER_BYTES: usize = 10;

/// The bytes of a frame.
///
/// # Panics
/// When the message is longer than its length can say, which the limit on messages excludes.
pub(super) fn encode(port: u16, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message is shorter than 4 GiB");
    let mut bytes = Vec::with_capacity(HEADER_BYTES + message.len());
    bytes.extend(MAGIC);
    bytes.extend(port.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend_from_slice(message);
    bytes
}

/// Why a stream is no stream of frames.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    #[error("something else than quorate talks to this port")]
    NotAFrame,
    #[error("a message of {bytes} bytes, but at most {bytes_max} are taken in")]
    TooLarge { bytes: usize, bytes_max: usize },
    #[error("a message of somebody who is not known")]
    NotAdmitted,
}

/// What has come of a stream.
#[derive(Debug)]
pub(super) enum Progress {
    /// A message, and the port on which its sender is answered.
    Message { port: u16, message: Vec<u8> },
    /// Nothing more for now.
    Blocked,
    /// The stream has ended. What had come of a last message is of no use.
    Over,
}

/// Puts frames together from the pieces in which they come. Memory grows with what has come, not
/// with what a header announces.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    header: Vec<u8>,
    message: Vec<u8>,
}

impl FrameReader {
    /// Reads until a message is whole, or the source has no more for now.
    pub(super) fn read(
        &mut self,
        source: &mut impl Read,
        bytes_max: usize,
        admits: Admits<'_>,
    ) -> Result<Progress, FrameError> {
        loop {
            let Some((port, length)) = self.header(bytes_max)? else {
                let missing = HEADER_BYTES - self.header.len();
                match fill(source, &mut self.header, missing) {
                    Fill::Full => continue,
                    Fill::Blocked => return Ok(Progress::Blocked),
                    Fill::Over => return Ok(Progress::Over),
                }
            };
            let is_at_start = self.message.len() < START_BYTES && START_BYTES < length;
            let end = if is_at_start { START_BYTES } else { length };
            let missing = end - self.message.len();
            match fill(source, &mut self.message, missing) {
                Fill::Full if is_at_start => {
                    if !admits(&self.message, length) {
                        return Err(FrameError::NotAdmitted);
                    }
                    continue;
                }
                Fill::Full => {}
                Fill::Blocked => return Ok(Progress::Blocked),
                Fill::Over => return Ok(Progress::Over),
            }
            self.header.clear();
            let message = std::mem::take(&mut self.message);
            return Ok(Progress::Message { port, message });
        }
    }

    /// How much has come of a message that is not whole.
    pub(super) fn held_bytes(&self) -> usize {
        self.message.len()
    }

    /// The port and the length that the header says, once it is there.
    fn header(&self, bytes_max: usize) -> Result<Option<(u16, usize)>, FrameError> {
        let came = self.header.len().min(MAGIC.len());
        if self.header[..came] != MAGIC[..came] {
            return Err(FrameError::NotAFrame);
        }
        let Ok([_, _, _, _, p0, p1, l0, l1, l2, l3]) =
            <[u8; HEADER_BYTES]>::try_from(self.header.as_slice())
        else {
            return Ok(None);
        };
        let bytes = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if bytes > bytes_max {
            return Err(FrameError::TooLarge { bytes, bytes_max });
        }
        Ok(Some((u16::from_le_bytes([p0, p1]), bytes)))
    }
}

enum Fill {
    Full,
    Blocked,
    Over,
}

/// Reads so many bytes more, or as many as there are. A stream that fails is one that is over.
fn fill(source: &mut impl Read, into: &mut Vec<u8>, missing: usize) -> Fill {
    let before = into.len();
    // What was read before an error is in the vector, as `read_to_end` promises.
    let result = source.take(missing as u64).read_to_end(into);
    if into.len() == before + missing {
        return Fill::Full;
    }
    match result.map_err(|error: io::Error| error.kind()) {
        Err(ErrorKind::WouldBlock) => Fill::Blocked,
        _ => Fill::Over,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// Gives its pieces one by one, and has none for now in between.
    struct Pieces(VecDeque<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(piece) = self.0.front_mut() else { return Ok(0) };
            if piece.is_empty() {
                self.0.pop_front();
                return Err(ErrorKind::WouldBlock.into());
            }
            let length = piece.len().min(buffer.len());
            buffer[..length].copy_from_slice(&piece[..length]);
            piece.drain(..length);
            Ok(length)
        }
    }

    proptest! {
        #[test]
        fn messages_arrive_whole_and_in_order_whatever_the_pieces(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..5),
            cuts in prop::collection::vec(1_usize..400, 0..20),
        ) {
            let mut stream: Vec<u8> =
                messages.iter().flat_map(|message| encode(7, message)).collect();
            let mut pieces = VecDeque::new();
            for cut in cuts {
                let rest = stream.split_off(cut.min(stream.len()));
                pieces.push_back(std::mem::replace(&mut stream, rest));
            }
            pieces.push_back(stream);
            let mut source = Pieces(pieces);
            let (mut reader, mut read) = (FrameReader::default(), Vec::new());
            loop {
                match reader.read(&mut source, 300, &|_, _| true).unwrap() {
                    Progress::Message { port, message } => {
                        prop_assert_eq!(port, 7);
                        read.push(message);
                    }
                    Progress::Blocked => {}
                    Progress::Over => break,
                }
            }
            prop_assert_eq!(read, messages);
        }
    }

    #[test]
    fn of_a_message_that_is_not_admitted_no_more_than_its_start_is_read() {
        let frame = encode(7, &[5; 10_000]);
        for admitted in [true, false] {
            let mut source = &frame[..];
            let mut reader = FrameReader::default();
            let admits = |start: &[u8], length| {
                assert_eq!((start, length), (&[5; START_BYTES][..], 10_000));
                admitted
            };
            let read = reader.read(&mut source, 10_000, &admits);
            assert_eq!(matches!(read, Ok(Progress::Message { .. })), admitted);
            assert_eq!(matches!(read, Err(FrameError::NotAdmitted)), !admitted);
            let expected = if admitted { 0 } else { 10_000 - START_BYTES };
            assert_eq!(source.len(), expected);
        }
    }

    #[test]
    fn what_is_no_frame_or_too_large_is_refused_before_it_is_read() {
        let read = |bytes: &[u8]| FrameReader::default().read(&mut &*bytes, 9, &|_, _| true);
        assert!(matches!(read(b"GET / HTTP/1.1\r\n"), Err(FrameError::NotAFrame)));
        assert!(matches!(
            read(&encode(7, &[0; 10])[..HEADER_BYTES]),
            Err(FrameError::TooLarge { bytes: 10, bytes_max: 9 })
        ));
        assert!(matches!(read(&encode(7, &[0; 9])), Ok(Progress::Message { .. })));
    }
}
