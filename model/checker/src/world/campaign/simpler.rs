//! What drafts of any protocol have that may be made simpler.

use crate::world::Faults;

/// Takes changes, each of which makes a draft simpler in one way.
pub type With<'a, D> = dyn FnMut(&dyn Fn(&mut D)) + 'a;

/// What each of these changes makes of a draft, in order. A change that changes nothing is left out.
pub fn simpler_by<D: Clone + PartialEq>(
    draft: &D,
    changes: impl FnOnce(&mut With<'_, D>),
) -> Vec<D> {
    let mut all = Vec::new();
    changes(&mut |change| {
        let mut simpler = draft.clone();
        change(&mut simpler);
        if simpler != *draft {
            all.push(simpler);
        }
    });
    all
}

/// Each of the properties that are asked alone, since what is asked switches rules; then all but each.
pub fn fewer_asked<D>(
    asked: &[&'static str],
    of: fn(&mut D) -> &mut Vec<&'static str>,
    with: &mut With<'_, D>,
) {
    if asked.len() < 2 {
        return;
    }
    for alone in asked {
        with(&|draft| *of(draft) = Vec::from([*alone]));
    }
    for position in 0..asked.len() {
        with(&|draft| {
            of(draft).remove(position);
        });
    }
}

/// None of each fault, then one less of it.
pub fn fewer_faults<D>(of: fn(&mut D) -> &mut Faults, with: &mut With<'_, D>) {
    let budgets: [fn(&mut Faults) -> &mut u8; 8] = [
        |faults| &mut faults.wipes,
        |faults| &mut faults.rollbacks,
        |faults| &mut faults.crashes,
        |faults| &mut faults.drops,
        |faults| &mut faults.duplicates,
        |faults| &mut faults.partitions,
        |faults| &mut faults.lies,
        |faults| &mut faults.timeouts,
    ];
    for budget in budgets {
        with(&|draft| *budget(of(draft)) = 0);
        with(&|draft| {
            let left = budget(of(draft));
            *left = left.saturating_sub(1);
        });
    }
}
