//! A scenario of the leaderless protocol in words: what is checked, and within which bounds.

use quorate_model::check::words::planned;
use quorate_model::cluster::{Limits, PlacementSpec, Reaping};
use quorate_model::ids::NodeSet;
use quorate_model::scenario::{Faults, Reductions, Rule, Scenario};

/// `A B C; N=3, R=2, W=2 (R + W > N); dotted versions; node-driven; read repair off`
#[must_use]
pub fn cluster(scenario: &Scenario) -> String {
    let cluster = &scenario.cluster;
    let quorum = cluster.quorum();
    let strength = if quorum.is_strong() { "R + W > N" } else { "R + W <= N" };
    let fan_out = match scenario.fan_out {
        quorate_model::protocol::FanOut::NodeDriven => "node-driven",
        quorate_model::protocol::FanOut::ClientDriven => "client-driven",
    };
    let mut text = format!(
        "{}; N={}, R={}, W={} ({strength}); {} versions; {fan_out}; read repair {}",
        scenario.spec.nodes.join(" "),
        quorum.n(),
        quorum.r(),
        quorum.w(),
        cluster.versioning(),
        cluster.read_repair(),
    );
    let background = cluster.background();
    let reaping = match background.reaping {
        Reaping::Off => "",
        Reaping::Agreed => "; tombstones go by agreement",
        Reaping::ByAge => "; tombstones go by age",
    };
    for (is_so, words) in [
        (cluster.speculative_retry(), "; speculative retry"),
        (cluster.sloppy(), "; sloppy"),
        (background.handoff, "; handoff"),
        (background.anti_entropy, "; anti-entropy"),
        (true, reaping),
    ] {
        if is_so {
            text.push_str(words);
        }
    }
    if let PlacementSpec::Ring = scenario.spec.placement {
        text.push_str(&format!("; on a ring, {} tokens each", scenario.spec.tokens_per_node));
    }
    let limits = cluster.limits();
    if limits.siblings_max != Limits::default().siblings_max {
        text.push_str(&format!("; a key has at most {} versions", limits.siblings_max));
    }
    if let Some(entries_max) = limits.context_entries_max {
        text.push_str(&format!("; contexts lose entries beyond {entries_max}"));
    }
    if !scenario.spec.left.is_empty() {
        text.push_str(&format!("; left: {}", scenario.spec.left.join(" ")));
    }
    for deviation in &scenario.spec.deviations {
        text.push_str(&format!("; WRONG ON PURPOSE: {}", deviation.statement()));
    }
    let names = |nodes: &NodeSet| names(scenario, *nodes).join(" ");
    if !scenario.down.is_empty() {
        let returns = if scenario.down_returns { " until they return" } else { "" };
        text.push_str(&format!("; down: {}{returns}", names(&scenario.down)));
    }
    if !scenario.partition.is_empty() {
        let groups: Vec<String> = scenario.partition.iter().map(names).collect();
        let heals = if scenario.heals { " until it heals" } else { "" };
        text.push_str(&format!("; partition {}{heals}", groups.join(" | ")));
    }
    let ahead = cluster.nodes().iter().filter(|node| scenario.clocks_ahead[node.index()] > 0);
    for node in ahead {
        let ticks = scenario.clocks_ahead[node.index()];
        text.push_str(&format!("; clock of {} ahead by {ticks}", cluster.name(*node)));
    }
    for node in cluster.nodes() {
        let minted = scenario.mints_as[node.index()];
        if minted != *node {
            let (node, other) = (cluster.name(*node), cluster.name(minted));
            text.push_str(&format!("; {node} mints as {other}"));
        }
    }
    text
}

fn names(scenario: &Scenario, nodes: NodeSet) -> Vec<&str> {
    nodes.iter().map(|node| scenario.cluster.name(node)).collect()
}

