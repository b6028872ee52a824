//! What was given another name: a thing that is gone and a thing that is new, alike in everything
//! else. A plan compares by name, so without this a rename reads as a loss.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Change, Detail, Kind};
use crate::contents::{Contents, Written};
use crate::drawn::drawn_by;
use crate::ir::Program;
use crate::rng;

/// Aspect under which a rename is told.
const RENAMED: &str = "renamed";
/// The same for what draws by its name: equal odds, and for a seed another result.
const RENAMED_DRAWS: &str = "renamed, draws anew";

/// Where things of one content stand among the changes.
#[derive(Default)]
struct Places {
    removed: Vec<usize>,
    added: Vec<usize>,
}

/// Notes on both ends of each rename which name the other has. Where several are alike nobody can
/// tell which became which, and nothing is noted; nor where a source is missing, since a bundle does
/// not tell conditions. O(n log n) in what the changes tell.
pub(super) fn note(old: &Contents, new: &Contents, changes: &mut [Change]) {
    let (Some(old), Some(new)) = (&old.source, &new.source) else { return };
    let mut alike: BTreeMap<(Kind, String), Places> = BTreeMap::new();
    for (at, change) in changes.iter().enumerate() {
        let side = match change.action {
            Action::Removed => old,
            Action::Added => new,
            Action::Changed => continue,
        };
        let Some(content) = content(side, change) else { continue };
        let places = alike.entry((change.kind, content)).or_default();
        match change.action {
            Action::Removed => places.removed.push(at),
            _ => places.added.push(at),
        }
    }
    let pairs: Vec<(usize, usize)> = alike
        .into_values()
        .filter_map(|places| match (&places.removed[..], &places.added[..]) {
            ([removed], [added]) => Some((*removed, *added)),
            _ => None,
        })
        .collect();
    if pairs.is_empty() {
        return;
    }
    let drawn: BTreeSet<u64> = drawn_by(&old.program);
    for (removed, added) in pairs {
        let [was, is] = [removed, added].map(|at| changes[at].name.clone());
        let draws = drawn.contains(&rng::name_hash(&was));
        let what = if draws { RENAMED_DRAWS } else { RENAMED };
        for at in [removed, added] {
            changes[at].details.insert(0, Detail::changed(what, &was, &is));
        }
    }
}

/// All of a thing but its name, as a text to compare; `None` where that is not known.
fn content(side: &Written, change: &Change) -> Option<String> {
    let (program, name) = (&side.program, change.name.as_str());
    match change.kind {
        Kind::Parameter => {
            let def = program.params.iter().find(|def| def.name == name)?;
            Some(format!("{:?}", (def.slot, def.value, &def.overrides, &def.unit, &def.doc)))
        }
        Kind::Counter => {
            let def = program.counters.iter().find(|def| def.name == name)?;
            let on = &program.triggers.get(usize::from(def.trigger))?.name;
            Some(format!("{:?}", (on, def.window_ms, def.max)))
        }
        Kind::Timer => {
            let def = program.timers.iter().find(|def| def.name == name)?;
            let (jitter, except) = (def.jitter_ms, &def.except);
            Some(format!("{:?}", (&def.schedule, def.duration_ms, def.missed, jitter, except)))
        }
        Kind::LootTable => Some(told(change) + &pities(program, name)?),
        Kind::Enum | Kind::Trigger | Kind::Condition | Kind::Rule => Some(told(change)),
        Kind::Ruleset | Kind::Entry | Kind::Fragment | Kind::Outcome => None,
    }
}

/// What the plan tells of a thing that is added or removed whole: with its source at hand, every
/// aspect by the names in it.
fn told(change: &Change) -> String {
    let details = change.details.iter();
    let aspects: Vec<_> =
        details.map(|one| (&one.what, one.old.as_ref().or(one.new.as_ref()))).collect();
    format!("{aspects:?}")
}

/// Entries with a pity, in the order of their precedence, which is not told.
fn pities(program: &Program, name: &str) -> Option<String> {
    let table = program.tables.iter().find(|table| table.name == name)?;
    let entry = |at: u16| table.entries.get(usize::from(at)).map(|entry| entry.name.as_str());
    Some(format!("{:?}", table.pities.iter().map(|pity| entry(pity.entry)).collect::<Vec<_>>()))
}
