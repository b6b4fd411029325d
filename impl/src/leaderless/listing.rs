//! The keys of a whole cluster, from what its nodes tell of theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quorate_model::cluster::ClusterConfig;
use quorate_model::hash_tree::key_position;
use quorate_model::ids::{Key, NodeId, NodeSet};

use super::{Question, Told, ask_nodes};
use crate::client::ClientError;
use crate::config::ClusterFile;

/// A page of keys, in the order of their [positions](key_position).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The keys that some home that answered holds a value of.
    pub keys: Vec<Key>,
    /// Beyond which key the next page begins; `None` at the end.
    pub next: Option<Key>,
}

/// Too few homes of some keys answered: a page could lack what was acknowledged.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too few of the homes {homes} answered: {answered} of the {r} that a read needs")]
pub struct Uncovered {
    /// The homes of these keys, by name.
    pub homes: String,
    /// How many of them answered.
    pub answered: usize,
    /// How many must.
    pub r: usize,
}

/// Asks all nodes for a page of keys beyond `after` that begin with `prefix`.
///
/// # Errors
/// When the socket fails.
pub fn list_keys(
    cluster: &ClusterFile,
    after: Option<Key>,
    prefix: Key,
    max: usize,
    timeout: Duration,
) -> Result<Result<Page, Uncovered>, ClientError> {
    let asked = u32::try_from(max).unwrap_or(u32::MAX);
    let question = Question::Keys { after, prefix, max: asked };
    let told = ask_nodes(cluster, &question, timeout)?;
    Ok(merged(&cluster.cluster, told, max))
}

/// The page that the answers make: up to where all that answered have looked.
fn merged(
    cluster: &ClusterConfig,
    told: BTreeMap<NodeId, Told>,
    max: usize,
) -> Result<Page, Uncovered> {
    let mut answered = NodeSet::EMPTY;
    let mut keys = BTreeSet::new();
    let mut bound = None;
    for (node, told) in told {
        // What a node holds that lost its disk may lack what was acknowledged.
        let Told::Keys { serves: true, keys: theirs, next } = told else { continue };
        answered.insert(node);
        keys.extend(theirs.into_iter().map(placed));
        if let Some(next) = next.map(placed) {
            bound = Some(bound.map_or(next.clone(), |bound| std::cmp::min(bound, next)));
        }
    }
    let r = cluster.quorum().r();
    for homes in cluster.ranges() {
        let count = homes.intersection(answered).len();
        if count < r {
            let homes: Vec<_> = homes.iter().map(|home| cluster.name(home)).collect();
            return Err(Uncovered { homes: homes.join(", "), answered: count, r });
        }
    }
    let within = |key: &(u64, Key)| bound.as_ref().is_none_or(|bound| key <= bound);
    let mut keys = keys.into_iter().filter(within);
    let page: Vec<_> = keys.by_ref().take(max).map(|(_, key)| key).collect();
    let next = match keys.next() {
        Some(_) => page.last().cloned(),
        None => bound.map(|(_, key)| key),
    };
    Ok(Page { keys: page, next })
}

fn placed(key: Key) -> (u64, Key) {
    (key_position(&key), key)
}

#[cfg(test)]
mod tests {
    use quorate_model::cluster::{Background, BytesMax, ClusterSpec};

    use super::*;

    fn cluster() -> ClusterConfig {
        let spec = ClusterSpec {
            nodes: ["n1", "n2", "n3", "n4"].map(String::from).to_vec(),
            n: 3,
            r: 2,
            w: 2,
            versioning: Default::default(),
            read_repair: Default::default(),
            speculative_retry: false,
            placement: Default::default(),
            tokens_per_node: 8,
            sloppy: false,
            background: Background::default(),
            client_fan_out: false,
            limits: BytesMax::default(),
            left: Vec::new(),
            deviations: Vec::new(),
        };
        spec.build().unwrap()
    }

    /// Keys in the order of their positions.
    fn keys() -> Vec<Key> {
        let keys: BTreeSet<_> = (0..9).map(|key| placed(Key::from(&*key.to_string()))).collect();
        keys.into_iter().map(|(_, key)| key).collect()
    }

    fn told(serves: bool, keys: &[Key], next: Option<&Key>) -> Told {
        Told::Keys { serves, keys: keys.to_vec(), next: next.cloned() }
    }

    fn page(told: &[(u16, Told)], max: usize) -> Result<Page, Uncovered> {
        let told = told.iter().map(|(node, told)| (NodeId(*node), told.clone()));
        merged(&cluster(), told.collect(), max)
    }

    #[test]
    fn a_page_ends_where_the_first_node_stopped_looking_and_the_next_begins_there() {
        let k = keys();
        let all = [
            (0, told(true, &k[0..4], Some(&k[3]))),
            (1, told(true, &k[2..7], Some(&k[6]))),
            (2, told(true, &k[1..2], None)),
        ];
        let expected = Page { keys: k[0..4].to_vec(), next: Some(k[3].clone()) };
        assert_eq!(page(&all, 9), Ok(expected));
        let expected = Page { keys: k[0..2].to_vec(), next: Some(k[1].clone()) };
        assert_eq!(page(&all, 2), Ok(expected));
        let ended = [0, 1, 2].map(|node| (node, told(true, &k, None)));
        assert_eq!(page(&ended, 9), Ok(Page { keys: k.clone(), next: None }));
    }

    #[test]
    fn too_few_homes_of_any_key_are_an_error_and_one_that_catches_up_does_not_count() {
        let k = keys();
        let two = [(0, told(true, &k, None)), (1, told(true, &k, None))];
        assert!(page(&two, 9).is_err());
        let catching_up = [two.to_vec(), vec![(2, told(false, &k, None))]].concat();
        assert!(page(&catching_up, 9).is_err());
        let three = [two.to_vec(), vec![(2, told(true, &[], None))]].concat();
        assert!(page(&three, 9).is_ok(), "any two of four have one of three homes in common");
    }
}
