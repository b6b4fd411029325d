//! Recorded runs of the model are accepted by the replay, and altered ones are not.

mod recording;

use proptest::prelude::*;
use quorate_model::cluster::ClusterSpec;
use quorate_model::deviation::Deviation;
use quorate_model::ids::{NodeId, Peer};
use quorate_model::protocol::{Effect, FanOut, Input, Message, ReadRepair, Timer};
use quorate_model::refine::report::PropertyReport;
use quorate_model::refine::trace::TraceLine;
use quorate_model::refine::{FormatError, Reason, Refused, Report, parse, validate};
use serde_json::Value as Json;

use recording::{
    Plan, cluster, line, record, record_reaped_before_write, record_reaping, record_resolving,
};

type Files = Vec<(String, Vec<String>)>;

#[derive(Debug)]
enum Verdict {
    Accepted(Box<Report>),
    Refused(Box<Refused>),
    NoTrace(FormatError),
}

impl Verdict {
    fn report(self) -> Report {
        match self {
            Verdict::Accepted(report) => *report,
            Verdict::Refused(refused) => panic!("refused: {refused}"),
            Verdict::NoTrace(error) => panic!("no trace: {error}"),
        }
    }

    fn refused(self) -> Refused {
        match self {
            Verdict::Refused(refused) => *refused,
            other => panic!("not refused: {other:?}"),
        }
    }
}

fn judge(files: &Files) -> Verdict {
    let mut parsed = Vec::new();
    for (name, lines) in files {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        match parse(name, &text) {
            Ok(file) => parsed.push(file),
            Err(error) => return Verdict::NoTrace(error),
        }
    }
    match validate(parsed) {
        Ok(report) => Verdict::Accepted(Box::new(report)),
        Err(refused) => Verdict::Refused(refused),
    }
}

/// Occasions and breaks of a property.
fn counts(report: &Report, name: &str) -> (u64, u64) {
    let property = report.properties.iter().find(|property| property.name == name).unwrap();
    (property.occasions, property.broken)
}

/// Changes the first line that `change` says it changed; gives the line's place.
fn alter(files: &mut Files, mut change: impl FnMut(&mut TraceLine) -> bool) -> String {
    for (name, lines) in files {
        for (position, text) in lines.iter_mut().enumerate() {
            let mut parsed = serde_json::from_str(text).unwrap();
            if change(&mut parsed) {
                *text = line(&parsed);
                return format!("{name}:{}", position + 1);
            }
        }
    }
    panic!("no line is of the wanted kind");
}

/// What no cluster promises: a retry or a duplicate may be minted anew, what failed may be seen, and a
/// client may write again without reading.
const NEVER_PROMISED: [&str; 3] = ["minted-once", "failed-write-invisible", "monotonic-writes"];

#[test]
fn recorded_runs_are_accepted_and_everything_promised_is_put_to_the_test() {
    for (seed, fan_out) in
        (0..10).flat_map(|seed| [(seed, FanOut::NodeDriven), (seed, FanOut::ClientDriven)])
    {
        let cluster = cluster(3, 2, 2, ReadRepair::Blocking);
        let cluster = ClusterSpec { client_fan_out: fan_out == FanOut::ClientDriven, ..cluster };
        let report = judge(&record(&Plan { cluster, fan_out, ..Plan::new(seed) })).report();
        assert_eq!(report.keys_judged, 2);
        assert_eq!(report.messages.trusted + report.messages.unobserved, 0);
        assert_eq!(report.clients.reads + report.clients.writes, 36);
        for property in &report.properties {
            let promised = if NEVER_PROMISED.contains(&property.name) { 0 } else { 2 };
            assert_eq!(property.keys_promised, promised, "{}", property.name);
            assert!(promised == 0 || property.broken == 0, "{}", property.name);
        }
    }
}

#[test]
fn over_some_runs_every_property_has_occasions_and_every_fault_happens() {
    let mut occasions = std::collections::BTreeMap::<_, u64>::new();
    let (mut lost, mut duplicated, mut reordered) = (0, 0, 0);
    let plain = (0..5).map(|seed| record(&Plan::new(seed)));
    let sloppy = (0..5).map(|seed| record(&sloppy(seed)));
    let restarting = |seed| Plan { lost: 0, crashed: 1, ..Plan::new(seed) };
    let restarting = (0..5).map(|seed| record(&restarting(seed)));
    let resolving = record_resolving(cluster(3, 2, 2, ReadRepair::Off));
    for files in plain.chain(sloppy).chain(restarting).chain([resolving]) {
        let report = judge(&files).report();
        for property in &report.properties {
            *occasions.entry(property.name).or_default() += property.occasions;
        }
        lost += report.messages.lost;
        duplicated += report.messages.duplicated;
        reordered += report.messages.reordered;
    }
    assert!(lost > 0 && duplicated > 0 && reordered > 0);
    assert!(occasions.values().all(|count| *count > 0), "{occasions:?}");
}

