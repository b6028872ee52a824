//! The shape of blocks: which attributes, labels and inner blocks each may have.

use std::collections::BTreeSet;

use super::constant::{counted, shorten};
use super::session::{At, Session};
use super::tree::NodeKind;
use super::{Code, Diagnostic, Span, foreign};

/// What a kind of block may hold.
pub(super) struct Schema {
    pub(super) kind: &'static str,
    pub(super) labels: usize,
    pub(super) required: &'static [&'static str],
    pub(super) optional: &'static [&'static str],
    /// Any other attribute is welcome too: the payload of an outcome.
    pub(super) open: bool,
    pub(super) blocks: &'static [&'static str],
}

/// A block that was held against its schema; what did not fit is reported and left out.
pub(super) struct Block {
    /// Its first line, for errors about the whole.
    pub(super) header: Span,
    pub(super) labels: Vec<At>,
    /// Name and value nodes, in order.
    pub(super) attributes: Vec<(At, At)>,
    /// Kind name and block, in order.
    pub(super) blocks: Vec<(&'static str, At)>,
    /// Part of it could not be read: what seems to be missing may stand there.
    pub(super) damaged: bool,
    names: Vec<String>,
    /// Names of its attributes, whether or not they are known.
    written: BTreeSet<String>,
}

impl Block {
    /// A block of which only the label matters yet.
    pub(super) fn bare(header: Span, labels: Vec<At>) -> Block {
        Block {
            header,
            labels,
            attributes: Vec::new(),
            blocks: Vec::new(),
            damaged: false,
            names: Vec::new(),
            written: BTreeSet::new(),
        }
    }

    /// The value of an attribute.
    pub(super) fn value(&self, name: &str) -> Option<At> {
        let index = self.names.iter().position(|known| known == name)?;
        self.attributes.get(index).map(|(_, value)| *value)
    }
}

/// Reads the block at `at`.
pub(super) fn read(session: &mut Session<'_>, at: At, schema: &Schema) -> Block {
    let mut block = Block {
        header: session.span(at),
        labels: Vec::new(),
        attributes: Vec::new(),
        blocks: Vec::new(),
        damaged: session.is_damaged(at),
        names: Vec::new(),
        written: written(session, at),
    };
    for child in session.children(at).into_iter().skip(1) {
        match session.kind(child) {
            NodeKind::Text => block.labels.push(child),
            NodeKind::Attribute => attribute(session, child, schema, &mut block),
            NodeKind::Block => inner(session, child, schema, &mut block),
            NodeKind::Damaged => block.damaged = true,
            _ => {}
        }
    }
    if block.labels.len() != schema.labels {
        let (kind, header) = (schema.kind, block.header);
        let usage =
            if schema.labels == 1 { format!("{kind} \"name\" {{") } else { format!("{kind} {{") };
        session.report(
            Diagnostic::error(
                Code::Labels,
                header,
                format!(
                    "`{kind}` with {}, where {} belongs",
                    counted(block.labels.len(), "label"),
                    if schema.labels == 0 { "none".to_owned() } else { schema.labels.to_string() }
                ),
            )
            .cause(match schema.labels {
                0 => "such a block has no name: its attributes say all",
                _ => "the label is the name of what is declared",
            })
            .help(format!("write `{usage}`")),
        );
        // What seems to be missing may be what the label says.
        block.damaged |= schema.labels == 0;
    }
    let missing: Vec<&str> =
        schema.required.iter().copied().filter(|name| block.value(name).is_none()).collect();
    if !(missing.is_empty() || block.damaged) {
        let values: Vec<String> = missing.iter().map(|name| format!("{name} = …")).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        session.report(
            Diagnostic::error(
                Code::MissingAttribute,
                block.header,
                format!("this `{}` has no `{}`", schema.kind, missing.join("`, no `")),
            )
            .cause(format!("every `{}` needs {}", schema.kind, list(schema.required)))
            .help(format!("add {}", list(&values))),
        );
    }
    block
}

/// Reads the object at `at` (`{ name = value, … }`) as if it were a block without labels.
pub(super) fn object(session: &mut Session<'_>, at: At, schema: &Schema) -> Block {
    let mut block = Block::bare(session.span(at), Vec::new());
    block.written = written(session, at);
    for child in session.children(at) {
        attribute(session, child, schema, &mut block);
    }
    block
}

/// The names of the attributes of a block or an object.
fn written(session: &Session<'_>, at: At) -> BTreeSet<String> {
    let attributes = session.children(at).into_iter();
    let attributes = attributes.filter(|child| session.kind(*child) == NodeKind::Attribute);
    attributes.filter_map(|at| Some(session.text(session.child(at, 0)?).to_owned())).collect()
}

fn attribute(session: &mut Session<'_>, at: At, schema: &Schema, block: &mut Block) {
    let (Some(name_at), Some(value)) = (session.child(at, 0), session.child(at, 1)) else { return };
    let name = session.text(name_at);
    let known = schema.required.iter().chain(schema.optional);
    if !schema.open && !known.clone().any(|known| *known == name) {
        let all: Vec<&str> = known.copied().collect();
        let mut cause = format!("it may have {}", list(&all));
        if !schema.blocks.is_empty() {
            let plural = if schema.blocks.len() == 1 { "" } else { "s" };
            cause.push_str(&format!(", and the block{plural} {}", list(schema.blocks)));
        }
        let foreign = foreign::attribute(name).filter(|(meant, _)| all.contains(meant));
        let meant = match foreign {
            Some((meant, _)) => Some(meant.to_owned()),
            None => session.similar(name, all.iter().copied()),
        };
        let block_of =
            schema.blocks.iter().find(|kind| name.strip_suffix('s').unwrap_or(name) == **kind);
        let given = meant
            .as_ref()
            .is_some_and(|meant| block.written.contains(meant) || block.names.contains(meant));
        let help = match (&meant, block_of) {
            (Some(meant), _) if given => format!("`{meant}` is there already: remove this one"),
            (_, Some(kind)) => format!("`{kind}` is a block: write `{kind}{} {{`", label_of(kind)),
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            _ if matches!(name, "min" | "max") && all.contains(&"range") => {
                "write `range = [smallest, largest]`".to_owned()
            }
            _ => "write what is meant as one of these, or remove it".to_owned(),
        };
        session.error(
            Code::UnknownAttribute,
            name_at,
            format!("`{}` has no attribute `{}`", schema.kind, shorten(name)),
            cause,
            help,
        );
        let alike = foreign.is_none_or(|(_, alike)| alike) && block_of.is_none() && !given;
        let meant = meant.filter(|_| alike);
        session.fix(name_at, meant.clone());
        // It may stand for what seems to be missing.
        block.damaged = true;
        if let Some(meant) = meant {
            block.names.push(meant);
            block.attributes.push((name_at, value));
        }
        return;
    }
    if let Some(index) = block.names.iter().position(|known| known == name) {
        let first = block.attributes.get(index).map(|(name, _)| session.span(*name));
        let span = session.span(name_at);
        let mut diagnostic =
            Diagnostic::error(Code::DuplicateAttribute, span, format!("`{name}` is given twice"))
                .cause("only one of the values could hold")
                .help("remove one of them");
        if let Some(first) = first {
            diagnostic = diagnostic.label(first, "given here first");
        }
        session.report(diagnostic);
        return;
    }
    block.names.push(name.to_owned());
    block.attributes.push((name_at, value));
}

/// The label of a block inside another one, as it is written.
fn label_of(kind: &str) -> &'static str {
    match kind {
        "override" | "budget" => "",
        _ => " \"name\"",
    }
}

