//! How much memory a check needs.

use nix::sys::resource::{UsageWho, getrusage};

/// The most memory this process has had resident since it started, in bytes; `None` if the system
/// does not tell.
pub(super) fn peak_memory() -> Option<u64> {
    let peak = getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss();
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    u64::try_from(peak).ok().filter(|peak| *peak > 0).map(|peak| peak * unit)
}
