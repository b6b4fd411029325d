//! How large the searches of a comparison are: `cargo run --release -p quorate-compare --example sizes [FILE.toml]`.

use std::error::Error;
use std::time::Instant;

use quorate_compare::file;
use quorate_compare::property::Property;
use quorate_compare::search::{Extent, search};
use quorate_compare::setting::Case;

fn main() -> Result<(), Box<dyn Error>> {
    let named = std::env::args().nth(1);
    let text = named.as_ref().map(std::fs::read_to_string).transpose()?;
    let text = text.as_deref().unwrap_or(file::DEFAULT);
    let plan = file::parse(named.as_deref().unwrap_or("default.toml"), text)?;
    let extent = Extent { states_max: 300_000 };
    for setting in &plan.settings {
        {
            for case in plan.cases(setting) {
                let Case { program, faults, .. } = case.clone();
                let began = Instant::now();
                let found = search(&case, extent);
                let shown = Property::ALL.iter().zip(&found.found).filter_map(|(property, it)| {
                    let steps = it.steps?;
                    Some(format!("{} {steps}", property.name()))
                });
                let cut = found.cut_at.map_or(String::new(), |depth| format!(" CUT at {depth}"));
                println!(
                    "{:13} {:17} {:40} {:7} states {:5.1} s{cut}  {}",
                    setting.name,
                    program.name,
                    faults.name,
                    found.states,
                    began.elapsed().as_secs_f64(),
                    shown.collect::<Vec<_>>().join(", ")
                );
            }
        }
    }
    Ok(())
}
