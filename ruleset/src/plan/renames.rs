//! What was given another name: a thing that is gone and a thing that is new, alike in everything
//! that is told of them. A plan compares by name, so without this a rename reads as a loss.

use std::collections::BTreeMap;

use super::{Action, Change, Detail, Kind};

/// Aspect under which a rename is told.
const RENAMED: &str = "renamed";
/// The same for what draws by its name: equal odds, and for a seed another result.
const RENAMED_DRAWS: &str = "renamed, draws anew";

/// Kind and aspects of a thing with their values.
type Content<'a> = (Kind, Vec<(&'a str, Option<&'a str>)>);

/// Where things of one content stand among the changes.
#[derive(Default)]
struct Places {
    removed: Vec<usize>,
    added: Vec<usize>,
}

/// Everything that is told of a thing. Only one side is there, as it is added or removed whole.
fn told(change: &Change) -> Vec<(&str, Option<&str>)> {
    let details = change.details.iter();
    details.map(|one| (one.what.as_str(), one.old.as_deref().or(one.new.as_deref()))).collect()
}

/// Notes on both ends of each rename which name the other has. Where several are alike nobody can
/// tell which became which, and nothing is noted. O(n log n) in what the changes tell.
pub(super) fn note(changes: &mut [Change]) {
    let mut alike: BTreeMap<Content<'_>, Places> = BTreeMap::new();
    for (at, change) in changes.iter().enumerate() {
        let content = told(change);
        if content.is_empty() {
            continue;
        }
        let places = alike.entry((change.kind, content)).or_default();
        match change.action {
            Action::Removed => places.removed.push(at),
            Action::Added => places.added.push(at),
            Action::Changed => {}
        }
    }
    let pairs: Vec<(usize, usize)> = alike
        .into_values()
        .filter_map(|places| match (&places.removed[..], &places.added[..]) {
            ([removed], [added]) => Some((*removed, *added)),
            _ => None,
        })
        .collect();
    for (removed, added) in pairs {
        let names = [removed, added].map(|at| changes[at].name.clone());
        let [was, is] = &names;
        for at in [removed, added] {
            let what = match changes[at].kind {
                Kind::Rule | Kind::LootTable => RENAMED_DRAWS,
                _ => RENAMED,
            };
            changes[at].details.insert(0, Detail::changed(what, was, is));
        }
    }
}
