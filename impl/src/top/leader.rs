//! A cluster with a leader, as it is watched: who leads, and how far the others are behind.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::Constraint;
use ratatui::style::Stylize as _;
use ratatui::widgets::{Cell, Row as TableRow, Table};

use quorate_model::ids::NodeId;

use super::LOOKS_MAX;
use super::draw::{Curve, draw_screen};
use crate::config::ClusterFile;
use crate::leader_based::{LeaderStatus, RoleName};

/// A cluster with a leader that is watched.
#[derive(Debug)]
pub struct WatchedLeader {
    cluster: ClusterFile,
    last: Option<(Instant, u32)>,
    view: LeaderView,
}

/// What is shown.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LeaderView {
    /// What is watched.
    pub title: String,
    /// A row for each node.
    pub rows: Vec<LeaderRow>,
    /// The leader of the latest epoch, by name, if one answers.
    pub leader: Option<String>,
    /// Entries that it committed, a second.
    pub commits: u64,
    /// By how much its last follower is behind, in milliseconds.
    pub lag_ms: u64,
    /// [`LeaderView::lag_ms`] at the last looks, the latest last.
    pub history: VecDeque<u64>,
}

/// A node.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LeaderRow {
    /// Its name.
    pub name: String,
    /// What it says of itself; `None` if it does not answer.
    pub says: Option<Says>,
    /// By how many entries and milliseconds it is behind, as the leader knows it, and whether it is the synchronous
    /// follower.
    pub lag: Option<(u32, u64, bool)>,
}

/// What a node says of itself.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Says {
    /// What it is.
    pub role: String,
    /// Its epoch.
    pub epoch: u32,
    /// The last entry of its log.
    pub last: u32,
    /// Up to where it is committed and applied.
    pub committed: u32,
    /// Rows that it holds.
    pub rows: u64,
    /// Requests that wait at it.
    pub waiting: u64,
}

impl WatchedLeader {
    /// Nothing has been seen yet.
    #[must_use]
    pub fn new(cluster: ClusterFile) -> Self {
        let (path, nodes) = (cluster.path.display(), cluster.nodes.len());
        let kind = cluster.leader.as_ref().map_or_else(String::new, |leader| {
            format!(", {:?}, {:?}", leader.cluster.replication, leader.cluster.election)
        });
        let title = format!("{path}: {nodes} nodes with a leader{kind}").to_lowercase();
        let view = LeaderView { title, ..LeaderView::default() };
        WatchedLeader { cluster, last: None, view }
    }

    /// What is to be shown.
    #[must_use]
    pub fn view(&self) -> &LeaderView {
        &self.view
    }

    /// Takes in what the nodes that answered said at this time.
    pub fn look(&mut self, at: Instant, statuses: &BTreeMap<NodeId, LeaderStatus>) {
        let leads = statuses.iter().filter(|(_, status)| status.role == RoleName::Leader);
        let leader = leads.max_by_key(|(_, status)| status.epoch);
        let name = |node: NodeId| self.cluster.cluster.name(node).to_string();
        let row = |node: &NodeId| {
            let followers = leader.iter().flat_map(|(_, status)| &status.followers);
            let follower = followers.into_iter().find(|follower| follower.node == *node);
            let lag = follower.map(|it| (it.lag_entries, it.lag_ms, it.is_synchronous));
            LeaderRow { name: name(*node), says: statuses.get(node).map(says), lag }
        };
        let members = self.cluster.cluster.members();
        self.view.rows = members.iter().map(row).collect();
        self.view.leader = leader.map(|(node, _)| name(*node));
        let committed = leader.map(|(_, status)| status.committed.0);
        self.view.commits = match (self.last, committed) {
            (Some((then, before)), Some(now)) => {
                let seconds = at.saturating_duration_since(then).as_secs_f64().max(0.001);
                (f64::from(now.saturating_sub(before)) / seconds).round() as u64
            }
            _ => 0,
        };
        self.last = committed.map(|committed| (at, committed));
        let lags = leader.iter().flat_map(|(_, status)| &status.followers);
        self.view.lag_ms = lags.map(|follower| follower.lag_ms).max().unwrap_or_default();
        self.view.history.push_back(self.view.lag_ms);
        if self.view.history.len() > LOOKS_MAX {
            self.view.history.pop_front();
        }
    }
}

fn says(status: &LeaderStatus) -> Says {
    Says {
        role: if status.is_caught_up { status.role.name() } else { "catching up" }.to_string(),
        epoch: status.epoch.number,
        last: status.last.index.0,
        committed: status.committed.0,
        rows: status.rows,
        waiting: status.waiting,
    }
}

/// Draws what is shown.
pub fn draw_leader(view: &LeaderView, frame: &mut Frame<'_>) {
    let title = match &view.leader {
        Some(leader) => format!(
            " {leader} commits {} entries/s; its last follower is {} ms behind ",
            view.commits, view.lag_ms
        ),
        None => " nobody leads ".to_string(),
    };
    let is_fine = view.leader.is_some() && view.lag_ms == 0;
    let curve = Curve { title, history: &view.history, is_fine };
    draw_screen(&view.title, view.rows.len(), nodes(view), &curve, frame);
}

fn nodes(view: &LeaderView) -> Table<'_> {
    let header = ["node", "", "epoch", "log", "committed", "rows", "waiting", "lag"];
    let widths = [8, 11, 6, 10, 10, 10, 8].map(Constraint::Length);
    let widths = widths.into_iter().chain([Constraint::Min(20)]);
    let rows = view.rows.iter().map(row);
    Table::new(rows, widths).header(TableRow::new(header).dim()).column_spacing(1)
}

fn row(row: &LeaderRow) -> TableRow<'_> {
    let lag = match row.lag {
        None => "-".to_string(),
        Some((entries, ms, is_synchronous)) => {
            let lag = format!("{entries} entries, {ms} ms");
            if is_synchronous { format!("{lag}, synchronous") } else { lag }
        }
    };
    let Some(says) = &row.says else {
        let cells = [row.name.as_str(), "down", "", "", "", "", "", &lag];
        return TableRow::new(cells.map(|cell| Cell::from(cell.to_string()))).red();
    };
    TableRow::new([
        row.name.clone(),
        says.role.clone(),
        says.epoch.to_string(),
        says.last.to_string(),
        says.committed.to_string(),
        says.rows.to_string(),
        says.waiting.to_string(),
        lag,
    ])
}
