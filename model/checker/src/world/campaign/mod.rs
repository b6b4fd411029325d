//! Whether reductions change anything: reduced searches beside unreduced ones, on scenarios that nobody chose, of any
//! protocol.
//!
//! A [`Draft`] is a scenario that can be made up, made simpler, and written down as a file. A [`Sequence`] has first all small
//! ones of a protocol, in order of size, and then random ones for ever. [`Reference`] is what the unreduced search of one
//! gives, which is compared with what reduced searches give. [`Tally`] counts what was exercised, and [`shrunk`] makes a
//! draft that shows a difference as simple as it gets. [`sample`] does for a scenario that is too large for any of that what
//! can be done: random runs of its unreduced model.

mod chance;
mod compare;
mod draft;
mod sequence;
mod simpler;
mod tally;
mod visit;

pub mod sample;

pub use chance::Chance;
pub use compare::{Compared, Difference, Exercised, Reference, compare};
pub use draft::{Draft, Readied, Wrong, shrunk};
pub use sequence::{Case, Origin, Sequence};
pub use simpler::{With, fewer_asked, fewer_faults, simpler_by};
pub use tally::{Shortage, Tally};
pub(super) use visit::hash_of_store;
pub use visit::{Disks, DisksSeen, Ending, Found, Length, Shown, visit};
