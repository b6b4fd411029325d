//! Since when a node has had hints for each home.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tracing::warn;

use quorate_model::ids::NodeId;

use super::HintsFor;

/// The file in the data directory.
const FILE: &str = "hints-since.json";

/// Since when the node has had hints for a home without a break, by the machine's clock in milliseconds. Kept
/// over restarts in a small file, which is written when the first hint for a home is kept and when the last is gone.
/// Nothing depends on it: without it the ages count from the start of the process.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct HintAges {
    path: PathBuf,
    since_ms: BTreeMap<NodeId, u64>,
}

impl HintAges {
    /// Those that this data directory knows of, of the hints that there are now.
    pub fn open(directory: &Path, hints: &BTreeMap<NodeId, u64>, now_ms: u64) -> Self {
        let path = directory.join(FILE);
        let since_ms = match read(&path) {
            Ok(since_ms) => since_ms,
            Err(error) => {
                warn!(path = %path.display(), %error, "the ages of hints count from now");
                BTreeMap::new()
            }
        };
        let mut ages = HintAges { path, since_ms };
        ages.follow(hints, now_ms);
        ages
    }

    /// Takes note of how many hints there are now.
    pub fn follow(&mut self, hints: &BTreeMap<NodeId, u64>, now_ms: u64) {
        if self.since_ms.keys().eq(hints.keys()) {
            return;
        }
        self.since_ms.retain(|home, _| hints.contains_key(home));
        for home in hints.keys() {
            self.since_ms.entry(*home).or_insert(now_ms);
        }
        if let Err(error) = self.write() {
            warn!(path = %self.path.display(), %error, "a restart will forget the ages of hints");
        }
    }

    /// The hints for each home, with what is known of their age.
    #[must_use]
    pub fn describe(&self, hints: &BTreeMap<NodeId, u64>, now_ms: u64) -> Vec<HintsFor> {
        let of = |(home, count): (&NodeId, &u64)| {
            let since = self.since_ms.get(home).copied().unwrap_or(now_ms);
            HintsFor { home: *home, count: *count, pending_ms: now_ms.saturating_sub(since) }
        };
        hints.iter().map(of).collect()
    }

    /// Never half of it, but not synced: it is not worth a commit.
    fn write(&self) -> io::Result<()> {
        let since: BTreeMap<u16, u64> =
            self.since_ms.iter().map(|(home, since)| (home.0, *since)).collect();
        let beside = self.path.with_extension("new");
        fs::write(&beside, serde_json::to_vec(&since)?)?;
        fs::rename(&beside, &self.path)
    }
}

fn read(path: &Path) -> io::Result<BTreeMap<NodeId, u64>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        text => text?,
    };
    let since: BTreeMap<u16, u64> = serde_json::from_slice(&text)?;
    Ok(since.into_iter().map(|(home, since)| (NodeId(home), since)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: NodeId = NodeId(2);

    fn hints(count: u64) -> BTreeMap<NodeId, u64> {
        BTreeMap::from([(HOME, count)])
    }

    #[test]
    fn the_age_counts_from_the_first_hint_and_anew_after_the_last_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let mut ages = HintAges::open(directory.path(), &BTreeMap::new(), 0);
        ages.follow(&hints(1), 0);
        ages.follow(&hints(5), 10);
        let described = ages.describe(&hints(5), 30);
        assert_eq!(described, [HintsFor { home: HOME, count: 5, pending_ms: 30 }]);
        ages.follow(&BTreeMap::new(), 40);
        ages.follow(&hints(1), 50);
        assert_eq!(ages.describe(&hints(1), 60)[0].pending_ms, 10);
    }

    #[test]
    fn the_age_goes_on_over_a_restart_and_ends_with_the_hints() {
        let directory = tempfile::tempdir().unwrap();
        HintAges::open(directory.path(), &hints(1), 100);
        let again = HintAges::open(directory.path(), &hints(2), 500);
        assert_eq!(again.describe(&hints(2), 600)[0].pending_ms, 500);
        HintAges::open(directory.path(), &BTreeMap::new(), 700);
        let anew = HintAges::open(directory.path(), &hints(1), 800);
        assert_eq!(anew.describe(&hints(1), 900)[0].pending_ms, 100);
    }

    #[test]
    fn a_file_that_is_damaged_is_as_good_as_none() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), b"{").unwrap();
        let ages = HintAges::open(directory.path(), &hints(1), 100);
        assert_eq!(ages.describe(&hints(1), 150)[0].pending_ms, 50);
    }
}
