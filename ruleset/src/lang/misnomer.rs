//! Values of a payload that were hardly meant as such: `cuont` beside a `table`.
//!
//! An outcome holds what a game calls its values, under any names, so a slip of the pen in `count`
//! is a value more and a roll less, and no error.

use super::names;
use super::session::{At, Session};
use super::tree::NodeKind;
use super::{Code, Diagnostic, uses};

/// Looks at the outcomes of a rule.
pub(super) fn report(session: &mut Session<'_>, rule: At) {
    for block in session.children(rule) {
        let word = session.child(block, 0).map_or("", |name| session.text(name));
        if session.kind(block) == NodeKind::Block && matches!(word, "emit" | "broadcast") {
            outcome(session, block);
        }
    }
}

fn outcome(session: &mut Session<'_>, at: At) {
    let rolls = uses::attribute(session, at, "table").is_some();
    let counted = uses::attribute(session, at, "count").is_some();
    let attribute = |child: &At| session.kind(*child) == NodeKind::Attribute;
    let alone = session.children(at).iter().filter(|child| attribute(child)).count() == 1;
    for child in session.children(at) {
        let Some(name_at) = session.child(child, 0) else { continue };
        if session.kind(child) != NodeKind::Attribute {
            continue;
        }
        let name = session.text(name_at);
        let (cause, help) = match name {
            // Beside other values it says how many of what they name.
            "count" if !rolls && alone => (
                "without `table` it is a value of the payload, and nothing is rolled",
                "add `table = …` to roll so often, or give the value another name",
            ),
            "rolls" if rolls => (
                "an outcome says with `count` how often its table is rolled; `rolls` belongs to tables",
                "write `count`, or give the value another name",
            ),
            _ if rolls && !counted && names::is_slip(name, "count") => (
                "it is a value of the payload; how often the table is rolled says `count`",
                "write `count`, or give the value another name",
            ),
            "when" | "on" => (
                "it is a value of the payload; what makes a rule fire stands in the rule itself",
                "move it out of the block, or give the value another name",
            ),
            _ => continue,
        };
        let span = session.span(name_at);
        let decides = matches!(name, "when" | "on");
        let message = match decides {
            true => format!("`{name}` is sent to the game and decides nothing"),
            false => format!("`{name}` is sent to the game, not used for a roll"),
        };
        let found =
            Diagnostic::warning(Code::PayloadSetting, span, message).cause(cause).help(help);
        session.report(match rolls && !counted && !decides {
            true => found.edit(span, "count"),
            false => found,
        });
    }
}
