//! Concurrent clients that trace.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use quorate::client::{ClientError, ClientTrace, Session, SessionOptions};
use quorate_model::ids::{Key, NodeId, Value};
use quorate_model::protocol::{FanOut, Operation, Outcome};
use quorate_model::versions::VersionVector;

use crate::TracedCluster;

/// What clients do.
#[derive(Clone, Copy, Debug)]
pub struct LoadSetting {
    /// How many clients, half of which fan out themselves.
    pub clients: usize,
    /// How many operations each of them does.
    pub operations: usize,
    /// On how many keys: few, so that the clients meet.
    pub keys: usize,
}

/// Clients at work.
#[derive(Debug)]
pub struct Load {
    done: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts clients, each on a thread of its own.
    #[must_use]
    pub fn start(cluster: &TracedCluster, setting: LoadSetting) -> Self {
        let done = Arc::new(AtomicUsize::new(0));
        let client = |client: usize| {
            let (file, done) = (cluster.file.clone(), Arc::clone(&done));
            let trace = cluster.client_trace(client);
            let nodes = file.spec.nodes.len();
            let options = SessionOptions {
                fan_out: if client.is_multiple_of(2) {
                    FanOut::NodeDriven
                } else {
                    FanOut::ClientDriven
                },
                // Every fourth asks always the same node, whether that is a home or not.
                coordinator: client
                    .is_multiple_of(4)
                    .then_some(NodeId((client / 4 % nodes) as u16)),
                timeout: None,
            };
            thread::spawn(move || {
                let trace = ClientTrace::open(&trace).expect("a trace can be opened");
                let session = Session::new(file, options).expect("there is a socket");
                let session = session.traced(trace).expect("a trace can be written");
                work(session, client, setting, &done);
            })
        };
        let threads = (0..setting.clients).map(client).collect();
        Load { done, threads }
    }

    /// How many operations have ended.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    /// Waits for all clients.
    ///
    /// # Panics
    /// If one of them has.
    pub fn join(self) {
        for thread in self.threads {
            thread.join().expect("the client went through its operations");
        }
    }
}

/// Goes through the operations of one client: reads, writes with what was read, blind writes and
/// deletes, in an order that differs from client to client.
fn work(mut session: Session, client: usize, setting: LoadSetting, done: &AtomicUsize) {
    let mut contexts: BTreeMap<Key, VersionVector> = BTreeMap::new();
    for number in 0..setting.operations {
        let step = number * 7 + client * 3;
        let key = Key::from(&*format!("k{}", step % setting.keys));
        let context = contexts.get(&key).cloned().unwrap_or_default();
        let value = Some(Value::from(&*format!("c{client}.{number}")));
        // Some ask for more acknowledgements than the cluster does.
        let w = number.is_multiple_of(5).then_some(3);
        let put =
            |value, context| Operation::Put { key: key.clone(), value, context, w, sloppy: None };
        let operation = match step / setting.keys % 8 {
            0 | 2 | 4 | 6 => Operation::Get { key: key.clone(), r: None },
            7 if number % 3 == 0 => put(None, context),
            5 => put(value, VersionVector::new()),
            _ => put(value, context),
        };
        match session.perform(operation) {
            Ok(Outcome::GetOk { state, .. }) => {
                let context = state.map(|state| state.context()).unwrap_or_default();
                contexts.insert(key, context);
            }
            Ok(_) => {}
            // All homes of the key were down: nothing was asked.
            Err(ClientError::NobodyAnswers { .. }) => {}
            Err(error) => panic!("client {client}: {error}"),
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}
