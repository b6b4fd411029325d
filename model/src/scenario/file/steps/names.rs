//! Whom and what a step names: each must be one that there is.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use toml::Spanned;

use super::quoted;
use crate::ids::{ClientId, Key, Peer, Value};
use crate::scenario::ClientProgram;
use crate::scenario::file::{Reader, ScenarioError};

/// What steps refer to: the clients and what they ask for.
pub(super) struct Cast<'a> {
    pub(super) clients: &'a [ClientProgram],
    pub(super) keys: BTreeSet<Key>,
    pub(super) values: BTreeSet<Value>,
}

impl Reader<'_> {
    pub(super) fn client(
        &self,
        name: &Spanned<String>,
        field: &str,
        cast: &Cast<'_>,
    ) -> Result<ClientId, ScenarioError> {
        let known = cast.clients.iter().find(|client| client.name == *name.get_ref());
        known.map(|client| client.id).ok_or_else(|| {
            let clients = cast.clients.iter().map(|client| &*client.name).collect::<Vec<_>>();
            let problem = format!(
                "{field}: unknown client `{}`; the clients of the steps are {}",
                name.get_ref(),
                clients.join(", ")
            );
            self.error(name.span(), problem)
        })
    }

    pub(super) fn peer(
        &self,
        name: &Spanned<String>,
        field: &str,
        cast: &Cast<'_>,
    ) -> Result<Peer, ScenarioError> {
        match cast.clients.iter().find(|client| client.name == *name.get_ref()) {
            Some(client) => Ok(client.id.into()),
            None => self.node(name, field).map(Peer::from),
        }
    }

    /// Values that some step writes: another one could never be found, so it is a slip.
    pub(super) fn values(
        &self,
        values: &[Spanned<String>],
        field: &str,
        cast: &Cast<'_>,
    ) -> Result<BTreeSet<Value>, ScenarioError> {
        let value = |text: &Spanned<String>| {
            let value = Value::from(&**text.get_ref());
            if cast.values.contains(&value) {
                return Ok(value);
            }
            let problem = format!(
                "{field}: no step writes `{value}`; written are {}",
                quoted(cast.values.iter())
            );
            Err(self.error(text.span(), problem))
        };
        values.iter().map(value).collect()
    }

    /// A key that some step asks about.
    pub(super) fn key(
        &self,
        key: &Spanned<String>,
        field: &str,
        cast: &Cast<'_>,
    ) -> Result<Key, ScenarioError> {
        let known = Key::from(&**key.get_ref());
        if cast.keys.contains(&known) {
            return Ok(known);
        }
        let keys = quoted(cast.keys.iter());
        let problem = format!("{field}: no step asks about `{known}`; the keys are {keys}");
        Err(self.error(key.span(), problem))
    }
}
