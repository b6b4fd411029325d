//! What follows from a checkpoint's rows and is kept beside them, so that a start need not read every row: the
//! hashes of the leaves that a node compares with others, and the keys whose contexts are wide.
//!
//! They change in the same transaction as the rows, so they are those of exactly these rows. A sum of all hashes, and
//! how many keys there are, stand in a row of their own: a row that is missing, or is one of an earlier checkpoint,
//! does not go unnoticed, and a damaged one has a checksum as every row does.
//!
//! Which leaf a key belongs to follows from the configuration of the cluster. So they have a name that
//! says for which configuration they are: with another they are made anew, by reading every row once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_model::cluster::ClusterSpec;
use quorate_model::forest::Forest;
use quorate_model::hash_tree::{LeafId, SetHash};
use quorate_model::ids::{Key, NodeId, NodeSet};
use quorate_model::protocol::{Entry, NodeConfig};
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::{codec, row_key};

type Bytes = &'static [u8];

/// The hashes of leaves, in blocks, under range and number of the block.
const LEAVES: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("leaves");
/// Every key whose context is wide.
const WIDE: TableDefinition<'_, Bytes, ()> = TableDefinition::new("wide");
/// Its row in the table of single rows.
pub(super) const DERIVED: &str = "derived";

/// How many leaves are in a row. A checkpoint changes most leaves of a large store, and few of a small one.
const BLOCK: u32 = 256;

/// Separates the names of what is derived from all other uses of BLAKE3. Changed with what is derived.
const NAME_CONTEXT: &str = "quorate store: what is derived from its rows, version 1";

/// How what is derived follows from rows.
#[derive(Clone, Debug)]
pub struct Derivation {
    config: NodeConfig,
    name: [u8; 32],
}

impl Derivation {
    /// That of a node of this cluster.
    ///
    /// # Panics
    /// Never: every specification can be encoded.
    #[must_use]
    pub fn new(config: NodeConfig, cluster: &ClusterSpec) -> Self {
        let named = postcard::to_allocvec(&(config.node, cluster));
        let named = named.expect("a cluster can always be encoded");
        Derivation { name: blake3::derive_key(NAME_CONTEXT, &named), config }
    }

    /// Whether it is for this node of this very cluster.
    pub(super) fn is_for(&self, config: &NodeConfig) -> bool {
        self.config.node == config.node && Arc::ptr_eq(&self.config.cluster, &config.cluster)
    }
}

/// What is derived from all rows of a store.
#[derive(Clone, Debug)]
pub(super) struct Derived {
    pub(super) forest: Forest,
    pub(super) wide: BTreeSet<Key>,
}

impl Derived {
    /// From no rows.
    pub(super) fn of_nothing(derivation: &Derivation) -> Self {
        Derived { forest: derivation.config.empty_forest(), wide: BTreeSet::new() }
    }

    /// Follows the replacement of what is held of a key, `None` being nothing.
    pub(super) fn replace(
        &mut self,
        derivation: &Derivation,
        key: &Key,
        old: Option<&Entry>,
        new: Option<&Entry>,
    ) {
        let config = &derivation.config;
        config.follow_entry(&mut self.forest, key, old, new);
        if new.is_some_and(|entry| config.cluster.is_wide(&entry.state)) {
            self.wide.insert(key.clone());
        } else {
            self.wide.remove(key);
        }
    }

    /// That of the rows of a checkpoint, whose row about it this is. `None` if that is for another derivation.
    pub(super) fn read(
        derivation: &Derivation,
        row: &DerivedRow,
        transaction: &redb::ReadTransaction,
    ) -> Result<Option<Self>, ReadError> {
        if row.name != derivation.name {
            return Ok(None);
        }
        let mut derived = Derived::of_nothing(derivation);
        for block in transaction.open_table(LEAVES)?.iter()? {
            let (place, block) = block?;
            let (range, first) = decode_block_place(place.value())
                .ok_or(ReadError::Damaged("hashes of leaves are of no range"))?;
            let block: Block =
                codec::decode(place.value(), block.value()).map_err(ReadError::Damaged)?;
            for (leaf, hash) in block {
                if leaf / BLOCK * BLOCK != first || !derived.forest.add(range, LeafId(leaf), hash) {
                    return Err(ReadError::Damaged("a hash is of a leaf that there is not"));
                }
            }
        }
        let wide = transaction.open_table(WIDE)?;
        for key in wide.iter()? {
            derived.wide.insert(Key(key?.0.value().into()));
        }
        if derived.forest.whole() != row.whole || derived.wide.len() as u64 != row.wide {
            return Err(ReadError::Damaged("the hashes of leaves are not those of its rows"));
        }
        Ok(Some(derived))
    }
}

