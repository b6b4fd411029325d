//! A session: requests one after the other, none of which sees less than those before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate::leaderless::ContextToken;
use quorate_protocol::ids::{Key, NodeSet, Value};
use quorate_protocol::protocol::{Operation, Outcome, Session as Memory, Standing};
use quorate_protocol::versions::{Record, VersionVector};
use tracing::debug;

use crate::{Change, Client, Read, RequestError, Written};

/// How long to wait before asking again where the homes that could tell more do not answer.
const PAUSE: Duration = Duration::from_millis(50);

/// One user of a cluster, with a memory of what it has read and written: see the [crate](crate#sessions) for what that gives.
///
/// It asks for one thing at a time. Sessions are cheap, and share the socket of their [`Client`].
#[derive(Debug)]
pub struct Session {
    client: Client,
    memory: Memory,
    /// Of the same keys as the memory's contexts.
    found: BTreeMap<Key, Found>,
    r: Option<usize>,
    w: Option<usize>,
    sloppy: Option<bool>,
}

/// What its last read of a key found.
#[derive(Debug)]
struct Found {
    /// The context, with what shows nodes that one of them gave it.
    token: ContextToken,
    is_empty: bool,
}

impl Session {
    pub(crate) fn new(client: Client) -> Self {
        let (memory, found) = Default::default();
        Session { client, memory, found, r: None, w: None, sloppy: None }
    }

    /// The same, whose reads gather so many replies, in the place of the cluster's R. The session's own guarantees hold for any.
    #[must_use]
    pub fn reading(self, r: usize) -> Self {
        Session { r: Some(r), ..self }
    }

    /// The same, whose writes gather so many acknowledgements, in the place of the cluster's W.
    #[must_use]
    pub fn writing(self, w: usize) -> Self {
        Session { w: Some(w), ..self }
    }

    /// The same, whose writes let other nodes stand in for homes that do not answer, or do not, whatever the cluster says.
    #[must_use]
    pub fn sloppy(self, sloppy: bool) -> Self {
        Session { sloppy: Some(sloppy), ..self }
    }

    /// Reads a key. The answer lacks nothing that this session has read or written of it.
    ///
    /// Where the first answer may lack something, more homes are asked: one more each time, up to all of them, until the
    /// time is up.
    ///
    /// *Dropped* before it ends, it changes nothing.
    ///
    /// # Errors
    /// [`RequestError::Behind`] where only answers came that may lack something; else why there was none.
    pub async fn get(&mut self, key: impl AsRef<[u8]>) -> Result<Read, RequestError> {
        self.get_of(&key_of(key)).await
    }

