//! Records of many versions. Versions are counted as they are listed, each under its own dot: two of
//! one write are two.

use alloc::format;
use alloc::string::String;

use super::held::{self, Held};
use super::{View, Witness, wording};
use crate::check::words::Names;

/// A record of more than so many versions, told.
pub(super) fn told(view: &View<'_>, names: &Names, versions: usize) -> Option<String> {
    held::find(view, |held: &Held<'_>| {
        let count = held.record.versions().count();
        (count > versions).then(|| {
            let (holder, record) = (wording::holder(names, held), names.record(held.record));
            format!("{holder} holds {count} versions of {}: {record}", held.key)
        })
    })
}

/// Whether some record has more than so many versions.
pub(super) fn any(view: &View<'_>, versions: usize) -> bool {
    held::any(view, |held| held.record.versions().count() > versions)
}

/// Whether two versions of a key were asked for: by two writes, or by one that its client may try
/// again.
fn two_asked_for(view: &View<'_>) -> bool {
    let scenario = view.scenario;
    let invoked = view.ledger().invoked();
    let may_retry =
        |write: usize| scenario.clients[scenario.writes[write].client.0 as usize].attempts > 1;
    let key = |write: usize| &scenario.writes[write].key;
    let same_key = |one: usize| invoked.iter().any(|other| one < other && key(one) == key(other));
    invoked.iter().any(may_retry) || invoked.iter().any(same_key)
}

/// That two versions of a key were asked for.
pub(super) const fn opportunity(name: &'static str) -> Witness {
    Witness {
        shown: two_asked_for,
        statement: "two writes of a key were asked for, or one whose client may ask for it again",
        name,
    }
}