#[test]
fn crashes_that_cut_off_steps_are_accepted_and_told() {
    let mut cut_off = 0;
    for seed in 0..20 {
        let report = judge(&record(&Plan { crashed: 2, expired: 3, ..Plan::new(seed) })).report();
        assert!(report.nodes.iter().any(|node| node.restarts > 0));
        cut_off += report.nodes.iter().map(|node| node.cut_off).sum::<u64>();
    }
    assert!(cut_off > 0);
}

fn named<'a>(report: &'a Report, name: &str) -> &'a PropertyReport {
    report.properties.iter().find(|property| property.name == name).unwrap()
}

/// Of clusters in which disks are lost.
fn losing_disks(nodes: u64, seed: u64) -> Plan {
    let cluster = cluster(3, 2, 2, ReadRepair::Blocking);
    Plan { cluster, lost: 0, expired: 3, wiped: (4 * nodes, nodes), ..Plan::new(seed) }
}

#[test]
fn a_lost_disk_that_the_node_tells_of_is_a_fault_of_the_run() {
    let (mut once, mut more_often) = (0, 0);
    for seed in 0..20 {
        let report = judge(&record(&losing_disks(1, seed))).report();
        let lost = report.lost_disks();
        assert_eq!(report.nodes[0].lost_disks, lost);
        let counted = report.actions.iter().find(|action| action.name == "lose disk").unwrap();
        assert_eq!(counted.count, lost);
        // Of two that acknowledged a write, one has kept its disk, and tells each start of the other.
        for name in ["no-lost-write", "read-freshness", "read-your-writes"] {
            let kept = named(&report, name);
            assert_eq!((kept.keys_promised, kept.broken), (2, 0), "{name}");
            assert!(kept.occasions_promised > 0, "{name}");
        }
        let promised = |name| named(&report, name).keys_promised;
        assert_eq!(promised("monotonic-reads"), if lost == 0 { 2 } else { 0 });
        assert_eq!(promised("hint-safety"), if lost == 0 { 2 } else { 0 });
        *if lost < 2 { &mut once } else { &mut more_often } += lost;
    }
    assert!(once > 0 && more_often > 0, "{once} {more_often}");
}

#[test]
fn a_home_that_lost_its_disk_has_heard_of_what_all_others_had_under_way() {
    let mut lost = 0;
    for seed in 0..20 {
        let cluster = cluster(3, 1, 3, ReadRepair::Off);
        let report = judge(&record(&Plan { cluster, ..losing_disks(1, seed) })).report();
        let fresh = named(&report, "read-freshness");
        assert_eq!((fresh.keys_promised, fresh.broken), (2, 0));
        assert!(fresh.occasions_promised > 0);
        lost += report.lost_disks();
    }
    assert!(lost > 0);
}

#[test]
fn as_many_lost_disks_as_acknowledge_a_write_may_lose_it() {
    let mut lost_writes = 0;
    for seed in 0..40 {
        let report = judge(&record(&losing_disks(3, seed))).report();
        let losers = report.nodes.iter().filter(|node| node.lost_disks > 0).count();
        let property = named(&report, "no-lost-write");
        assert_eq!(property.keys_promised, if losers < 2 { 2 } else { 0 });
        lost_writes += property.broken;
    }
    assert!(lost_writes > 0);
}

