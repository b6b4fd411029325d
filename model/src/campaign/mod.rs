//! Whether reductions change anything: the reduced search beside the unreduced one, on scenarios that
//! nobody chose.
//!
//! A [`Draft`] is a scenario that can be written down as a file and made simpler. [`small_scope`]
//! enumerates all small ones in order of size, [`random`] makes larger ones from a seed, [`Sequence`]
//! puts them in a row. [`Reference`] is what the unreduced search of one gives, which is compared with
//! what reduced searches give. [`Tally`] counts what was exercised, and [`shrunk`] makes a draft that
//! shows a difference as simple as it gets. [`sample`] does for a scenario that is too large for any of that what can be
//! done: random runs of its unreduced model.

mod compare;
mod draft;
mod modes;
pub mod random;
pub mod sample;
mod sequence;
mod shrink;
pub mod small_scope;
pub mod surveyed;
mod tally;
mod visit;

pub use compare::{Compared, Difference, Reference, compare};
pub use draft::{Asked, Draft, DraftClient, DraftOperation, Nodes, Verb};
pub use modes::{HasMode, MODES};
pub use sequence::{Case, Origin, Sequence};
pub use shrink::shrunk;
pub use tally::{Shortage, Tally};
pub use visit::{Ending, Found, Length, visit};
