//! What a put or get is refused for its size: keys and values that are too long, and versions that
//! pile up because nobody resolves them.
//!
//! A limit looks at what a write makes a key gain. A write that replaces a version adds none in all,
//! so it is never refused: a key can always be resolved. Nor is anything that arrives from another
//! node: what was acknowledged elsewhere is taken in, whatever it adds up to.

use crate::deviation::Deviation;
use crate::ids::{Key, Value};
use crate::protocol::message::Refusal;
use crate::versions::Record;

use super::NodeConfig;

/// Refuses a key that is longer than one may be.
pub(super) fn check_key(config: &NodeConfig, key: &Key) -> Result<(), Refusal> {
    let (bytes, bytes_max) = (key.0.len(), config.cluster.limits().key_bytes_max);
    if bytes > bytes_max { Err(Refusal::KeyTooLong { bytes, bytes_max }) } else { Ok(()) }
}

/// Refuses a value that is longer than one may be.
pub(super) fn check_value(config: &NodeConfig, value: Option<&Value>) -> Result<(), Refusal> {
    let bytes = value.map_or(0, |value| value.0.len());
    let bytes_max = config.cluster.limits().value_bytes_max;
    if bytes > bytes_max { Err(Refusal::ValueTooLarge { bytes, bytes_max }) } else { Ok(()) }
}

/// Refuses a write that makes a key that has as many versions as it may gain one more.
pub(super) fn check_gain(
    config: &NodeConfig,
    before: &Record,
    after: &Record,
) -> Result<(), Refusal> {
    let (siblings, siblings_after) = (before.versions().count(), after.versions().count());
    let siblings_max = config.cluster.limits().siblings_max;
    let is_refused = if config.cluster.deviates(Deviation::LimitCountsHeld) {
        siblings >= siblings_max
    } else {
        siblings_after > siblings && siblings_after > siblings_max
    };
    if is_refused { Err(Refusal::TooManySiblings { siblings, siblings_max }) } else { Ok(()) }
}
