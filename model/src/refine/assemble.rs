//! Several trace files as the traces of one cluster.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::parse::{ClientTrace, FileContent, Life, Place, TraceFile};
use super::refusal::{Reason, Refused};
use crate::check::words::Names;
use crate::cluster::{ClusterConfig, ClusterSpec};
use crate::ids::{NodeId, Peer};

/// The traces of one cluster.
pub(super) struct Traces {
    pub(super) spec: ClusterSpec,
    pub(super) cluster: Arc<ClusterConfig>,
    pub(super) names: Names,
    /// By node, its lives.
    pub(super) nodes: BTreeMap<NodeId, Vec<Life>>,
    pub(super) clients: Vec<ClientTrace>,
    pub(super) torn: Vec<Arc<str>>,
}

impl Traces {
    /// Takes files together, if they are of one cluster and show something.
    pub(super) fn new(files: Vec<TraceFile>) -> Result<Self, Box<Refused>> {
        let mut headers: Vec<(Place, &ClusterSpec)> = Vec::new();
        for file in &files {
            let start = Place { file: Arc::clone(&file.file), line: 1 };
            let before = headers.len();
            let steps: usize = match &file.content {
                FileContent::Nothing => 0,
                FileContent::Node(lives) => {
                    let header = |life: &'_ Life| life.header.place.clone();
                    headers.extend(lives.iter().map(|life| (header(life), life.spec())));
                    lives.iter().map(|life| life.steps.len()).sum()
                }
                FileContent::Clients(clients) => {
                    let header = |trace: &'_ ClientTrace| trace.header.place.clone();
                    headers.extend(clients.iter().map(|trace| (header(trace), trace.spec())));
                    clients.iter().map(|trace| trace.steps.len()).sum()
                }
            };
            if steps == 0 {
                let place = headers.get(before).map_or(start, |(place, _)| place.clone());
                return Err(nameless(place, Reason::Empty));
            }
        }
        let Some((first, spec)) = headers.first().cloned() else {
            return Err(nameless(Place { file: "".into(), line: 0 }, Reason::NoNode));
        };
        if let Some((place, _)) = headers.iter().find(|(_, other)| *other != spec) {
            return Err(nameless(place.clone(), Reason::OtherCluster { first }));
        }
        let spec = spec.clone();
        let cluster = spec.build().map_err(|error| {
            nameless(first.clone(), Reason::Cluster { problem: error.to_string() })
        })?;
        let mut traces = Traces {
            names: Names::of_nodes(spec.nodes.clone()),
            spec,
            cluster: Arc::new(cluster),
            nodes: BTreeMap::new(),
            clients: Vec::new(),
            torn: Vec::new(),
        };
        for file in files {
            traces.add(file)?;
        }
        if traces.nodes.is_empty() {
            return Err(traces.refused(first, Reason::NoNode));
        }
        Ok(traces)
    }

    fn add(&mut self, file: TraceFile) -> Result<(), Box<Refused>> {
        if file.torn {
            self.torn.push(file.file);
        }
        match file.content {
            FileContent::Nothing => {}
            FileContent::Node(lives) => {
                let first = &lives[0].header;
                let (node, place) = (first.line.node, first.place.clone());
                if node.index() >= self.spec.nodes.len() {
                    return Err(self.refused(place, Reason::NoSuchNode { node }));
                }
                let second_trace = |first| Reason::SecondTrace { peer: Peer::Node(node), first };
                if let Some(other) = lives.iter().find(|life| life.header.line.node != node) {
                    return Err(self.refused(other.header.place.clone(), second_trace(place)));
                }
                if let Some(known) = self.nodes.get(&node) {
                    let known = known[0].header.place.clone();
                    return Err(self.refused(place, second_trace(known)));
                }
                self.nodes.insert(node, lives);
            }
            FileContent::Clients(clients) => {
                for trace in clients {
                    let client = trace.header.line.client;
                    let known =
                        self.clients.iter().find(|known| known.header.line.client == client);
                    if let Some(known) = known {
                        let first = known.header.place.clone();
                        let reason = Reason::SecondTrace { peer: Peer::Client(client), first };
                        return Err(self.refused(trace.header.place, reason));
                    }
                    self.clients.push(trace);
                }
            }
        }
        Ok(())
    }

    fn refused(&self, place: Place, reason: Reason) -> Box<Refused> {
        Box::new(Refused { place, step: None, reason, names: self.names.clone() })
    }
}

fn nameless(place: Place, reason: Reason) -> Box<Refused> {
    Box::new(Refused { place, step: None, reason, names: Names::of_nodes(Vec::new()) })
}

impl Life {
    fn spec(&self) -> &ClusterSpec {
        &self.header.line.cluster
    }
}

impl ClientTrace {
    fn spec(&self) -> &ClusterSpec {
        &self.header.line.cluster
    }
}
