//! The laws of trees.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;
use core::hash::BuildHasher;

use foldhash::quality::FixedState;
use proptest::prelude::*;

use super::*;
use crate::ids::Key;
use crate::versions::RecordDigest;

/// What a node holds: the state of each key, as its digest.
type Content = BTreeMap<Key, RecordDigest>;

/// A tree and what is in it.
#[derive(Clone)]
struct Followed {
    tree: HashTree,
    content: Content,
}

impl Followed {
    fn empty(shape: TreeShape) -> Self {
        Followed { tree: HashTree::new(shape), content: Content::new() }
    }

    fn of(shape: TreeShape, content: impl IntoIterator<Item = (Key, RecordDigest)>) -> Self {
        let mut followed = Followed::empty(shape);
        for (key, state) in content {
            followed.set(key, Some(state));
        }
        followed
    }

    fn set(&mut self, key: Key, state: Option<RecordDigest>) {
        let old = match state {
            Some(state) => self.content.insert(key.clone(), state),
            None => self.content.remove(&key),
        };
        let hash = |state| EntryHash::new(&key, state);
        self.tree.replace(self.tree.shape().leaf_of(&key), old.map(hash), state.map(hash));
    }
}

/// The hash of every node, level by level.
fn all_hashes(tree: &HashTree) -> Vec<Vec<SetHash>> {
    let shape = tree.shape();
    let level = |level| (0..shape.nodes_at(level)).map(move |index| tree.node_hash(level, index));
    (0..=shape.levels()).map(|number| level(number).collect()).collect()
}

/// The leaves whose sets of entries differ.
fn leaves_that_differ(shape: TreeShape, mine: &Content, theirs: &Content) -> Vec<LeafId> {
    let keys: BTreeSet<&Key> = mine.keys().chain(theirs.keys()).collect();
    let differing = keys.into_iter().filter(|key| mine.get(*key) != theirs.get(*key));
    let leaves: BTreeSet<LeafId> = differing.map(|key| shape.leaf_of(key)).collect();
    leaves.into_iter().collect()
}

fn shapes() -> impl Strategy<Value = TreeShape> {
    let small = [(1, 1), (1, 5), (2, 3), (3, 2), (4, 1)];
    prop::sample::select(small.to_vec())
        .prop_map(|(fanout_bits, levels)| TreeShape::new(fanout_bits, levels).unwrap())
}

fn keys() -> impl Strategy<Value = Key> {
    (0..60).prop_map(|number| Key::from(format!("{number}").as_str()))
}

/// Few states, so that a key is often set to what it was.
fn states() -> impl Strategy<Value = RecordDigest> {
    (0..4_u64).prop_map(RecordDigest)
}

fn contents() -> impl Strategy<Value = Content> {
    prop::collection::btree_map(keys(), states(), 0..40)
}

