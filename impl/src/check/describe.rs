//! A scenario in words: what is checked, and within which bounds.

use quorate_model::check::words::planned;
use quorate_model::cluster::Reaping;
use quorate_model::scenario::{Reductions, Scenario};

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
        (cluster.sloppy(), "; sloppy"),
        (background.handoff, "; handoff"),
        (background.anti_entropy, "; anti-entropy"),
        (true, reaping),
    ] {
        if is_so {
            text.push_str(words);
        }
    }
    for deviation in &scenario.spec.deviations {
        text.push_str(&format!("; WRONG ON PURPOSE: {}", deviation.statement()));
    }
    let names = |nodes: &quorate_model::ids::NodeSet| {
        nodes.iter().map(|node| cluster.name(node)).collect::<Vec<_>>().join(" ")
    };
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

/// One line per client: `x: get k, put k = "x1"`.
#[must_use]
pub fn clients(scenario: &Scenario) -> Vec<String> {
    const SHOWN: usize = 6;
    let nodes = scenario.cluster.nodes().len() - scenario.down.len();
    let one = |(index, client): (usize, &quorate_model::scenario::ClientProgram)| {
        let count = client.operations.len();
        let mut shown: Vec<String> = (0..count.min(SHOWN))
            .map(|operation| {
                let via = &client.operations[operation].via;
                let text = planned(scenario, index, operation);
                if via.len() >= nodes && scenario.partition.is_empty() {
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
    let off = applied.by_name().into_iter().filter(|(_, on)| !on);
    let off: Vec<&str> = off.map(|(name, _)| name).collect();
    let reduced = match off.len() {
        0 => "reduced".to_owned(),
        _ if applied == Reductions::NONE => "unreduced".to_owned(),
        _ => format!("reduced but for {}", off.join(", ")),
    };
    let rounds = rounds(scenario);
    format!("{order}; faults at any moment: {}; {rounds}{reduced}", faults(scenario))
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

/// `at most 1 drop, 2 timeouts`, `none`, or that a script says it
#[must_use]
pub fn faults(scenario: &Scenario) -> String {
    if scenario.script.is_some() {
        return "as scripted".to_owned();
    }
    let faults = scenario.faults;
    let budgets = [
        (faults.drops, "drop", "drops"),
        (faults.duplicates, "duplicate", "duplicates"),
        (faults.timeouts, "timeout", "timeouts"),
        (faults.crashes, "crash", "crashes"),
        (faults.wipes, "lost disk", "lost disks"),
        (faults.rollbacks, "older disk", "older disks"),
        (faults.partitions, "partition", "partitions"),
        (faults.lies, "lie", "lies"),
    ];
    let allowed: Vec<String> = budgets
        .iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
        .collect();
    if allowed.is_empty() { "none".to_owned() } else { format!("at most {}", allowed.join(", ")) }
}
