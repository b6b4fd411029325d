//! `quorate trace-key`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use quorate_model::ids::{Key, NodeId};
use quorate_model::versions::{ActorId, Dot, ReadableCounter, VersionVector};

use super::key::WithKey;
use super::request::{CONFIG_DEFAULT, listed};
use super::{Failure, output};
use crate::bytes::Bytes;
use crate::config::ClusterFile;
use crate::leaderless::{Held, Question, Told, ask_nodes};

/// Show where a key is: which homes hold what, which hints wait, and who would be asked.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code: 0 when every home answers, 1 when one does not, 2 on wrong usage."
)]
pub struct TraceKeyArgs {
    /// The key
    key: String,
    /// The configuration of the cluster
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
    #[command(flatten)]
    with_key: WithKey,
    /// How long to wait for answers
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Traced<'a> {
    key: Bytes<'a>,
    /// In the order in which they are asked.
    homes: Vec<&'a str>,
    /// Who would stand in for homes in a sloppy put, in this order.
    fallbacks: Vec<&'a str>,
    nodes: Vec<At<'a>>,
}

#[derive(Serialize)]
struct At<'a> {
    node: &'a str,
    is_home: bool,
    answers: bool,
    catching_up: bool,
    held: Option<Shown>,
    /// By the home they are for.
    hints: BTreeMap<&'a str, Shown>,
}

#[derive(Serialize)]
struct Shown {
    versions: Vec<Version>,
    /// What it has seen.
    context: Vec<String>,
    digest: String,
    /// Versions that others hold and this has not seen.
    lacks: Vec<String>,
}

#[derive(Serialize)]
struct Version {
    dot: String,
    /// `null` where it is a delete.
    bytes: Option<u64>,
}

/// Runs the command.
///
/// # Errors
/// When a home does not answer, or nobody can be asked.
pub fn run(args: &TraceKeyArgs) -> Result<(), Failure> {
    let cluster = args.with_key.of(ClusterFile::read(&args.config)?.without_leader("`trace-key`")?);
    let key = Key::from(args.key.as_str());
    let told = ask_nodes(&cluster, &Question::Key { key: key.clone() }, args.timeout)?;
    let traced = traced(&cluster, &key, &told);
    if args.json {
        output::json(&traced)?;
    } else {
        output::print(text(&traced))?;
    }
    let silent: Vec<_> = traced.nodes.iter().filter(|at| at.is_home && !at.answers).collect();
    let silent: Vec<_> = silent.iter().map(|at| at.node.to_string()).collect();
    if silent.is_empty() {
        return Ok(());
    }
    Err(Failure::Unexpected(format!("no answer from {}, home of this key", silent.join(", "))))
}

fn traced<'a>(cluster: &'a ClusterFile, key: &'a Key, told: &BTreeMap<NodeId, Told>) -> Traced<'a> {
    let preference = cluster.cluster.preference_list(key);
    let (homes, fallbacks) = preference.split_at(cluster.cluster.quorum().n());
    let name = |node: &NodeId| cluster.cluster.name(*node);
    let mut dots: Vec<Dot> = Vec::new();
    for told in told.values() {
        let Told::Key { held, hints, .. } = told else { continue };
        let all = held.iter().chain(hints.iter().map(|(_, held)| held));
        dots.extend(all.flat_map(|held| held.versions.iter().map(|(dot, _)| *dot)));
    }
    dots.sort_unstable();
    dots.dedup();
    let shown = |held: &Held| {
        let lacks = dots.iter().filter(|dot| !held.context.covers(**dot));
        Shown {
            versions: held
                .versions
                .iter()
                .map(|(dot, bytes)| Version { dot: dot_text(cluster, *dot), bytes: *bytes })
                .collect(),
            context: seen(cluster, &held.context),
            digest: format!("{:016x}", held.digest.0),
            lacks: lacks.map(|dot| dot_text(cluster, *dot)).collect(),
        }
    };
    let at = |(node, is_home): (&NodeId, bool)| {
        let (answers, catching_up, held, hints) = match told.get(node) {
            Some(Told::Key { serves, held, hints }) => {
                let hints = hints.iter().map(|(home, held)| (name(home), shown(held)));
                (true, !serves, held.as_ref().map(shown), hints.collect())
            }
            _ => (false, false, None, BTreeMap::new()),
        };
        At { node: name(node), is_home, answers, catching_up, held, hints }
    };
    let nodes =
        homes.iter().map(|node| (node, true)).chain(fallbacks.iter().map(|node| (node, false)));
    Traced {
        key: Bytes(&key.0),
        homes: homes.iter().map(name).collect(),
        fallbacks: fallbacks.iter().map(name).collect(),
        nodes: nodes.map(at).collect(),
    }
}

/// `n1#3`: the third write of this life of n1.
fn dot_text(cluster: &ClusterFile, dot: Dot) -> String {
    match dot.actor {
        ActorId::Node { node, .. } if node.index() < cluster.nodes.len() => {
            format!("{}#{}", cluster.cluster.name(node), ReadableCounter(dot.counter))
        }
        _ => dot.to_string(),
    }
}

fn seen(cluster: &ClusterFile, context: &VersionVector) -> Vec<String> {
    context.iter().map(|dot| dot_text(cluster, dot)).collect()
}

fn text(traced: &Traced<'_>) -> String {
    let names =
        |names: &[&str]| listed(&names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>());
    let mut text = format!("{}: homes {}", traced.key, names(&traced.homes));
    if !traced.fallbacks.is_empty() {
        text += &format!("; {} would stand in, in this order", names(&traced.fallbacks));
    }
    text.push('\n');
    for at in &traced.nodes {
        let role = if at.is_home { "home" } else { "fallback" };
        let state = match (&at.held, at.answers) {
            (_, false) => "does not answer".to_string(),
            (None, true) => "holds nothing".to_string(),
            (Some(held), true) => format!("holds {}", state(held)),
        };
        let catching_up = if at.catching_up { "; catches up" } else { "" };
        text += &format!("  {:8} {role:8} {state}{catching_up}\n", at.node);
        for (home, hint) in &at.hints {
            text += &format!("  {:17} keeps a hint for {home}: {}\n", "", state_of_hint(hint));
        }
    }
    text
}

fn state(held: &Shown) -> String {
    let mut text = state_of_hint(held);
    if !held.lacks.is_empty() {
        text += &format!("; lacks {}", held.lacks.join(", "));
    }
    text
}

fn state_of_hint(held: &Shown) -> String {
    let version = |version: &Version| match version.bytes {
        Some(bytes) => format!("{} ({bytes} bytes)", version.dot),
        None => format!("{} (deleted)", version.dot),
    };
    let versions: Vec<_> = held.versions.iter().map(version).collect();
    let versions = if versions.is_empty() { "no version".to_string() } else { versions.join(", ") };
    format!("{versions}, seen {}", held.context.join(", "))
}
