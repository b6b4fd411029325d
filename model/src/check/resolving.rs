//! Puts that resolve a key, where its record has reached a limit.
//!
//! A put *resolves* its key if its context covers every version that its coordinator holds. Like
//! `unique-dots`, this is about the names of versions, so it looks at them.

use crate::cluster::Limits;
use crate::protocol::{PutOutcome, PutRequest};
use crate::versions::Record;

/// What came of a put that resolves its key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Resolving {
    /// The key had as many versions as it may, or more, and the put was taken in.
    LetThrough,
    /// The put was refused for what the record holds.
    Refused,
}

/// What came of a put whose coordinator `held` this of the key when it decided about it, and then
/// minted a version for it or not, and replied this or nothing yet. `None` unless the put resolves
/// its key and a limit had to do with it.
pub(crate) fn judge(
    limits: Limits,
    put: &PutRequest,
    held: Option<&Record>,
    is_minted: bool,
    reply: Option<&PutOutcome>,
) -> Option<Resolving> {
    let mut versions = held.into_iter().flat_map(Record::versions);
    if !versions.all(|(dot, _)| put.context.covers(dot)) {
        return None;
    }
    match reply {
        Some(PutOutcome::Refused(refusal)) => refusal.is_of_record().then_some(Resolving::Refused),
        _ => {
            let is_full = held.is_some_and(|held| held.versions().count() >= limits.siblings_max);
            (is_full && is_minted).then_some(Resolving::LetThrough)
        }
    }
}
