//! What steps of actors declare to touch, so that each is
//! [compared with its declaration](quorate_checker::world::footprints): what the protocol
//! [declares](crate::protocol::footprint), and what the model adds.

mod declared;
mod part;

pub(crate) use declared::touches;
pub use part::{Part, Sort};

use quorate_checker::world::{self, footprints as of_world};

use super::leaderless::Leaderless;

/// What reaches an actor.
type Event = world::Event<Leaderless>;

/// What came of comparing the steps of one search.
pub type Comparison = of_world::Comparison<Leaderless>;

/// A declaration that is wrong on purpose.
pub type Wrong = of_world::Wrong<Leaderless>;