/// Why what is derived cannot be read.
pub(super) enum ReadError {
    Failed(redb::Error),
    Damaged(&'static str),
}

impl<E: Into<redb::Error>> From<E> for ReadError {
    fn from(error: E) -> Self {
        ReadError::Failed(error.into())
    }
}

/// What is kept about what is derived.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct DerivedRow {
    name: [u8; 32],
    whole: SetHash,
    wide: u64,
}

/// The hashes of those leaves of a block that are not empty.
type Block = BTreeMap<u32, SetHash>;

/// Changes of what is derived, while rows change.
pub(super) struct Deriving<'a> {
    derivation: &'a Derivation,
    row: DerivedRow,
    leaves: BTreeMap<(NodeSet, u32), SetHash>,
    /// Keys whose contexts are wide now, or not any more.
    wide: BTreeMap<Key, bool>,
}

impl<'a> Deriving<'a> {
    /// Goes on from what is derived already, if it is for this derivation.
    pub(super) fn go_on(derivation: &'a Derivation, row: DerivedRow) -> Option<Self> {
        let (leaves, wide) = Default::default();
        (row.name == derivation.name).then_some(Deriving { derivation, row, leaves, wide })
    }

    /// Begins anew, over nothing.
    pub(super) fn begin(
        derivation: &'a Derivation,
        transaction: &WriteTransaction,
    ) -> Result<Self, redb::Error> {
        transaction.delete_table(LEAVES)?;
        transaction.delete_table(WIDE)?;
        let (leaves, wide) = Default::default();
        let row = DerivedRow { name: derivation.name, whole: SetHash::EMPTY, wide: 0 };
        Ok(Deriving { derivation, row, leaves, wide })
    }

    /// Follows the replacement of what is held of a key, `None` being nothing.
    pub(super) fn replace(&mut self, key: &Key, old: Option<&Entry>, new: Option<&Entry>) {
        let config = &self.derivation.config;
        if let Some((range, leaf, change)) = config.leaf_change(key, old, new) {
            *self.leaves.entry((range, leaf.0)).or_default() += change;
            self.row.whole += change;
        }
        let is_wide =
            |entry: Option<&Entry>| entry.is_some_and(|entry| config.cluster.is_wide(&entry.state));
        if is_wide(old) != is_wide(new) {
            self.wide.insert(key.clone(), is_wide(new));
        }
    }

    /// Follows a row that is about to be replaced, as it is stored.
    pub(super) fn replace_row(
        &mut self,
        key: &Key,
        old: Option<&[u8]>,
        new: Option<&Entry>,
    ) -> Result<(), &'static str> {
        let old: Option<Entry> =
            old.map(|row| codec::decode(&row_key::encode(key), row)).transpose()?;
        self.replace(key, old.as_ref(), new);
        Ok(())
    }

    /// Writes what has changed, and gives the row about it.
    pub(super) fn write(mut self, transaction: &WriteTransaction) -> Result<DerivedRow, ReadError> {
        let mut rows = transaction.open_table(LEAVES)?;
        let mut changes = std::mem::take(&mut self.leaves).into_iter().peekable();
        while let Some(((range, leaf), change)) = changes.next() {
            let first = leaf / BLOCK * BLOCK;
            let place = block_place(range, first);
            let mut block: Block = match rows.get(place.as_slice())? {
                Some(row) => codec::decode(&place, row.value()).map_err(ReadError::Damaged)?,
                None => Block::new(),
            };
            *block.entry(leaf).or_default() += change;
            let in_block =
                |((of, leaf), _): &((NodeSet, u32), _)| *of == range && leaf - first < BLOCK;
            while let Some(((_, leaf), change)) = changes.next_if(in_block) {
                *block.entry(leaf).or_default() += change;
            }
            block.retain(|_, hash| *hash != SetHash::EMPTY);
            if block.is_empty() {
                rows.remove(place.as_slice())?;
            } else {
                rows.insert(place.as_slice(), codec::encode(&place, &block).as_slice())?;
            }
        }
        let mut wide = transaction.open_table(WIDE)?;
        for (key, is_wide) in &self.wide {
            if *is_wide {
                wide.insert(&*key.0, ())?;
            } else {
                wide.remove(&*key.0)?;
            }
        }
        Ok(DerivedRow { wide: wide.len()?, ..self.row })
    }
}

/// Where the hashes of a block of leaves are: the range as sixteen bytes, then the first leaf as four.
fn block_place(range: NodeSet, first: u32) -> Vec<u8> {
    let bits = range.iter().fold(0_u128, |bits, node| bits | 1 << node.index());
    let mut place = Vec::from(bits.to_be_bytes());
    place.extend(first.to_be_bytes());
    place
}

