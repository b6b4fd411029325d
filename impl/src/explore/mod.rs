//! Stateright's Explorer over a scenario: a page in the browser on which every run can be walked
//! step by step.
//!
//! Explorer 0.31 has two habits that are contained here. It reads its page from `./ui/` of the
//! working directory before it takes the page it brings along, so whoever starts it where there
//! happens to be such a directory sees that: it runs in an empty directory of its own. And it
//! panics when its address is taken: the address is tried first.

mod model;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use quorate_model::check::ClusterModel;
use quorate_model::scenario::Scenario;
use stateright::Model;
use tempfile::TempDir;

pub use model::{ExploredAction, ExploredCluster, ExploredState};

/// How long Explorer may take to accept its first connection. It has nothing to do before.
const START_TIME_MAX: Duration = Duration::from_secs(10);
/// How often it is tried within that time.
const START_TICK: Duration = Duration::from_millis(5);

/// Why a scenario cannot be explored. Nothing is being served.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// The address is taken, or is none of this machine's.
    #[error(
        "cannot listen on {address}: {source}; choose another address with --listen, port 0 for \
         any free port"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// There is no empty directory to serve from.
    #[error("cannot change to an empty temporary directory: {0}")]
    Directory(io::Error),
    /// Explorer does not answer. Its own message, if it had one, is on standard error.
    #[error("Explorer does not answer on {address}; was the address taken just now?")]
    Silent {
        /// The address.
        address: SocketAddr,
    },
}

/// Explorer at work on threads of its own.
#[derive(Debug)]
pub struct Explorer {
    address: SocketAddr,
    ended: Receiver<()>,
    /// Removed with this.
    _empty: TempDir,
}

impl Explorer {
    /// Serves a scenario on this address; with port 0, on a free one. The process changes to an
    /// empty directory of its own: resolve relative paths before.
    ///
    /// # Errors
    /// When the address cannot be listened on, or there is no place for the empty directory.
    pub fn start(scenario: Arc<Scenario>, address: SocketAddr) -> Result<Self, ExploreError> {
        let listen = |source| ExploreError::Listen { address, source };
        let tried = TcpListener::bind(address).map_err(listen)?;
        let address = tried.local_addr().map_err(listen)?;
        // Explorer wants to listen itself.
        drop(tried);
        let empty = tempfile::tempdir().map_err(ExploreError::Directory)?;
        std::env::set_current_dir(empty.path()).map_err(ExploreError::Directory)?;
        let (alive, ended) = channel();
        let explored = ExploredCluster::new(ClusterModel::new(scenario));
        thread::spawn(move || serve(explored, address, alive));
        let explorer = Explorer { address, ended, _empty: empty };
        explorer.wait_until_it_answers()?;
        Ok(explorer)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of its page, for a browser on this machine.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.reachable())
    }

    /// Whether it has ended, which it does only when it has panicked.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// An address that listens on all interfaces is reached on this machine's own.
    fn reachable(&self) -> SocketAddr {
        let mut address = self.address;
        match address {
            SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
                address.set_ip(Ipv4Addr::LOCALHOST.into());
            }
            SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
                address.set_ip(Ipv6Addr::LOCALHOST.into());
            }
            _ => {}
        }
        address
    }

    fn wait_until_it_answers(&self) -> Result<(), ExploreError> {
        let until = Instant::now() + START_TIME_MAX;
        while Instant::now() < until && !self.has_ended() {
            if TcpStream::connect_timeout(&self.reachable(), START_TIME_MAX).is_ok() {
                return Ok(());
            }
            thread::sleep(START_TICK);
        }
        Err(ExploreError::Silent { address: self.address })
    }
}

/// Serves until it panics; `_alive` is dropped then, which is how [`Explorer`] learns of it.
fn serve(explored: ExploredCluster, address: SocketAddr, _alive: Sender<()>) {
    let _ = explored.checker().serve(address);
}
