//! Manual election: an operator promotes a node.

use super::super::{Replica, Turn};
use crate::store::Store;

impl Replica {
    /// The operator promotes this node, whatever its log says.
    pub(super) fn promote<S: Store>(&mut self, turn: &mut Turn<'_, S>) -> Result<(), S::Error> {
        self.claim(turn)
    }
}
