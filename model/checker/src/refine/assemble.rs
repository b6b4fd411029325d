//! Several trace files as the traces of one cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_ids::{NodeId, Peer};

use super::parse::{ClientTrace, FileContent, Life, Place, TraceFile};
use super::refusal::{Nameless, Reason, Refused};
use super::traced::Traced;
use super::validated::{ClusterOf, Validated};

/// The traces of one cluster.
pub(super) struct Traces<V: Validated> {
    /// The protocol in it.
    pub(super) validated: V,
    /// By node, its lives.
    pub(super) nodes: BTreeMap<NodeId, Vec<Life<V::Protocol>>>,
    pub(super) clients: Vec<ClientTrace<V::Protocol>>,
    pub(super) torn: Vec<Arc<str>>,
}

impl<V: Validated> Traces<V> {
    /// Takes files together, if they are of one cluster and show something.
    pub(super) fn new(
        files: Vec<TraceFile<V::Protocol>>,
    ) -> Result<Self, Box<Refused<V::Protocol>>> {
        let mut headers: Vec<(Place, &ClusterOf<V>)> = Vec::new();
        for file in &files {
            let start = Place { file: Arc::clone(&file.file), line: 1 };
            let before = headers.len();
            let steps: usize = match &file.content {
                FileContent::Nothing => 0,
                FileContent::Node(lives) => {
                    let header = |life: &'_ Life<V::Protocol>| life.header.place.clone();
                    headers
                        .extend(lives.iter().map(|life| (header(life), &life.header.line.cluster)));
                    lives.iter().map(|life| life.steps.len()).sum()
                }
                FileContent::Clients(clients) => {
                    let header = |trace: &'_ ClientTrace<V::Protocol>| trace.header.place.clone();
                    headers.extend(
                        clients.iter().map(|trace| (header(trace), &trace.header.line.cluster)),
                    );
                    clients.iter().map(|trace| trace.steps.len()).sum()
                }
            };
            if steps == 0 {
                let place = headers.get(before).map_or(start, |(place, _)| place.clone());
                return Err(nameless(place, Reason::Empty));
            }
        }
        let Some((first, cluster)) = headers.first().cloned() else {
            return Err(nameless(Place { file: "".into(), line: 0 }, Reason::NoNode));
        };
        if let Some((place, _)) = headers.iter().find(|(_, other)| *other != cluster) {
            return Err(nameless(place.clone(), Reason::OtherCluster { first }));
        }
        let validated = V::new(cluster)
            .map_err(|problem| nameless(first.clone(), Reason::Cluster { problem }))?;
        let mut traces =
            Traces { validated, nodes: BTreeMap::new(), clients: Vec::new(), torn: Vec::new() };
        for file in files {
            traces.add(file)?;
        }
        if traces.nodes.is_empty() {
            return Err(traces.refused(first, Reason::NoNode));
        }
        Ok(traces)
    }

    fn add(&mut self, file: TraceFile<V::Protocol>) -> Result<(), Box<Refused<V::Protocol>>> {
        if file.torn {
            self.torn.push(file.file);
        }
        match file.content {
            FileContent::Nothing => {}
            FileContent::Node(lives) => {
                let first = &lives[0].header;
                let (node, place) = (first.line.node, first.place.clone());
                if node.index() >= self.validated.nodes() {
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

    fn refused(&self, place: Place, reason: Reason<V::Protocol>) -> Box<Refused<V::Protocol>> {
        Refused::new(place, None, reason, self.validated.words())
    }
}

fn nameless<P: Traced>(place: Place, reason: Reason<P>) -> Box<Refused<P>> {
    Refused::new(place, None, reason, &Nameless)
}
