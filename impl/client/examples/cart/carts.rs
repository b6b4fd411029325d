//! Shopping carts, each of which is one key. Whatever two of a customer's devices add at the same time stays.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use quorate_client::{Change, Client, Read, RequestError, Session};
use tokio::sync::Mutex;

/// How long a change goes on trying while nodes are down.
const WITHIN: Duration = Duration::from_secs(20);

/// What is in a cart: items, and how many of each.
///
/// Carts that were changed concurrently are merged by union, with the larger quantity of what is in both. So nothing that
/// was added is lost; what was removed in one of them comes back if another was changed without having seen that, as in
/// Dynamo (2007). A service that must not have this keeps a tombstone for each removal.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Cart(pub(crate) BTreeMap<String, u32>);

impl Cart {
    /// The merge of all that was read. What is no cart is left out: somebody else's bytes must not make all carts unreadable.
    pub(crate) fn of(read: &Read) -> Self {
        let carts = read.values().iter().filter_map(|value| Cart::parse(value));
        carts.fold(Cart::default(), Cart::merged)
    }

    fn parse(value: &[u8]) -> Option<Self> {
        serde_json::from_slice(value).ok().map(Cart)
    }

    fn merged(mut self, other: Cart) -> Self {
        for (item, quantity) in other.0 {
            let here = self.0.entry(item).or_default();
            *here = quantity.max(*here);
        }
        self
    }

    fn written(&self) -> Change {
        Change::Write(serde_json::to_vec(&self.0).expect("a cart can always be encoded"))
    }
}

/// The carts of all customers of one process. A customer has a session, so whoever has seen an item in their cart, or has put
/// one there, sees it the next time too, whichever nodes are up by then.
pub(crate) struct Carts {
    client: Client,
    // A service would forget the sessions of customers who have gone.
    sessions: Mutex<HashMap<String, Arc<Mutex<Session>>>>,
}

impl Carts {
    pub(crate) fn new(client: Client) -> Self {
        Carts { client, sessions: Mutex::default() }
    }

    async fn session(&self, customer: &str) -> Arc<Mutex<Session>> {
        let mut sessions = self.sessions.lock().await;
        let new = || Arc::new(Mutex::new(self.client.session()));
        Arc::clone(sessions.entry(customer.to_string()).or_insert_with(new))
    }

    /// What is in a cart.
    pub(crate) async fn show(&self, customer: &str) -> Result<Cart, RequestError> {
        let session = self.session(customer).await;
        let read = session.lock().await.get(key(customer)).await?;
        Ok(Cart::of(&read))
    }

    /// Puts so many of an item into a cart, in the place of how many were there.
    pub(crate) async fn add(
        &self,
        customer: &str,
        item: &str,
        quantity: u32,
    ) -> Result<(), RequestError> {
        self.change(customer, |cart| {
            cart.0.insert(item.to_string(), quantity);
        })
        .await
    }

    /// Takes an item out of a cart.
    pub(crate) async fn remove(&self, customer: &str, item: &str) -> Result<(), RequestError> {
        self.change(customer, |cart| {
            cart.0.remove(item);
        })
        .await
    }

    /// Both changes come to the same if they are made twice, so they may be tried again whatever became of the first try.
    async fn change(&self, customer: &str, change: impl Fn(&mut Cart)) -> Result<(), RequestError> {
        let session = self.session(customer).await;
        let mut session = session.lock().await;
        let changed = |read: &Read| {
            let mut cart = Cart::of(read);
            change(&mut cart);
            cart.written()
        };
        session.update_idempotent(key(customer), WITHIN, changed).await?;
        Ok(())
    }
}

fn key(customer: &str) -> String {
    format!("cart/{customer}")
}