fn inner(session: &mut Session<'_>, at: At, schema: &Schema, block: &mut Block) {
    let Some(name_at) = session.child(at, 0) else { return };
    let name = session.text(name_at);
    if let Some(kind) = schema.blocks.iter().find(|kind| **kind == name) {
        block.blocks.push((kind, at));
        return;
    }
    block.damaged = true;
    let known =
        super::parser::TOP_BLOCKS.contains(&name) || super::parser::INNER_BLOCKS.contains(&name);
    let (code, message) = if known {
        (Code::MisplacedBlock, format!("`{name}` cannot stand inside `{}`", schema.kind))
    } else {
        (Code::UnknownBlock, format!("there is no block `{name}` in `{}`", schema.kind))
    };
    let cause = if schema.blocks.is_empty() {
        format!("`{}` holds attributes alone", schema.kind)
    } else {
        format!("`{}` may hold {}", schema.kind, list(schema.blocks))
    };
    let meant = session.similar(name, schema.blocks.iter().copied());
    if let Some(kind) = schema.blocks.iter().find(|kind| meant.as_deref() == Some(**kind)) {
        block.blocks.push((kind, at));
    }
    let header = session.span(at);
    let attribute = schema.required.iter().chain(schema.optional).any(|known| *known == name);
    let labels = session.child(at, 1).is_some_and(|label| session.kind(label) == NodeKind::Text);
    if attribute && !labels {
        session.report(
            Diagnostic::error(
                code,
                session.span(name_at),
                format!("`{name}` is an attribute of `{}`, not a block", schema.kind),
            )
            .cause(cause)
            .help(format!("write `{name} = {{`"))
            .edit(header, format!("{name} = {{")),
        );
        return;
    }
    let help = match &meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known => "move it out; is a `}` missing above?".to_owned(),
        None => "remove it".to_owned(),
    };
    session.error(code, name_at, message, cause, help);
    session.fix(name_at, meant);
}

/// "`a`, `b` and `c`".
pub(super) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
