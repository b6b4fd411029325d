//! Counts what two replicas must compare and send to find the keys on which they differ.
//!
//! ```text
//! cargo run --release -p quorate-model --example sync_work
//! ```
//!
//! Two replicas hold the same `n` keys and differ in the state of `d` of them. Nothing is sent:
//! both trees are at hand, and the counts are of what messages would carry. What came out is in
//! `docs/performance.md`. It is the same on every run.

use quorate_protocol::hash_tree::{
    EntryHash, HashTree, LeafId, SetHash, TreeShape, differing_leaves,
};
use quorate_protocol::ids::Key;
use quorate_protocol::versions::RecordDigest;

const KEYS: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
const DIFFERING: [u64; 4] = [1, 10, 100, 1_000];
const SHAPE: TreeShape = TreeShape::NODES;

/// A key's leaf, and its hash in a state of that number.
fn entry(number: u64, state: u64) -> (LeafId, EntryHash) {
    let key = Key::from(format!("key-{number}").as_str());
    (SHAPE.leaf_of(&key), EntryHash::new(&key, RecordDigest(state)))
}

/// What one replica holds.
struct Replica {
    tree: HashTree,
    /// How many keys each leaf has.
    occupancy: Vec<u64>,
}

fn replica(keys: u64) -> Replica {
    let mut tree = HashTree::new(SHAPE);
    let mut occupancy = vec![0; SHAPE.leaves() as usize];
    for (leaf, hash) in (0..keys).map(|number| entry(number, 0)) {
        tree.replace(leaf, None, Some(hash));
        occupancy[leaf.0 as usize] += 1;
    }
    Replica { tree, occupancy }
}

/// Bytes of a tree of this shape with one full array per level.
fn array_bytes() -> usize {
    let nodes: u32 = (0..=SHAPE.levels()).map(|level| SHAPE.nodes_at(level)).sum();
    nodes as usize * size_of::<SetHash>()
}

fn main() {
    let replicas = KEYS.map(|keys| (keys, replica(keys)));

    println!(
        "| keys n | differing d | hashes compared | at most 1 + {}d | hashes sent | leaves that \
         differ | keys listed | listed per differing key |",
        SHAPE.fanout() * usize::from(SHAPE.levels())
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|");
    for (keys, mine) in &replicas {
        for differing in DIFFERING {
            let mut theirs = mine.tree.clone();
            for number in (0..differing).map(|index| index * (keys / differing)) {
                let ((leaf, old), (_, new)) = (entry(number, 0), entry(number, 1));
                theirs.replace(leaf, Some(old), Some(new));
            }
            let descent = differing_leaves(&mine.tree, &theirs);
            let listed: u64 =
                descent.leaves.iter().map(|leaf| mine.occupancy[leaf.0 as usize]).sum();
            let most = 1 + differing as usize * SHAPE.fanout() * usize::from(SHAPE.levels());
            assert!(descent.compared <= most);
            println!(
                "| {} | {} | {} | {} | {} | {} | {} | {:.1} |",
                grouped(*keys),
                grouped(differing),
                grouped(descent.compared as u64),
                grouped(most as u64),
                grouped(descent.sent as u64),
                grouped(descent.leaves.len() as u64),
                grouped(listed),
                listed as f64 / differing as f64,
            );
        }
    }

    println!();
    println!("| keys n | keys per leaf | bytes of a tree | per key | one array per level |");
    println!("|--:|--:|--:|--:|--:|");
    for (keys, replica) in &replicas {
        let bytes = replica.tree.memory_bytes();
        println!(
            "| {} | {:.2} | {} | {:.1} | {} |",
            grouped(*keys),
            *keys as f64 / f64::from(SHAPE.leaves()),
            grouped(bytes as u64),
            bytes as f64 / *keys as f64,
            grouped(array_bytes() as u64),
        );
    }
}

/// A number with commas between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}
