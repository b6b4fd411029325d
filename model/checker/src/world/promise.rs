//! How far something is promised.

/// Under which losses a cluster promises a property.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Promise {
    /// Under none: not even while all disks stay.
    Not,
    /// As long as no more than so many disks are lost, of those that count.
    UpTo(usize),
    /// Whatever disks are lost.
    Always,
}

impl Promise {
    /// That of a property that is promised while so many of these disks are lost of which this is so.
    #[must_use]
    pub fn of(disks: usize, is_promised: impl Fn(usize) -> bool) -> Self {
        match (0..=disks).take_while(|lost| is_promised(*lost)).last() {
            None => Promise::Not,
            Some(lost) if lost == disks => Promise::Always,
            Some(lost) => Promise::UpTo(lost),
        }
    }
}