/// One line per client: `x: get k, put k = "x1"`.
#[must_use]
pub fn clients(scenario: &Scenario) -> Vec<String> {
    const SHOWN: usize = 6;
    let up = || scenario.cluster.nodes().iter().filter(|node| !scenario.down.contains(**node));
    let one = |(index, client): (usize, &quorate_model::scenario::ClientProgram)| {
        let count = client.operations.len();
        let mut shown: Vec<String> = (0..count.min(SHOWN))
            .map(|operation| {
                let via = &client.operations[operation].via;
                let text = planned(scenario, index, operation);
                if scenario.partition.is_empty() && up().all(|node| via.contains(node)) {
                    return text;
                }
                let names: Vec<_> = via.iter().map(|node| scenario.cluster.name(*node)).collect();
                format!("{text} via {}", names.join(" or "))
            })
            .collect();
        if count > SHOWN {
            shown.push(format!("... {count} operations in all"));
        }
        if client.attempts > 1 {
            shown.push(format!("each tried {} times", client.attempts));
        }
        format!("{}: {}", client.name, shown.join("; "))
    };
    scenario.clients.iter().enumerate().map(one).collect()
}

/// `every interleaving; faults at any moment: at most 1 drop; reduced`
#[must_use]
pub fn bounds(scenario: &Scenario) -> String {
    if scenario.script.is_some() {
        return "one run, as scripted".to_owned();
    }
    let order = match scenario.turn_length {
        Some(length) => format!("clients take turns of {length} operations"),
        None => "every interleaving".to_owned(),
    };
    let applied = scenario.reductions_that_apply();
    let off = Rule::ALL.into_iter().filter(|rule| rule.is_usual() && !applied.has(*rule));
    let off: Vec<&str> = off.map(Rule::name).collect();
    let reduced = match applied {
        Reductions::STUBBORN => "reduced by stubborn-sets".to_owned(),
        _ => reduced(&off, applied == Reductions::NONE),
    };
    let rounds = rounds(scenario);
    format!("{order}; faults at any moment: {}; {rounds}{reduced}", faults(scenario))
}

/// `reduced`, without some rules where they are off
pub(super) fn reduced(off: &[&str], are_all_off: bool) -> String {
    match off {
        _ if are_all_off => "unreduced".to_owned(),
        [] => "reduced".to_owned(),
        off => format!("reduced but for {}", off.join(", ")),
    }
}

/// `rounds at a time: exchanges 1, overtaken 0; `, or nothing where nodes do nothing of their own
/// accord.
fn rounds(scenario: &Scenario) -> String {
    let background = scenario.cluster.background();
    let budgets: Vec<String> = scenario
        .rounds
        .by_name()
        .into_iter()
        .filter(|(name, _)| match *name {
            "exchanges" | "overtaken" => background.anti_entropy,
            "handoffs" => background.handoff,
            "catch-ups" => scenario.faults.wipes > 0,
            _ => background.reaping == Reaping::Agreed,
        })
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    match &budgets[..] {
        [] => String::new(),
        budgets => format!("rounds at a time: {}; ", budgets.join(", ")),
    }
}

/// `at most 1 drop, 2 timeouts, 1 crash of A or B`, `none`, or that a script says it
#[must_use]
pub fn faults(scenario: &Scenario) -> String {
    if scenario.script.is_some() {
        return "as scripted".to_owned();
    }
    let faulty = names(scenario, scenario.faulty);
    let of_nodes = match faulty.len() == scenario.cluster.nodes().len() {
        true => String::new(),
        false => format!(" of {}", faulty.join(" or ")),
    };
    budgets(scenario.faults, &of_nodes)
}

/// `at most 1 drop, 1 crash of A or B`, where nodes are struck; or `none`
pub(super) fn budgets(faults: Faults, of_nodes: &str) -> String {
    let budgets = [
        (faults.drops, "drop", "drops", ""),
        (faults.duplicates, "duplicate", "duplicates", ""),
        (faults.timeouts, "timeout", "timeouts", ""),
        (faults.crashes, "crash", "crashes", of_nodes),
        (faults.wipes, "lost disk", "lost disks", of_nodes),
        (faults.rollbacks, "older disk", "older disks", of_nodes),
        (faults.partitions, "partition", "partitions", ""),
        (faults.lies, "lie", "lies", ""),
    ];
    let allowed: Vec<String> = budgets
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many, of)| {
            format!("{count} {}{of}", if *count == 1 { one } else { many })
        })
        .collect();
    if allowed.is_empty() { "none".to_owned() } else { format!("at most {}", allowed.join(", ")) }
}
