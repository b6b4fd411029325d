//! stub
use crate::ids::{Key, NodeId};
use alloc::vec::Vec;
/// x
#[derive(Clone, Debug)]
pub struct Ring;
/// x
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RingError {}
impl Ring {
    /// x
    pub fn new<'a>(
        _n: impl IntoIterator<Item = (NodeId, &'a str)>,
        _t: usize,
    ) -> Result<Self, RingError> {
        Ok(Ring)
    }
    /// x
    pub fn preference_list(&self, _k: &Key) -> Vec<NodeId> {
        Vec::new()
    }
}
