use std::path::Path;

use quorate_leader::names::{Epoch, Index, Position};
use quorate_model::hash_tree::SetHash;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::config::{Template, TemplateLeader, TemplateNode};
use crate::leader_based::{Follower, LeaderStatus, RoleName};
use crate::leaderless::{HintsFor, LATENCY_BUCKETS, RangeStatus};
use crate::wire::Traffic;

fn watched() -> Watched {
    let node = |port: u16| TemplateNode::new(format!("n{port}"), ([127, 0, 0, 1], port));
    let nodes = [1, 2, 3].map(node).to_vec();
    let template = Template { sloppy: true, unauthenticated: true, ..Template::new(nodes) };
    let path = Path::new("quorate-data/cluster.toml");
    Watched::new(ClusterFile::parse(path, &template.render()).unwrap())
}

fn status(digest: u64, up_ms: u64, gets: u64) -> NodeStatus {
    let homes = (0..3).map(NodeId).collect();
    let mut status = NodeStatus { up_ms, keys: 7, ..NodeStatus::default() };
    status.ranges = Some(vec![RangeStatus { homes, digest: SetHash(digest) }]);
    status.requests.gets.ok = gets;
    status.requests.gets.took = vec![0; LATENCY_BUCKETS];
    status.requests.gets.took[Tally::bucket(Duration::from_millis(2))] = gets;
    status
}

fn statuses(of: [Option<NodeStatus>; 3]) -> BTreeMap<NodeId, NodeStatus> {
    (0..).map(NodeId).zip(of).filter_map(|(node, status)| Some((node, status?))).collect()
}

fn drawn(view: &View) -> String {
    let mut terminal = Terminal::new(TestBackend::new(110, 12)).unwrap();
    terminal.draw(|frame| draw(view, frame)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn rates_and_latencies_are_those_between_two_looks() {
    let (mut watched, start) = (watched(), Instant::now());
    let at = |ms| start + Duration::from_millis(ms);
    watched.look(at(0), statuses([1, 1, 1].map(|digest| Some(status(digest, 5_000, 100)))));
    let reads = |watched: &Watched| {
        let does = watched.view().rows.iter().filter_map(|row| row.does.as_ref());
        does.map(|does| (does.reads, does.p50.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(reads(&watched), [(0, false); 3], "nothing is known of one look");
    let now = statuses([Some(status(1, 7_000, 300)), Some(status(1, 500, 40)), None]);
    watched.look(at(2_000), now);
    assert_eq!(reads(&watched), [(100, true), (0, false)], "the second has started again");
}

#[test]
fn divergence_falls_to_zero_when_homes_agree_again() {
    let (mut watched, now) = (watched(), Instant::now());
    for (digests, differing) in [([1, 1, 1], 0), ([1, 2, 3], 3), ([1, 2, 2], 2), ([2, 2, 2], 0)] {
        watched.look(now, statuses(digests.map(|digest| Some(status(digest, 1, 0)))));
        assert_eq!(watched.view().differing, differing);
        assert_eq!((watched.view().compared, watched.view().pairs), (3, 3));
    }
    assert_eq!(watched.view().history, [0, 3, 2, 0]);
}

#[test]
fn the_screen_shows_nodes_rates_hints_and_how_far_homes_differ() {
    let (mut watched, start) = (watched(), Instant::now());
    watched.look(start, statuses([1, 1, 1].map(|digest| Some(status(digest, 5_000, 0)))));
    let mut first = status(2, 6_000, 250);
    first.hints = vec![HintsFor { home: NodeId(2), count: 12, pending_ms: 900 }];
    first.requests.puts.unavailable = 3;
    let second = NodeStatus { is_catching_up: true, ..status(1, 6_000, 0) };
    watched.look(start + Duration::from_secs(1), statuses([Some(first), Some(second), None]));
    insta::assert_snapshot!(drawn(watched.view()));
}

fn leader_status(role: RoleName, epoch: u32, last: u32, followers: Vec<Follower>) -> LeaderStatus {
    let position = Position { epoch: Epoch::of(epoch), index: Index(last) };
    LeaderStatus {
        role,
        leader: None,
        epoch: Epoch::of(epoch),
        last: position,
        committed: Index(last),
        base: Position::default(),
        rows: 3,
        is_caught_up: true,
        followers,
        waiting: 0,
        step: 1,
        up_ms: 1,
        traffic: Traffic::default(),
    }
}

#[test]
fn the_screen_shows_who_leads_and_how_far_the_others_are_behind() {
    let node = |port: u16| TemplateNode::new(format!("n{port}"), ([127, 0, 0, 1], port));
    let leader = Some(TemplateLeader::default());
    let nodes = [1, 2, 3].map(node).to_vec();
    let template = Template { leader, unauthenticated: true, ..Template::new(nodes) };
    let path = Path::new("quorate-data/cluster.toml");
    let file = ClusterFile::parse(path, &template.render()).unwrap();
    let (mut watched, start) = (WatchedLeader::new(file), Instant::now());
    let follower = |node, matched, lag_ms| Follower {
        node: NodeId(node),
        matched: Index(matched),
        lag_entries: 40 - matched,
        lag_ms,
        is_synchronous: node == 2,
    };
    let at = |last| {
        let followers = vec![follower(0, 31, 250), follower(2, 40, 0)];
        let led = leader_status(RoleName::Leader, 3, last, followers);
        // One that was deposed and does not know.
        let deposed = leader_status(RoleName::Leader, 2, 31, Vec::new());
        [(NodeId(0), deposed), (NodeId(1), led)].into()
    };
    watched.look(start, &at(20));
    watched.look(start + Duration::from_secs(2), &at(40));
    let view = watched.view();
    assert_eq!((view.leader.as_deref(), view.commits, view.lag_ms), (Some("n2"), 10, 250));
    let mut terminal = Terminal::new(TestBackend::new(110, 12)).unwrap();
    terminal.draw(|frame| draw_leader(view, frame)).unwrap();
    let drawn = terminal.backend().to_string();
    for shown in
        ["9 entries, 250 ms", "0 entries, 0 ms, synchronous", "n3       down ", "n2 commits 10"]
    {
        assert!(drawn.contains(shown), "{shown}: {drawn}");
    }
}