proptest! {
    #[test]
    fn after_any_replacements_a_tree_is_the_tree_of_what_is_left_in_any_order(
        shape in shapes(),
        sets in prop::collection::vec((keys(), prop::option::of(states())), 0..80),
        random in any::<u64>(),
    ) {
        let mut followed = Followed::empty(shape);
        for (key, state) in sets {
            followed.set(key, state);
        }
        let mut left: Vec<_> = followed.content.clone().into_iter().collect();
        left.sort_by_key(|entry| FixedState::with_seed(random).hash_one(entry));
        let rebuilt = Followed::of(shape, left).tree;
        prop_assert_eq!(all_hashes(&followed.tree), all_hashes(&rebuilt));
        prop_assert_eq!(followed.tree, rebuilt);
    }

    #[test]
    fn trees_are_equal_exactly_if_their_contents_are(
        shape in shapes(), mine in contents(), theirs in contents(),
    ) {
        let [my_tree, their_tree] = [&mine, &theirs].map(|content| {
            Followed::of(shape, content.clone()).tree
        });
        prop_assert_eq!(my_tree == their_tree, mine == theirs);
        prop_assert_eq!(my_tree.root() == their_tree.root(), mine == theirs);
        prop_assert_eq!(all_hashes(&my_tree) == all_hashes(&their_tree), mine == theirs);
        let hash = |tree: &HashTree| FixedState::default().hash_one(tree);
        prop_assert_eq!(hash(&my_tree) == hash(&their_tree), mine == theirs);
    }

    #[test]
    fn the_descent_finds_exactly_the_leaves_that_differ_within_its_bound(
        shape in shapes(),
        mine in contents(),
        changes in prop::collection::vec((keys(), prop::option::of(states())), 0..10),
    ) {
        let mine = Followed::of(shape, mine);
        let mut theirs = mine.clone();
        for (key, state) in changes {
            theirs.set(key, state);
        }
        for (one, other) in [(&mine, &theirs), (&theirs, &mine)] {
            let descent = differing_leaves(&one.tree, &other.tree);
            let expected = leaves_that_differ(shape, &one.content, &other.content);
            let work = expected.len() * usize::from(shape.levels());
            prop_assert_eq!(&descent.leaves, &expected);
            prop_assert!(descent.opened <= work);
            prop_assert!(descent.compared <= 1 + work * shape.fanout());
            prop_assert!(descent.sent <= descent.compared);
        }
    }

    #[test]
    fn every_inner_node_names_its_children_that_are_not_empty_and_is_their_sum(
        shape in shapes(), content in contents(),
    ) {
        let tree = Followed::of(shape, content).tree;
        for level in 0..shape.levels() {
            for index in 0..shape.nodes_at(level) {
                let below = index * shape.fanout() as u32..(index + 1) * shape.fanout() as u32;
                let expected: Vec<_> = below
                    .map(|child| (child, tree.node_hash(level + 1, child)))
                    .filter(|(_, hash)| *hash != SetHash::EMPTY)
                    .collect();
                let children: Vec<_> = tree.children(level, index).collect();
                let sum: SetHash = expected.iter().map(|(_, hash)| *hash).sum();
                prop_assert_eq!(children, expected);
                prop_assert_eq!(tree.node_hash(level, index), sum);
            }
        }
    }

    #[test]
    fn a_clone_does_not_follow_the_changes_of_its_original(
        shape in shapes(), content in contents(), key in keys(), state in states(),
    ) {
        let mut original = Followed::of(shape, content);
        let before = all_hashes(&original.tree);
        let clone = original.tree.clone();
        original.set(key, Some(state));
        prop_assert_eq!(all_hashes(&clone), before);
    }

    #[test]
    fn a_tree_that_lost_its_last_entry_takes_no_more_memory_than_a_new_one(
        shape in shapes(), content in contents(),
    ) {
        let mut followed = Followed::of(shape, content.clone());
        for key in content.into_keys() {
            followed.set(key, None);
        }
        prop_assert_eq!(followed.tree.memory_bytes(), HashTree::new(shape).memory_bytes());
    }

    #[test]
    fn comparing_children_with_whatever_a_peer_sends_names_only_nodes_of_either_list(
        content in contents(), sent in prop::collection::vec((0..20_u32, 0..3_u64), 0..20),
    ) {
        let tree = Followed::of(TreeShape::new(2, 2).unwrap(), content).tree;
        let sent = sent.into_iter().map(|(index, hash)| (index, SetHash(hash)));
        let known: BTreeSet<u32> =
            tree.children(0, 0).chain(sent.clone()).map(|(index, _)| index).collect();
        let differing: Vec<u32> = differing_children(tree.children(0, 0), sent).collect();
        prop_assert!(differing.iter().all(|index| known.contains(index)));
    }
}

#[test]
fn the_memory_of_a_tree_follows_its_keys_until_all_leaves_are_occupied() {
    let key = |number: u32| Key(number.to_le_bytes().into());
    let memory = |keys| {
        let content = (0..keys).map(|number| (key(number), RecordDigest(0)));
        Followed::of(TreeShape::NODES, content).tree.memory_bytes()
    };
    for keys in [10, 100, 1_000, 10_000] {
        // A leaf and, where keys are fewest for their blocks, its share of a block of branches.
        assert!(memory(keys) <= 1_000 + 150 * keys as usize, "{} for {keys}", memory(keys));
    }
    assert!(memory(200_000) <= 800_000);
}

#[test]
fn nodes_that_a_tree_does_not_have_are_empty() {
    let tree = Followed::of(TreeShape::SMALLEST, [(Key::from("key"), RecordDigest(1))]).tree;
    for (level, index) in [(0, 1), (1, 2), (2, 0), (u8::MAX, u32::MAX)] {
        assert_eq!(tree.node_hash(level, index), SetHash::EMPTY);
        assert_eq!(tree.children(level, index).count(), 0);
    }
    assert_eq!(tree.children(1, 0).count(), 0, "a leaf has no children");
}

#[test]
fn a_tree_is_serialised_as_its_root_alone() {
    let key = Key::from("key");
    let tree = Followed::of(TreeShape::NODES, [(key, RecordDigest(1))]).tree;
    assert_eq!(postcard::to_allocvec(&tree), postcard::to_allocvec(&tree.root()));
    assert_eq!(format!("{tree:?}"), format!("tree {}", tree.root()));
}

#[test]
fn one_key_that_differs_among_many_costs_one_path() {
    let shape = TreeShape::NODES;
    let key = |number: u32| Key(number.to_le_bytes().into());
    let mine = Followed::of(shape, (0..50_000).map(|number| (key(number), RecordDigest(0))));
    let mut theirs = mine.clone();
    theirs.set(key(77), Some(RecordDigest(1)));
    let descent = differing_leaves(&mine.tree, &theirs.tree);
    assert_eq!(descent.leaves, [shape.leaf_of(&key(77))]);
    assert_eq!(descent.opened, 4);
    assert!(descent.compared <= 1 + 4 * 16);
}
