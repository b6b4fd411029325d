//! What deletes covered, where it is held still or again.

use alloc::format;
use alloc::string::String;

use super::held::{self, Held};
use super::{View, wording};
use crate::check::words::Names;
use crate::check::write_set::WriteSet;

/// Whether this write is a delete.
pub(super) fn is_delete(view: &View<'_>, write: usize) -> bool {
    view.scenario.writes[write].value.is_none()
}

/// What is made of the first record that has a value which a delete had covered, and of those values.
fn find<T>(
    view: &View<'_>,
    delete: usize,
    make: impl Fn(&Held<'_>, WriteSet) -> Option<T>,
) -> Option<T> {
    held::find(view, |held| {
        let covered = view.base().covered(delete, held.named);
        if covered.is_empty() { None } else { make(held, covered) }
    })
}

/// Whether somebody has a value that this delete had covered.
pub(super) fn is_undone(view: &View<'_>, delete: usize) -> bool {
    is_delete(view, delete) && find(view, delete, |_, _| Some(())).is_some()
}

/// `C holds "v", which it covered`
pub(super) fn told(view: &View<'_>, names: &Names, delete: usize) -> Option<String> {
    find(view, delete, |held, covered| {
        let (holder, values) =
            (wording::holder(names, held), wording::values(view.scenario, covered));
        Some(format!("{holder} holds {values}, which it covered"))
    })
}
