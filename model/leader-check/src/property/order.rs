//! The order of the writes of each key: that in which they were first committed, each named by the value that the row
//! held then, whatever the log ships.

use std::collections::BTreeMap;

use quorate_leader::log::{Content, Entry};
use quorate_leader::names::{Key, Value};

use crate::facts::Fact;

/// The writes of each key in their order. Zero is before the first write.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub(super) struct Order(BTreeMap<Key, Vec<Value>>);

impl Order {
    /// Notes what is committed.
    pub(super) fn note(&mut self, fact: &Fact) {
        if let Fact::Committed { entry: Entry { content, .. }, row: Some(value), .. } = fact
            && let Content::Write { key, .. } = content
        {
            let values = self.0.entry(key.clone()).or_default();
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
    }

    /// The place of a value among those of its key: zero for no value, and for one that was not committed.
    pub(super) fn place(&self, key: &Key, value: Option<&Value>) -> usize {
        let values = self.0.get(key).map_or(&[][..], Vec::as_slice);
        let place = value.and_then(|value| values.iter().position(|known| known == value));
        place.map_or(0, |place| place + 1)
    }
}
