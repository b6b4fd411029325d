//! Without the command line of `quorate`: how large the searches of a comparison are, with `--tables` what it says, as
//! Markdown, and with a setting and a property the run that shows it.
//!
//! `cargo run --release -p quorate-compare --features measurements --example sizes [--tables | SETTING PROPERTY]`

use std::error::Error;
use std::time::Instant;

use quorate_compare::comparison::compare;
use quorate_compare::file;
use quorate_compare::property::Property;
use quorate_compare::search::{Extent, search, shortest};
use quorate_compare::table::{self, Style};

const EXTENT: Extent = Extent { states_max: 1_000_000 };

fn main() -> Result<(), Box<dyn Error>> {
    let plan = file::parse("default.toml", file::DEFAULT)?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [tables] if tables == "--tables" => {
            let compared = compare(&plan, EXTENT, 2, &|_, _| {});
            print!("{}", table::all(&compared, None, Style::Markdown));
        }
        [setting, property] => {
            let setting = plan.settings.iter().find(|it| it.name == *setting);
            let setting = setting.ok_or("no such setting")?;
            let property = Property::named(property).ok_or("no such property")?;
            let looked = shortest(plan.cases(setting), property, EXTENT);
            match looked.found {
                Some((_, told)) => println!("{}", told.steps.join("\n")),
                None => println!("no run, and {} searches were cut", looked.cut),
            }
        }
        _ => sizes(&plan),
    }
    Ok(())
}

fn sizes(plan: &file::Plan) {
    for setting in &plan.settings {
        for case in plan.cases(setting) {
            let began = Instant::now();
            let found = search(&case, EXTENT);
            let shown = Property::ALL.iter().zip(&found.found).filter_map(|(property, it)| {
                let steps = it.steps?;
                Some(format!("{} {steps}", property.name()))
            });
            let cut = found.cut_at.map_or(String::new(), |depth| format!(" CUT at {depth}"));
            println!(
                "{:10} {:17} {:40} {:7} states {:5.1} s{cut}  {}",
                setting.name,
                case.program.name,
                case.faults.name,
                found.states,
                began.elapsed().as_secs_f64(),
                shown.collect::<Vec<_>>().join(", ")
            );
        }
    }
}