#[test]
fn a_lost_disk_that_the_node_does_not_tell_of_is_refused() {
    let mut refusals = 0;
    for seed in 0..20 {
        let files = record(&Plan { tells_loss: false, ..losing_disks(1, seed) });
        let lives = files[0].1.iter().filter(|line| line.starts_with(r#"{"node":"#)).count();
        match judge(&files) {
            // Nothing that anybody heard of was lost.
            Verdict::Accepted(_) => assert_eq!(lives, 1),
            Verdict::Refused(refused) => {
                assert!(matches!(refused.reason, Reason::CutOff { .. }), "{refused}");
                refusals += 1;
            }
            Verdict::NoTrace(error) => panic!("{error}"),
        }
    }
    assert!(refusals > 0);
}

#[test]
fn what_is_told_of_a_lost_disk_is_told_by_header_and_start_alike_and_under_a_new_name() {
    let files = record(&losing_disks(1, 0));
    judge(&files).report();
    let is_told = |line: &String| line.contains(r#""lost_disk":true"#);
    let at = files[0].1.iter().position(is_told).expect("a disk is lost in this run");
    let altered = |at: usize, change: &dyn Fn(&mut TraceLine)| {
        let mut files = files.clone();
        let mut parsed = serde_json::from_str(&files[0].1[at]).unwrap();
        change(&mut parsed);
        files[0].1[at] = line(&parsed);
        judge(&files).refused()
    };
    let refused = altered(at, &|line| match line {
        TraceLine::Node(header) => header.lost_disk = false,
        _ => panic!(),
    });
    assert!(matches!(refused.reason, Reason::LossDisputed { .. }), "{refused}");
    let refused = altered(at + 1, &|line| match line {
        TraceLine::Step(step) => match &mut step.input {
            Input::Start { founding, .. } => *founding = true,
            _ => panic!(),
        },
        _ => panic!(),
    });
    assert!(matches!(refused.reason, Reason::LossDisputed { .. }), "{refused}");
    assert!(refused.to_string().contains("the header says that the disk was lost"), "{refused}");
    let TraceLine::Step(first) = serde_json::from_str(&files[0].1[1]).unwrap() else { panic!() };
    let Input::Start { incarnation: used, .. } = first.input else { panic!() };
    let refused = altered(at + 1, &|line| match line {
        TraceLine::Step(step) => match &mut step.input {
            Input::Start { incarnation, .. } => *incarnation = used,
            _ => panic!(),
        },
        _ => panic!(),
    });
    assert!(matches!(refused.reason, Reason::NameReused { .. }), "{refused}");
    // A start after it that says nothing has forgotten the loss.
    let mut forgetful = files.clone();
    forgetful[0].1.truncate(at + 1);
    let header = files[0].1[0].clone();
    forgetful[0].1.push(header);
    assert!(matches!(judge(&forgetful).refused().reason, Reason::LossForgotten));
}

#[test]
fn entries_are_bounded_unless_every_start_takes_a_fresh_incarnation() {
    let broken = |deviations| {
        let cluster = ClusterSpec { deviations, ..cluster(3, 2, 2, ReadRepair::Async) };
        let restarting = Plan { cluster, lost: 0, crashed: 3, ..Plan::new(0) };
        let seeds = (0..5).map(|seed| Plan { seed, ..restarting.clone() });
        seeds.map(|plan| counts(&judge(&record(&plan)).report(), "entries-bounded").1).sum::<u64>()
    };
    assert_eq!(broken(Vec::new()), 0);
    assert!(broken(vec![Deviation::RestartsAnew]) > 0);
}

#[test]
fn a_client_that_writes_with_what_it_read_of_a_reaped_delete_is_no_reason_to_refuse_a_trace() {
    let report = judge(&record_reaped_before_write()).report();
    assert_eq!(counts(&report, "entries-bounded").1, 1);
    assert_eq!(report.keys_judged, 1, "{:?}", report.keys_not_judged);
}

/// Of clients whose writes are kept by fallbacks, for nodes that crash and messages that are lost.
fn sloppy(seed: u64) -> Plan {
    let mut cluster = cluster(2, 1, 2, ReadRepair::Off);
    (cluster.sloppy, cluster.background.handoff) = (true, true);
    Plan { cluster, lost: 30, expired: 10, crashed: 1, ..Plan::new(seed) }
}

#[test]
fn a_key_that_is_full_can_be_resolved_unless_the_limit_counts_what_is_held() {
    let plain = cluster(3, 2, 2, ReadRepair::Off);
    let report = judge(&record_resolving(plain.clone())).report();
    assert_eq!(counts(&report, "key-resolvable"), (1, 0));
    let deviations = vec![Deviation::LimitCountsHeld];
    let report = judge(&record_resolving(ClusterSpec { deviations, ..plain })).report();
    assert_eq!(counts(&report, "key-resolvable"), (1, 1));
}

#[test]
fn sloppy_writes_kept_by_fallbacks_are_judged_and_promise_no_overlap() {
    let (mut handed_off, mut minted) = (0, 0);
    for seed in 0..20 {
        let files = record(&sloppy(seed));
        let report = judge(&files).report();
        assert_eq!(report.keys_judged, 2, "{:?}", report.keys_not_judged);
        for property in &report.properties {
            let promised = [
                "no-lost-write",
                "true-siblings",
                "unique-dots",
                "key-resolvable",
                "refused-write-absent",
                "no-resurrection",
                "hint-safety",
                "entries-bounded",
            ];
            let is_promised = promised.contains(&property.name);
            assert!(is_promised || property.keys_promised == 0, "{}", property.name);
        }
        let lines = files.iter().flat_map(|(_, lines)| lines);
        handed_off += lines.filter(|line| line.contains("HandoffAck")).count();
        minted += counts(&report, "unique-dots").0;
    }
    assert!(handed_off > 0 && minted > 0);
}

#[test]
fn where_quorums_need_not_meet_stale_reads_are_counted_and_not_refused() {
    let mut stale = 0;
    for seed in 0..10 {
        let cluster = cluster(3, 1, 1, ReadRepair::Off);
        let report = judge(&record(&Plan { cluster, ..Plan::new(seed) })).report();
        stale += counts(&report, "read-freshness").1;
        let freshness = report.properties.iter().find(|one| one.name == "read-freshness");
        assert_eq!(freshness.unwrap().keys_promised, 0);
    }
    assert!(stale > 0);
}

#[test]
fn a_client_without_a_trace_is_trusted_and_what_it_writes_is_not_judged() {
    let mut files = record(&Plan::new(1));
    files.retain(|(name, _)| name != "c1.jsonl");
    let report = judge(&files).report();
    assert!(report.messages.trusted > 0 && report.messages.unobserved > 0);
    assert!(!report.keys_not_judged.is_empty());
    files.retain(|(name, _)| !name.starts_with('c') || name == "cid.jsonl");
    assert_eq!(judge(&files).report().clients.clients, 0);
}

#[test]
fn a_message_of_a_node_without_a_trace_is_refused() {
    let mut files = record(&Plan::new(1));
    files.retain(|(name, _)| name != "bob.jsonl");
    assert!(matches!(judge(&files).refused().reason, Reason::Untraced(_)));
}

#[test]
fn a_changed_effect_is_refused_where_it_stands() {
    let mut files = record(&Plan::new(1));
    let place = alter(&mut files, |line| match line {
        TraceLine::Step(step) => match step.effects.first_mut() {
            Some(Effect::Send { to, .. }) => {
                *to = Peer::Node(NodeId(2));
                true
            }
            _ => false,
        },
        _ => false,
    });
    let refused = judge(&files).refused();
    assert_eq!(refused.place.to_string(), place);
    assert!(matches!(refused.reason, Reason::Effect { position: 1, .. }), "{refused}");
}

#[test]
fn a_changed_digest_is_refused_where_it_stands() {
    let mut files = record(&Plan::new(1));
    let TraceLine::Step(other) = serde_json::from_str(&files[0].1[1]).unwrap() else { panic!() };
    let place = alter(&mut files, |line| match line {
        TraceLine::Step(step) if step.number == 9 => {
            step.digest = other.digest;
            true
        }
        _ => false,
    });
    let refused = judge(&files).refused();
    assert_eq!(refused.place.to_string(), place);
    assert!(matches!(refused.reason, Reason::Digest { .. }), "{refused}");
}

#[test]
fn a_removed_line_is_refused_at_the_line_that_took_its_place() {
    let mut files = record(&Plan::new(1));
    files[1].1.remove(7);
    let refused = judge(&files).refused();
    assert_eq!(refused.place.to_string(), "bob.jsonl:8");
    assert!(matches!(refused.reason, Reason::Number { expected: 7 }), "{refused}");
}

#[test]
fn two_swapped_lines_are_refused_at_the_first_of_them() {
    let mut files = record(&Plan::new(1));
    files[3].1.swap(4, 5);
    let refused = judge(&files).refused();
    assert_eq!(refused.place.to_string(), "c0.jsonl:5");
    assert!(matches!(refused.reason, Reason::Number { expected: 4 }), "{refused}");
}

#[test]
fn a_message_that_nobody_sent_is_refused_where_it_is_received() {
    let mut files = record(&Plan::new(1));
    let place = alter(&mut files, |line| match line {
        TraceLine::Step(step) => match &mut step.input {
            Input::Receive { message: Message::StoreAck { request, .. }, .. } => {
                request.sequence += 1_000;
                true
            }
            _ => false,
        },
        _ => false,
    });
    let refused = judge(&files).refused();
    assert_eq!(refused.place.to_string(), place);
    assert!(matches!(refused.reason, Reason::NobodySent(_)), "{refused}");
    assert!(refused.to_string().contains("nobody sent: StoreAck"), "{refused}");
}

#[test]
fn a_duplicated_acknowledgement_that_was_counted_twice_is_refused() {
    let spec = cluster(3, 1, 3, ReadRepair::Off);
    let mut files =
        record(&Plan { cluster: spec, lost: 0, duplicated: 0, expired: 0, ..Plan::new(1) });
    // Where the second acknowledgement completed the quorum of three, the first comes again.
    let mut first = None;
    let place = alter(&mut files, |line| {
        let TraceLine::Step(step) = line else { return false };
        let Input::Receive { from, message: Message::StoreAck { request, .. } } = &mut step.input
        else {
            return false;
        };
        match first {
            Some((known, acked)) if known == *request => {
                *from = acked;
                true
            }
            _ => {
                first = Some((*request, *from));
                false
            }
        }
    });
    let refused = judge(&files).refused();
    assert_eq!(refused.place.to_string(), place);
    assert!(
        matches!(&refused.reason, Reason::Effect { expected: None, recorded: Some(_), .. }),
        "{refused}"
    );
}

#[test]
fn a_timer_that_is_not_running_does_not_expire() {
    let mut files = record(&Plan { lost: 30, expired: 10, ..Plan::new(1) });
    let place = alter(&mut files, |line| match line {
        TraceLine::Step(step) => match &mut step.input {
            Input::Expire(quorate_model::protocol::Timer::Request(request)) => {
                request.sequence += 1_000;
                true
            }
            _ => false,
        },
        _ => false,
    });
    let refused = judge(&files).refused();
    assert_eq!(refused.place.to_string(), place);
    assert!(matches!(refused.reason, Reason::NotRunning(_)), "{refused}");
}

#[test]
fn an_emptied_file_and_one_with_a_header_only_are_refused() {
    for lines_left in [0, 1] {
        for file in 0..6 {
            let mut files = record(&Plan::new(1));
            files[file].1.truncate(lines_left);
            let refused = judge(&files).refused();
            assert_eq!(refused.place.to_string(), format!("{}:1", files[file].0));
            assert!(matches!(refused.reason, Reason::Empty), "{refused}");
        }
    }
}

#[test]
fn what_a_cut_off_step_would_have_sent_may_not_arrive() {
    let files = record(&Plan { crashed: 2, expired: 3, ..Plan::new(3) });
    let report = judge(&files).report();
    // Claim that less was durable at a crash than was: what the lost steps sent did arrive.
    let mut refusals = 0;
    for (index, _) in report.nodes.iter().enumerate().filter(|(_, node)| node.restarts > 0) {
        let mut files = files.clone();
        let lines = &mut files[index].1;
        let at = lines.iter().rposition(|line| line.starts_with(r#"{"node":"#)).unwrap();
        let TraceLine::Node(mut header) = serde_json::from_str(&lines[at]).unwrap() else {
            panic!()
        };
        header.durable_step /= 2;
        lines[at] = line(&TraceLine::Node(header));
        lines.truncate(at + 1);
        let refused = judge(&files).refused();
        let is_cut_off = matches!(refused.reason, Reason::CutOff { .. });
        assert!(is_cut_off || matches!(refused.reason, Reason::OlderStore { .. }), "{refused}");
        refusals += u64::from(is_cut_off);
    }
    assert!(refusals > 0);
}

#[test]
fn headers_of_two_clusters_do_not_go_together() {
    let mut files = record(&Plan::new(1));
    let other = record(&Plan { cluster: cluster(3, 1, 3, ReadRepair::Off), ..Plan::new(1) });
    files[1] = other[1].clone();
    assert!(matches!(judge(&files).refused().reason, Reason::OtherCluster { .. }));
}

#[test]
fn another_version_of_the_format_is_named() {
    let mut files = record(&Plan::new(1));
    files[0].1[0] = r#"{"node":{"format":7,"something":"new"}}"#.into();
    let Verdict::NoTrace(error) = judge(&files) else { panic!("it was read") };
    assert_eq!(
        error.to_string(),
        "ann.jsonl:1: trace format 7, but this program reads 2: use the program that wrote it"
    );
}

#[test]
fn a_start_that_was_not_written_down_is_a_life_without_steps() {
    let mut files = record(&Plan::new(1));
    let header = files[2].1[0].clone();
    files[2].1.splice(0..0, [header.clone(), header]);
    assert_eq!(judge(&files).report().nodes[2].restarts, 2);
}

#[test]
fn half_a_line_at_the_end_is_what_a_killed_process_leaves() {
    let files = record(&Plan::new(1));
    let mut parsed = Vec::new();
    for (name, lines) in &files {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let torn = format!("{text}{}", &lines[1][..lines[1].len() / 2]);
        parsed.push(parse(name, if name == "bob.jsonl" { &torn } else { &text }).unwrap());
        assert_eq!(parse(name, &format!("{torn}\n")).unwrap_err().place.line, lines.len() + 1);
    }
    assert_eq!(validate(parsed).unwrap().torn, ["bob.jsonl"]);
}

/// The parts of a line that are evidence: clocks are not, nor is whether the cluster is being
/// founded when a node starts that holds something already, nor how often a client would have
/// tried, had it had to.
fn evidence(line: &Json) -> Vec<String> {
    let mut no_evidence = vec!["at_us", "now", "attempts"];
    // The first step of all is taken on an empty store.
    if line["step"]["number"] != 1 {
        no_evidence.push("founding");
    }
    let mut found = Vec::new();
    leaves(line, String::new(), &no_evidence, &mut found);
    found
}

fn leaves(json: &Json, path: String, no_evidence: &[&str], found: &mut Vec<String>) {
    match json {
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, format!("{path}/{index}"), no_evidence, found);
            }
        }
        Json::Object(fields) => {
            for (name, value) in fields {
                if path.is_empty() || !no_evidence.contains(&&**name) {
                    leaves(value, format!("{path}/{name}"), no_evidence, found);
                }
            }
        }
        _ => found.push(path),
    }
}

fn changed(leaf: &Json) -> Json {
    match leaf {
        Json::Number(number) => match number.as_u64() {
            Some(0) => 1.into(),
            Some(number) => (number - 1).into(),
            None => 0.into(),
        },
        Json::String(text) if text.len() == 32 => {
            let first = if text.starts_with('0') { "1" } else { "0" };
            format!("{first}{}", &text[1..]).into()
        }
        Json::String(text) => format!("{text}x").into(),
        Json::Bool(value) => (!value).into(),
        Json::Null => 1.into(),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn any_single_altered_line_is_refused(
        file in 0..6_usize,
        line in any::<prop::sample::Index>(),
        leaf in any::<prop::sample::Index>(),
        loses_disk: bool,
    ) {
        let mut files = small(loses_disk);
        let lines = &mut files[file].1;
        let at = line.index(lines.len());
        let mut json: Json = serde_json::from_str(&lines[at]).unwrap();
        let found = evidence(&json);
        let path = &found[leaf.index(found.len())];
        let value = json.pointer_mut(path).unwrap();
        *value = changed(value);
        lines[at] = json.to_string();
        let place = format!("{}:{}", files[file].0, at + 1);
        match judge(&files) {
            // Another node may have sent the very same, and then this is a run of the model too.
            Verdict::Accepted(_) if path.contains("/from") => {}
            Verdict::Accepted(_) => prop_assert!(false, "{place}: {path} was accepted"),
            Verdict::NoTrace(error) => prop_assert!(
                error.place.to_string() == place || is_of_header(path), "{place}: {path}: {error}"
            ),
            Verdict::Refused(refused) => prop_assert!(
                refused.place.to_string() == place || is_of_header(path), "{place}: {path}: {refused}"
            ),
        }
    }

    #[test]
    fn any_line_that_is_removed_repeated_or_swapped_is_refused(
        file in 0..6_usize,
        line in any::<prop::sample::Index>(),
        how in 0..3,
        loses_disk: bool,
    ) {
        let mut files = small(loses_disk);
        let lines = &mut files[file].1;
        // The last line is one that might not have been written yet.
        let at = line.index(lines.len() - 1);
        match how {
            0 => { lines.remove(at); }
            // A header once more is a start that came to nothing.
            1 if lines[at].starts_with(r#"{"node""#) => return Ok(()),
            1 => { let repeated = lines[at].clone(); lines.insert(at, repeated); }
            _ => lines.swap(at, at + 1),
        }
        prop_assert!(!matches!(judge(&files), Verdict::Accepted(_)));
    }
}

/// An altered header speaks for the whole file, and may be refused at any line that it does not
/// agree with.
fn is_of_header(path: &str) -> bool {
    path.starts_with("/node/") || path.starts_with("/client/")
}

/// A run with a crash, or with a lost disk.
fn small(loses_disk: bool) -> Files {
    static SMALL: std::sync::OnceLock<[Files; 2]> = std::sync::OnceLock::new();
    let [crashing, losing] = SMALL.get_or_init(|| {
        let plan = Plan { operations: 4, keys: 1, lost: 10, ..Plan::new(5) };
        let crashing = record(&Plan { crashed: 1, ..plan.clone() });
        judge(&crashing).report();
        // In runs of some other seeds a line may be missing or altered and the rest is a run too: the last step before a disk
        // was lost may be one that nobody heard of, and an altered late reply one that was sent before.
        let mut seeds = (15..).map(|seed| Plan { wiped: (4, 1), seed, ..plan.clone() });
        let losing = seeds.find_map(|plan| {
            let files = record(&plan);
            (judge(&files).report().lost_disks() == 1).then_some(files)
        });
        [crashing, losing.expect("some run loses a disk")]
    });
    if loses_disk { losing.clone() } else { crashing.clone() }
}

/// Moves a step in time, and with it all that follow in the same file.
fn delay(files: &mut Files, by_us: u64, is_first: impl Fn(&TraceLine) -> bool) -> String {
    for (name, lines) in files {
        let first = lines.iter().position(|text| is_first(&serde_json::from_str(text).unwrap()));
        let Some(first) = first else { continue };
        for text in &mut lines[first..] {
            let mut parsed = serde_json::from_str(text).unwrap();
            if let TraceLine::Step(step) = &mut parsed {
                step.at_us += by_us;
            }
            *text = line(&parsed);
        }
        return format!("{name}:{}", first + 1);
    }
    panic!("no line is of the wanted kind");
}

const LIFETIME_US: u64 = 10_000_000;

#[test]
fn a_datagram_that_was_under_way_for_longer_than_datagrams_live_is_refused() {
    let plan = Plan { datagram_lifetime_us: Some(LIFETIME_US), ..Plan::new(3) };
    let recorded = record(&plan);
    judge(&recorded).report();
    let takes_a_message = |line: &TraceLine| matches!(line, TraceLine::Step(step) if matches!(step.input, Input::Receive { .. }));
    let mut altered = recorded.clone();
    let place = delay(&mut altered, LIFETIME_US + 1_000_000, takes_a_message);
    let refused = judge(&altered).refused();
    assert_eq!(refused.place.to_string(), place);
    assert!(matches!(refused.reason, Reason::TooOld { lifetime_us: LIFETIME_US, .. }), "{refused}");
    // Who does not rely on it may wait for a message as long as it likes.
    let mut altered = record(&Plan { datagram_lifetime_us: None, ..plan });
    delay(&mut altered, LIFETIME_US + 1_000_000, takes_a_message);
    judge(&altered).report();
}

#[test]
fn a_wait_for_older_datagrams_that_ends_early_is_refused() {
    let recorded = record_reaping(LIFETIME_US);
    judge(&recorded).report();
    for skipped in 0..2 {
        let mut altered = recorded.clone();
        let mut left = skipped;
        let mut waits_since_us = 0;
        let place = alter(&mut altered, |line| {
            let TraceLine::Step(step) = line else { return false };
            let is_end = step.input == Input::Expire(Timer::Settled);
            if is_end && left == 0 {
                step.at_us = waits_since_us + 2 * LIFETIME_US - 1;
                return true;
            }
            left -= usize::from(is_end);
            waits_since_us = step.at_us;
            false
        });
        let refused = judge(&altered).refused();
        assert_eq!(refused.place.to_string(), place);
        let (waited_us, least_us) = (2 * LIFETIME_US - 1, 2 * LIFETIME_US);
        assert_eq!(refused.reason, Reason::SettledEarly { waited_us, least_us });
    }
}