fn decode_block_place(place: &[u8]) -> Option<(NodeSet, u32)> {
    let (bits, first) = place.split_first_chunk()?;
    let bits = u128::from_be_bytes(*bits);
    let nodes = (0..u128::BITS).filter(|node| bits >> node & 1 == 1);
    let range = nodes.map(|node| NodeId(node as u16)).collect();
    Some((range, u32::from_be_bytes(first.try_into().ok()?)))
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use quorate_model::cluster::{Background, BytesMax, PlacementSpec, Reaping};
    use quorate_model::ids::{ClientId, Timestamp};
    use quorate_model::protocol::{Change, Store, found_wide, grown_forest};
    use quorate_model::versions::{ActorId, Dot, Epoch, Incarnation, Record, Versioning, Write};
    use redb::ReadableDatabase;

    use super::*;
    use crate::storage::{Owner, Staged, StagedChanges, Storage, StorageError};

    fn spec(nodes: u16) -> ClusterSpec {
        ClusterSpec {
            nodes: (0..nodes).map(|node| format!("n{node}")).collect(),
            n: usize::from(nodes.min(3)),
            r: 1,
            w: 1,
            versioning: Versioning::Dotted,
            read_repair: Default::default(),
            speculative_retry: false,
            placement: PlacementSpec::Ring,
            tokens_per_node: 8,
            sloppy: false,
            background: Background { reaping: Reaping::Agreed, ..Background::default() },
            client_fan_out: false,
            limits: BytesMax::default(),
            left: Vec::new(),
            deviations: Vec::new(),
        }
    }

    fn derivation(nodes: u16) -> Derivation {
        let spec = spec(nodes);
        let config = NodeConfig::new(NodeId(0), Arc::new(spec.build().unwrap()));
        Derivation::new(config, &spec)
    }

    /// That of one of five nodes.
    static ONE_OF_FIVE: LazyLock<Derivation> = LazyLock::new(|| derivation(5));

    /// Opens a store that keeps what is derived.
    pub(in crate::storage) fn open(directory: &Path) -> Result<Storage, StorageError> {
        open_as(directory, Some(&ONE_OF_FIVE))
    }

    fn open_as(directory: &Path, derivation: Option<&Derivation>) -> Result<Storage, StorageError> {
        let owner = Owner { node: "n0".to_string(), versioning: Versioning::Dotted };
        Storage::open_deriving(directory, &owner, 1 << 20, derivation.cloned())
    }

    /// Whether what a store says without reading all of it is what follows from all of it.
    pub(in crate::storage) fn check(storage: &Storage) -> Result<(), StorageError> {
        check_as(storage, &ONE_OF_FIVE)
    }

    fn check_as(
        storage: &Storage,
        Derivation { config, .. }: &Derivation,
    ) -> Result<(), StorageError> {
        assert!(storage.forest(config)? == grown_forest(config, storage)?);
        assert!(storage.wide_keys(config)? == found_wide(config, storage)?);
        Ok(())
    }

    fn is_at_hand(storage: &Storage, derivation: &Derivation) -> bool {
        storage.derived(&derivation.config).is_some()
    }

    /// What is held of a key that so many actors have written after each other.
    fn entry(actors: u64) -> Entry {
        let mut state = Record::empty(Versioning::Dotted);
        for incarnation in 1..=actors {
            let (node, incarnation) = (NodeId(1), Incarnation(incarnation));
            let actor = ActorId::Node { node, incarnation, epoch: Epoch(0) };
            state.put(&Write {
                dot: Dot { actor, counter: 1 },
                client: ClientId(0),
                context: state.context(),
                timestamp: Timestamp(0),
                value: Some("value".into()),
            });
        }
        Entry::received(Arc::new(state))
    }

    fn group(storage: &Storage, changes: impl IntoIterator<Item = Change>) -> StagedChanges {
        let mut group = StagedChanges::default();
        group.stage(storage, changes).unwrap();
        group
    }

    /// A key of this number, last written by so many actors, or none any more.
    fn change(number: u64, actors: u64) -> Change {
        let key = Key::from(&*number.to_string());
        match actors {
            0 => Change::RemoveEntry { key },
            actors => Change::Entry { key, entry: entry(actors) },
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_kept_beside_the_rows_is_what_follows_from_them(
            groups in prop::collection::vec(
                (prop::collection::vec((0..12_u64, 0..6_u64), 0..6), 0..5_u8),
                1..8,
            ),
        ) {
            let directory = tempfile::tempdir().unwrap();
            let other = derivation(4);
            let mut storage = open(directory.path()).unwrap();
            for (step, (changes, after)) in (1..).zip(groups) {
                let changes = changes.into_iter().map(|(number, actors)| change(number, actors));
                let changes = group(&storage, changes);
                let staged = Staged::new(&storage, &changes);
                let config = &ONE_OF_FIVE.config;
                prop_assert!(staged.forest(config).unwrap() == grown_forest(config, &staged).unwrap());
                prop_assert!(staged.wide_keys(config).unwrap() == found_wide(config, &staged).unwrap());
                storage.commit(&changes, step).unwrap();
                check(&storage).unwrap();
                if after < 2 {
                    storage.checkpoint().unwrap();
                }
                drop(storage);
                // By somebody who keeps nothing of it, or for another cluster.
                if after == 2 {
                    open_as(directory.path(), None).unwrap().checkpoint().unwrap();
                } else if after == 3 {
                    let mut storage = open_as(directory.path(), Some(&other)).unwrap();
                    check_as(&storage, &other).unwrap();
                    storage.checkpoint().unwrap();
                }
                storage = open(directory.path()).unwrap();
                check(&storage).unwrap();
            }
        }
    }

    #[test]
    fn a_start_reads_every_row_only_where_what_follows_from_them_is_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let mut storage = open(directory.path()).unwrap();
        assert!(is_at_hand(&storage, &ONE_OF_FIVE), "nothing follows from nothing");
        let changes = group(&storage, (0..500).map(|number| change(number, 1 + number % 5)));
        storage.commit(&changes, 1).unwrap();
        assert!(!is_at_hand(&storage, &ONE_OF_FIVE), "something has changed");
        storage.checkpoint().unwrap();
        let changes = group(&storage, (400..600).map(|number| change(number, number % 4)));
        storage.commit(&changes, 2).unwrap();
        drop(storage);
        let storage = open(directory.path()).unwrap();
        assert!(is_at_hand(&storage, &ONE_OF_FIVE));
        check(&storage).unwrap();
        assert!(!storage.wide_keys(&ONE_OF_FIVE.config).unwrap().is_empty());
        drop(storage);
        // For another cluster it is made anew, and the start after that has it.
        let other = derivation(4);
        let mut storage = open_as(directory.path(), Some(&other)).unwrap();
        assert!(!is_at_hand(&storage, &other));
        storage.settle().unwrap();
        drop(storage);
        let storage = open_as(directory.path(), Some(&other)).unwrap();
        assert!(is_at_hand(&storage, &other));
        check_as(&storage, &other).unwrap();
    }

    #[test]
    fn what_is_kept_beside_the_rows_and_does_not_follow_from_them_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("store.redb");
        let mut storage = open(directory.path()).unwrap();
        storage.commit(&group(&storage, (0..900).map(|key| change(key, 1 + key % 5))), 1).unwrap();
        storage.checkpoint().unwrap();
        drop(storage);
        let earlier = std::fs::read(&database).unwrap();
        let mut storage = open(directory.path()).unwrap();
        storage.commit(&group(&storage, (0..900).map(|key| change(key, 1))), 2).unwrap();
        storage.checkpoint().unwrap();
        drop(storage);
        let whole = std::fs::read(&database).unwrap();
        let old = directory.path().join("old.redb");
        std::fs::write(&old, earlier).unwrap();
        let old = redb::Database::open(&old).unwrap();
        let (place, old) = {
            let rows = old.begin_read().unwrap().open_table(LEAVES).unwrap();
            let (place, row) = rows.iter().unwrap().next().unwrap().unwrap();
            (place.value().to_vec(), row.value().to_vec())
        };
        // A row that is gone, one of an earlier checkpoint, one that is damaged, and a key too many.
        let alter: [&dyn Fn(&WriteTransaction); 4] = [
            &|rows| drop(rows.open_table(LEAVES).unwrap().remove(&*place).unwrap()),
            &|rows| drop(rows.open_table(LEAVES).unwrap().insert(&*place, &*old).unwrap()),
            &|rows| {
                let mut damaged = old.clone();
                damaged[9] ^= 1;
                rows.open_table(LEAVES).unwrap().insert(&*place, &*damaged).unwrap();
            },
            &|rows| drop(rows.open_table(WIDE).unwrap().insert(&b"x"[..], ()).unwrap()),
        ];
        for alter in alter {
            std::fs::write(&database, &whole).unwrap();
            check(&open(directory.path()).unwrap()).unwrap();
            std::fs::write(&database, &whole).unwrap();
            let database = redb::Database::open(&database).unwrap();
            let transaction = database.begin_write().unwrap();
            alter(&transaction);
            transaction.commit().unwrap();
            drop(database);
            let opened = open(directory.path());
            assert!(matches!(opened, Err(StorageError::Corrupt { .. })), "{opened:?}");
        }
    }
}
