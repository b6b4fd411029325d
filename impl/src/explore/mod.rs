//! Stateright's Explorer over a scenario: a page in the browser on which every run can be walked
//! step by step.
//!
//! Explorer 0.31 has two habits to know of. It reads its page from `./ui/` of the working directory
//! before it takes the page it brings along: so it runs in a directory of its own, where it finds
//! `page`, which says what is explored, and never one that happens to be where it was
//! started. And it panics when its address is taken: the address is tried first.

mod exploration;
mod page;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use exploration::{Exploration, ExploredCase};

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
    /// There is no directory to serve from.
    #[error("cannot serve from a temporary directory: {0}")]
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
    /// The part of the page's address that shows what is to be shown first.
    opens_at: Option<String>,
    /// Where the page is. Removed with this.
    _directory: TempDir,
}

impl Explorer {
    /// Serves on this address; with port 0, on a free one. The process changes to a directory of its
    /// own: resolve relative paths before.
    ///
    /// # Errors
    /// When the address cannot be listened on, or there is no place for the directory.
    pub fn start(exploration: Exploration, address: SocketAddr) -> Result<Self, ExploreError> {
        let listen = |source| ExploreError::Listen { address, source };
        let tried = TcpListener::bind(address).map_err(listen)?;
        let address = tried.local_addr().map_err(listen)?;
        // Explorer wants to listen itself.
        drop(tried);
        let directory = tempfile::tempdir().map_err(ExploreError::Directory)?;
        serve_page(directory.path(), exploration.page()).map_err(ExploreError::Directory)?;
        let (alive, ended) = channel();
        let opens_at = exploration.opens_at().map(str::to_owned);
        thread::spawn(move || serve(exploration, address, alive));
        let explorer = Explorer { address, ended, opens_at, _directory: directory };
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

    /// The address at which the page shows the run that it begins with, if there is one.
    #[must_use]
    pub fn run_url(&self) -> Option<String> {
        self.opens_at.as_ref().map(|at| format!("{}{at}", self.url()))
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

/// Makes this the directory from which Explorer takes its page.
fn serve_page(directory: &Path, page: &str) -> io::Result<()> {
    let directory_of_page = directory.join("ui");
    std::fs::create_dir(&directory_of_page)?;
    std::fs::write(directory_of_page.join("index.htm"), page)?;
    std::env::set_current_dir(directory)
}

/// Serves until it panics; `_alive` is dropped then, which is how [`Explorer`] learns of it.
fn serve(exploration: Exploration, address: SocketAddr, _alive: Sender<()>) {
    exploration.serve(address);
}
