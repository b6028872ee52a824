//! I10: once faults end, every node has the same root, the same vector and the same live version.

use super::Violation;
use crate::history::{Happened, History};

/// Adds a violation for every node whose final state differs from the first node's.
///
/// A history without final states is not judged: whoever wrote it did not wait for the end.
pub fn check(history: &History, found: &mut Vec<Violation>) {
    let settled = history.settled();
    let mut states = settled.values().filter_map(|entry| match &entry.happened {
        Happened::Settled { node, root, vector, live } => {
            Some((entry.at, node, root, vector, live))
        }
        _ => None,
    });
    let Some((_, first, first_root, first_vector, first_live)) = states.next() else {
        return;
    };
    for (at, node, root, vector, live) in states {
        let mut differs = |what: &str, here: String, there: String| {
            found.push(Violation {
                invariant: "I10",
                at,
                message: format!(
                    "{what} of node {node} is {here}, of node {first} {there}, long after faults ended"
                ),
            });
        };
        if root != first_root {
            differs("content root", root.short(), first_root.short());
        }
        if vector != first_vector {
            differs("vector", format!("{vector:?}"), format!("{first_vector:?}"));
        }
        if live != first_live {
            differs("live version", format!("{live:?}"), format!("{first_live:?}"));
        }
    }
}