    async fn get_of(&mut self, key: &Key) -> Result<Read, RequestError> {
        let deadline = Instant::now() + self.client.timeout();
        let quorum = self.client.cluster().cluster.quorum();
        let least = self.r.unwrap_or(quorum.r());
        let mut r = least;
        let mut behind = None;
        loop {
            let get = Operation::Get { key: key.clone(), r: Some(r) };
            match self.client.ask(get, deadline).await {
                Ok(Outcome::GetOk { state, replied }) => {
                    let read = self.read(state.as_deref(), replied);
                    match self.take(key, state.as_deref(), replied) {
                        Standing::Current => return Ok(read),
                        Standing::Behind => {
                            debug!(%key, r, replied = ?read.replied, "an answer may be too old");
                            behind = Some(read);
                            r = (r + 1).min(quorum.n());
                        }
                    }
                }
                Ok(_) => unreachable!("a read is not answered as a write"),
                Err(error) => {
                    let Some(read) = &behind else { return Err(error) };
                    if !error.may_pass() {
                        return Err(error);
                    }
                    if Instant::now() + PAUSE >= deadline {
                        return Err(RequestError::Behind(Box::new(read.clone())));
                    }
                    // Somebody whom it takes may be down: fewer, but others, may do as well.
                    r = least;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn take(&mut self, key: &Key, state: Option<&Record>, replied: NodeSet) -> Standing {
        let cluster = self.client.cluster();
        let standing = self.memory.take(&cluster.cluster, key, state, replied);
        if standing == Standing::Current {
            match state {
                Some(state) => {
                    let token = ContextToken::of(state.context(), &cluster.given);
                    let is_empty = state.live().next().is_none();
                    self.found.insert(key.clone(), Found { token, is_empty });
                }
                None => drop(self.found.remove(key)),
            }
        }
        standing
    }

    fn read(&self, state: Option<&Record>, replied: NodeSet) -> Read {
        let values = state.into_iter().flat_map(|state| state.live());
        Read {
            values: values.map(|(_, value)| Arc::clone(&value.0)).collect(),
            was_written: state.is_some(),
            replied: self.client.names(replied),
        }
    }

    /// Writes a value. It takes the place of what this session has read of the key; what it has not read stays, as a
    /// sibling, and so do its own writes since. [`Session::update`] reads first.
    ///
    /// Asked again without an answer, the write stays the same one: it is never made twice, unless its node loses its disk
    /// in between.
    ///
    /// *Dropped* before it ends, the write is indeterminate, if it had begun, and the session's reads do not wait for it.
    ///
    /// # Errors
    /// Why it came to nothing, or that nobody knows: [`RequestError::is_indeterminate`].
    pub async fn put(
        &mut self,
        key: impl AsRef<[u8]>,
        value: impl Into<Vec<u8>>,
    ) -> Result<Written, RequestError> {
        self.write(&key_of(key), Some(value.into())).await
    }

    /// Deletes what this session has read of a key; what it reads now, if that was nothing, or it has written since. `None` where
    /// there is nothing.
    ///
    /// What was written concurrently stays. *Dropped*: as [`Session::put`].
    ///
    /// # Errors
    /// As [`Session::get`] and [`Session::put`].
    pub async fn delete(&mut self, key: impl AsRef<[u8]>) -> Result<Option<Written>, RequestError> {
        let key = key_of(key);
        let has_something = self.found.get(&key).is_some_and(|found| !found.is_empty);
        if !has_something || self.memory.has_unread_writes(&key) {
            let read = self.get_of(&key).await?;
            if read.is_empty() {
                return Ok(None);
            }
        }
        self.write(&key, None).await.map(Some)
    }

    /// Reads a key and puts what `change` makes of it, siblings and all, in the place of what was read. `None` where it says
    /// [`Change::Keep`], or deletes what is not there.
    ///
    /// Nothing is locked: who writes in between makes a sibling, which the next update sees.
    ///
    /// *Dropped*: as [`Session::put`].
    ///
    /// # Errors
    /// As [`Session::get`] and [`Session::put`].
    pub async fn update(
        &mut self,
        key: impl AsRef<[u8]>,
        change: impl FnOnce(&Read) -> Change,
    ) -> Result<Option<Written>, RequestError> {
        let key = key_of(key);
        let read = self.get_of(&key).await?;
        match change(&read) {
            Change::Keep => Ok(None),
            Change::Delete if read.is_empty() => Ok(None),
            Change::Delete => self.write(&key, None).await.map(Some),
            Change::Write(value) => self.write(&key, Some(value)).await.map(Some),
        }
    }

    /// The same, again and again `within` a time while it ends in what may pass, and where nobody knows whether the write happened.
    ///
    /// So `change` may be applied to its own result, and a change that was given up may still come to be read, beside later
    /// ones. It must make no difference how often it is applied: adding an element to a set may, counting up may not.
    ///
    /// # Errors
    /// The last one, when the time is up; at once what does not pass.
    pub async fn update_idempotent(
        &mut self,
        key: impl AsRef<[u8]>,
        within: Duration,
        mut change: impl FnMut(&Read) -> Change,
    ) -> Result<Option<Written>, RequestError> {
        let (key, deadline) = (key.as_ref(), Instant::now() + within);
        loop {
            let error = match self.update(key, &mut change).await {
                Ok(written) => return Ok(written),
                Err(error) => error,
            };
            if !error.may_pass() || Instant::now() + PAUSE >= deadline {
                return Err(error);
            }
            debug!(%error, "an update begins anew");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads a key and gives its one value. Where there are several, `merge` makes one of them, which is written in their
    /// place. `None` where there is none.
    ///
    /// # Errors
    /// As [`Session::update`].
    pub async fn resolve(
        &mut self,
        key: impl AsRef<[u8]>,
        merge: impl FnOnce(&[Arc<[u8]>]) -> Vec<u8>,
    ) -> Result<Option<Vec<u8>>, RequestError> {
        let key = key_of(key);
        let read = self.get_of(&key).await?;
        let value = read.resolved(merge);
        if let (true, Some(value)) = (read.has_siblings(), &value) {
            self.write(&key, Some(value.clone())).await?;
        }
        Ok(value)
    }

    /// Forgets what it knows of a key: its reads owe nothing any more, and its next write replaces nothing. A session remembers
    /// every key that it was asked about, some hundred bytes each, until then.
    pub fn forget(&mut self, key: impl AsRef<[u8]>) {
        let key = key_of(key);
        self.memory.forget(&key);
        self.found.remove(&key);
    }

    async fn write(&mut self, key: &Key, value: Option<Vec<u8>>) -> Result<Written, RequestError> {
        let deadline = Instant::now() + self.client.timeout();
        let put = Operation::Put {
            key: key.clone(),
            value: value.map(|value| Value(value.into())),
            context: self.context(key),
            w: self.w,
            sloppy: self.sloppy,
        };
        match self.client.ask(put, deadline).await? {
            Outcome::PutOk { acked } => {
                let is_followed = self.memory.wrote(&self.client.cluster().cluster, key, acked);
                Ok(Written { acknowledged_by: self.client.names(acked), is_followed })
            }
            _ => unreachable!("a write is not answered as a read"),
        }
    }

    /// What it has read of a key; nodes are shown that they gave it.
    fn context(&self, key: &Key) -> VersionVector {
        match self.found.get(key) {
            Some(found) => found.token.clone().hand_back(&self.client.cluster().given),
            None => self.memory.context(key),
        }
    }
}

fn key_of(key: impl AsRef<[u8]>) -> Key {
    Key(key.as_ref().into())
}
