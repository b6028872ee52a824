//! The top of files: which blocks stand there, and the one that names the rule set.

use super::constant::{self, shorten};
use super::declare::{label, schema};
use super::limits::{DIALECT, NAME_BYTES_MAX};
use super::names::{self, Names};
use super::scope::Scope;
use super::session::{At, Session};
use super::shape::{self, Schema};
use super::tree::NodeKind;
use super::{Code, Diagnostic, Span, budget};

pub(super) const RULESET: Schema = schema("ruleset", &["dialect", "context"], &[], &["budget"]);

/// Puts a block to the others of its kind.
pub(super) fn sort(session: &mut Session<'_>, at: At, found: &mut [Vec<At>]) {
    let Some(name_at) = session.child(at, 0) else { return };
    let name = session.text(name_at);
    if session.kind(at) == NodeKind::Attribute {
        session.error(
            Code::UnknownAttribute,
            name_at,
            format!("the attribute `{}` stands outside every block", shorten(name)),
            "at the top of a file stand blocks alone",
            "move it into the block that it belongs to",
        );
        return;
    }
    let top = super::parser::TOP_BLOCKS;
    if let Some(index) = top.iter().position(|known| *known == name) {
        if name != "test" && super::cases::is_test_file(session, at) {
            super::cases::not_a_test(session, name_at);
            lose(session, at);
            return;
        }
        found[index].push(at);
        return;
    }
    let inner = match name {
        "entry" | "pity" => Some("loot_table"),
        "emit" | "broadcast" => Some("rule"),
        "budget" => Some("ruleset"),
        "override" => Some("param"),
        "expect" => Some("test"),
        _ => None,
    };
    if let Some(outer) = inner {
        session.error(
            Code::MisplacedBlock,
            name_at,
            format!("`{name}` stands outside every `{outer}`"),
            format!("`{name}` is a part of `{outer}`"),
            format!("move it into a `{outer}`; was a block above closed too early?"),
        );
        return;
    }
    let meant = session.similar(name, top.into_iter()).or_else(|| foreign(name));
    session.error(
        Code::UnknownBlock,
        name_at,
        format!("there is no block `{}`", shorten(name)),
        format!("at the top of a file may stand {}", shape::list(&top)),
        meant.as_ref().map_or("remove it".to_owned(), |meant| format!("did you mean `{meant}`?")),
    );
    session.fix(name_at, meant.clone());
    // Read as what was meant, it is one mistake and not one per use.
    match meant.and_then(|meant| top.iter().position(|known| *known == meant)) {
        Some(index) if top[index] == "test" || !super::cases::is_test_file(session, at) => {
            found[index].push(at);
        }
        _ => lose(session, at),
    }
}

/// Remembers the names that a block declares and that nothing will have.
fn lose(session: &mut Session<'_>, at: At) {
    if super::cases::is_test_file(session, at) {
        session.misplace();
    }
    for label in session.children(at) {
        if session.kind(label) == NodeKind::Text {
            let label = session.string(label);
            session.lose(&label);
        }
    }
}

/// The block that another language calls so.
fn foreign(name: &str) -> Option<String> {
    let meant = match name {
        "parameter" | "parameters" | "variable" | "const" | "constant" | "setting" => "param",
        "event" | "hook" => "trigger",
        "predicate" | "check" => "condition",
        "schedule" | "cron" => "timer",
        "loot" | "table" | "drops" | "drop_table" | "droptable" => "loot_table",
        _ => return None,
    };
    Some(meant.to_owned())
}

/// Whether a text is a name, `@` and a version.
fn names_context(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX
        && text.split_once('@').is_some_and(|(name, version)| {
            names::is_name(name)
                && version.parse::<u32>().is_ok_and(|n| n > 0 && n.to_string() == version)
        })
}

/// The one `ruleset` block.
pub(super) fn ruleset(session: &mut Session<'_>, found: &[At], scope: &mut Scope) {
    let Some((&first, rest)) = found.split_first() else {
        // It may be what could not be read.
        let damaged = session.files.iter().any(|file| {
            let part = |(start, end): (u32, u32)| file.text.get(start as usize..end as usize);
            file.damage.parts().filter_map(part).any(|text| text.contains("ruleset"))
        });
        if damaged {
            return;
        }
        let span = Span { file: 0, start: 0, end: 0 };
        session.report(
            Diagnostic::error(Code::NoRuleset, span, "no file has a `ruleset` block")
                .cause("it names the rule set and the version of the language")
                .help("add `ruleset \"name\" {` with `dialect = 1` and `context = \"game@1\"`"),
        );
        return;
    };
    let first_span = session.span(first);
    for &at in rest {
        let span = session.span(at);
        session.report(
            Diagnostic::error(Code::SeveralRulesets, span, "a second `ruleset` block")
                .label(first_span, "the first one is here")
                .cause("all files of a folder make one rule set")
                .help("remove it, or move its files to a folder of their own"),
        );
    }
    let block = shape::read(session, first, &RULESET);
    let mut unused = Names::default();
    if let Some(name) = label(session, &block, "ruleset", &mut unused, 0, 1) {
        scope.ruleset = name;
    }
    let mut budgets = block.blocks.iter().map(|(_, at)| *at);
    if let Some(at) = budgets.next() {
        scope.budget = budget::read(session, at);
    }
    if let Some(second) = budgets.next() {
        session.error(
            Code::DuplicateAttribute,
            second,
            "`budget` is given twice",
            "only one of them could hold",
            "put their settings into one block",
        );
    }
    if let Some(at) = block.value("dialect")
        && let Some(dialect) = constant::integer(session, at, "`dialect`")
        && dialect != DIALECT
    {
        session.error(
            Code::Dialect,
            at,
            format!("dialect {dialect} of the rule language is not known"),
            format!("this compiler reads dialect {DIALECT}"),
            "write `dialect = 1`, or use a newer compiler",
        );
    }
    if let Some(at) = block.value("context")
        && let Some(context) = constant::text(session, at, "`context`")
    {
        if !names_context(&context) {
            let lower = context.to_ascii_lowercase();
            let meant = Some(lower).filter(|lower| names_context(lower));
            let (cause, help) = match &meant {
                Some(meant) => {
                    ("a name has no capitals: a to z, 0 to 9 and `_`", format!("write \"{meant}\""))
                }
                None => (
                    "a context is a name, `@` and a version from 1",
                    "write for example \"hunt@3\"".to_owned(),
                ),
            };
            let message = format!("\"{}\" does not name a context", shorten(&context));
            session.error(Code::ContextName, at, message, cause, help);
            session.fix(at, meant.map(|meant| format!("\"{meant}\"")));
        }
        scope.context = context;
    }
}
