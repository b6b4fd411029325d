//! Where settling steps lead, on disk.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, Write};
use std::path::Path;

use super::bits::Bits;

/// How much is read or written at a time, in bytes.
const BUFFER: usize = 1 << 20;

/// Rows of edges, one after the other: where they start, how many there are, and where each ends, in four bytes
/// each. A state may have several rows. A row is written once all that follows from its first edges has been visited, so
/// most edges lead to states whose rows come earlier.
#[derive(Debug)]
pub(super) struct EdgeLog {
    out: BufWriter<File>,
    edges: u64,
}

impl EdgeLog {
    /// A log in a file without a name in this directory.
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(directory)?;
        Ok(EdgeLog { out: BufWriter::with_capacity(BUFFER, file), edges: 0 })
    }

    /// How many edges there are.
    pub(super) fn edges(&self) -> u64 {
        self.edges
    }

    /// Adds edges that start at one place, each once.
    pub(super) fn push(&mut self, from: u32, to: &mut Vec<u32>) -> io::Result<()> {
        to.sort_unstable();
        to.dedup();
        if to.is_empty() {
            return Ok(());
        }
        self.edges += to.len() as u64;
        for word in [from, to.len() as u32].iter().chain(&*to) {
            self.out.write_all(&word.to_le_bytes())?;
        }
        Ok(())
    }

    /// Calls this with every row, in order.
    fn read(&mut self, mut look: impl FnMut(u32, &[u32])) -> io::Result<()> {
        self.out.flush()?;
        let file = self.out.get_mut();
        file.rewind()?;
        let mut rows = BufReader::with_capacity(BUFFER, &*file);
        let mut to = Vec::new();
        loop {
            let from = match word(&mut rows) {
                Err(end) if end.kind() == ErrorKind::UnexpectedEof => return Ok(()),
                from => from?,
            };
            to.clear();
            for _ in 0..word(&mut rows)? {
                to.push(word(&mut rows)?);
            }
            look(from, &to);
        }
    }
}

fn word(from: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

/// All places from which some path leads to one of these, those included.
pub(super) fn reaching(mut places: Bits, logs: &mut [EdgeLog]) -> io::Result<Bits> {
    loop {
        let mut grew = false;
        for log in &mut *logs {
            log.read(|from, to| {
                if !places.contains(from) && to.iter().any(|place| places.contains(*place)) {
                    places.set(from);
                    grew = true;
                }
            })?;
        }
        if !grew {
            return Ok(places);
        }
    }
}
