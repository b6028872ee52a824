//! Parameters, weights and conditions of a YAML or JSON document, by a mapping.
//!
//! The first line of the mapping whose path fits a value says what it becomes. A value that none
//! fits is left out and listed. Numbers go from text to text.

mod condition;
mod mapping;
mod path;
mod suggest;

use std::collections::{BTreeMap, BTreeSet};

pub use mapping::LINE_COUNT_MAX;
pub use suggest::suggest;

use super::document::{Document, Node, Value};
use super::naming::word;
use super::number::{Exact, decimal};
use super::report::{Effect, Fate, Item, Marks, Report, items};
use super::{DocumentError, ImportError, Imported, Input, Target, admit, source};
use crate::ir::Type;
use crate::lang::limits::{CONDITION_COUNT_MAX, PARAM_COUNT_MAX, TABLE_COUNT_MAX, WEIGHT_SUM_MAX};
use crate::lang::{self, Names, Source, Span};
use mapping::{Line, Mapping, Ty, What};

/// Bytes of declarations of one file; a file's syntax tree has room for more than that.
const FILE_TEXT_BYTES_MAX: usize = 16 << 10;
/// How often declarations that the compiler refuses are taken out and the rest is tried again.
const ATTEMPT_COUNT_MAX: usize = 16;

/// A kind of declaration and a name.
type Declared = (&'static str, String);

const PARAM: &str = "param";
const TABLE: &str = "loot_table";
const CONDITION: &str = "condition";

/// Carries the values of a YAML or JSON document over, as a mapping says. Linear in the document
/// times the lines of the mapping.
///
/// # Errors
/// [`ImportError`]; a value that cannot be carried over is no error, it is in the report.
pub fn values(input: &Input, mapping: &Input, target: &Target) -> Result<Imported, ImportError> {
    admit(std::slice::from_ref(input), target)?;
    let mapping = mapping::read(&mapping.path, &mapping.text).map_err(ImportError::Unreadable)?;
    let document = Document::any(&input.path, &input.text)
        .map_err(|error| ImportError::Unreadable(vec![error]))?;
    let mut refused: BTreeMap<Declared, String> = BTreeMap::new();
    for _ in 0..ATTEMPT_COUNT_MAX {
        let known = refused.clone();
        let mut carry = Carry::new(&document, &mapping, &known);
        carry.node(&document.root, &mut Vec::new());
        carry.tables();
        let head = carry.head(target);
        let mut files = vec![Source { name: "ruleset.rules.hcl".to_owned(), text: head }];
        for (kind, name) in [(PARAM, "params"), (CONDITION, "conditions"), (TABLE, "loot")] {
            files.extend(carry.files(kind, name));
        }
        let mut unknown = None;
        let before = refused.len();
        for file in &mut files {
            match lang::format(&file.text) {
                Ok(text) => file.text = text,
                Err(lang::FormatError::Syntax(found)) => {
                    for error in found {
                        let at = declared_at(&file.text, error.span);
                        note(&mut refused, &mut unknown, at, &file.name, error.message);
                    }
                }
                Err(error) => unknown = unknown.or(Some((file.name.clone(), error.to_string()))),
            }
        }
        if refused.len() == before && unknown.is_none() {
            let checked = lang::check(&files);
            if checked.program.is_some() {
                return Ok(carry.finish(files));
            }
            for error in checked.errors() {
                let name = checked.files.get(error.span.file as usize);
                let file = files.iter().find(|file| Some(&file.name) == name);
                let at = file.and_then(|file| declared_at(&file.text, error.span));
                let name = name.map_or("", String::as_str);
                note(&mut refused, &mut unknown, at, name, error.message.clone());
            }
        }
        if refused.len() == before {
            let (file, first) = unknown.unwrap_or_default();
            // What stands there comes from the mapping as it is written.
            return Err(match file == "ruleset.rules.hcl" {
                true => ImportError::Unreadable(vec![DocumentError {
                    path: mapping.path.clone(),
                    line: 1,
                    column: 1,
                    reason: format!("its trigger or enums do not hold: {first}"),
                }]),
                false => ImportError::Unsound { first },
            });
        }
    }
    let first = refused.into_values().next().unwrap_or_default();
    Err(ImportError::Unsound { first })
}

fn note(
    refused: &mut BTreeMap<Declared, String>,
    unknown: &mut Option<(String, String)>,
    at: Option<Declared>,
    file: &str,
    message: String,
) {
    match at {
        Some(declared) => {
            refused.entry(declared).or_insert(message);
        }
        None => *unknown = unknown.take().or(Some((file.to_owned(), message))),
    }
}

/// The declaration that holds a place: blocks begin at the beginning of a line, and nothing in them
/// does.
fn declared_at(text: &str, span: Span) -> Option<Declared> {
    let mut end = (span.start as usize).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let line_end = text[end..].find('\n').map_or(text.len(), |at| end + at);
    text[..line_end].lines().rev().find_map(|line| {
        [PARAM, TABLE, CONDITION].into_iter().find_map(|kind| {
            let label = line.strip_prefix(kind)?.strip_prefix(" \"")?;
            Some((kind, label.split('"').next()?.to_owned()))
        })
    })
}

struct Carry<'a> {
    document: &'a Document,
    mapping: &'a Mapping,
    refused: &'a BTreeMap<Declared, String>,
    marks: Marks,
    names: BTreeMap<&'static str, Names>,
    /// In order of the document.
    made: Vec<(&'static str, String)>,
    /// Weights by table, in order of the document.
    weights: Vec<(String, Vec<Weight<'a>>)>,
    used: BTreeSet<usize>,
    counts: BTreeMap<&'static str, usize>,
}

struct Weight<'a> {
    entry: String,
    exact: Exact,
    node: &'a Node,
}

impl<'a> Carry<'a> {
    fn new(
        document: &'a Document,
        mapping: &'a Mapping,
        refused: &'a BTreeMap<Declared, String>,
    ) -> Carry<'a> {
        Carry {
            document,
            mapping,
            refused,
            marks: Marks::of(document),
            names: BTreeMap::new(),
            made: Vec::new(),
            weights: Vec::new(),
            used: BTreeSet::new(),
            counts: BTreeMap::new(),
        }
    }

    fn left(&mut self, node: &Node, reason: impl Into<String>, hint: &str) {
        self.marks.left_out(node, Effect::Odds, reason, hint);
    }

    /// The first line that fits; a list or a map can only be a condition, or be ignored.
    fn line(&self, node: &Node, keys: &[String]) -> Option<(&'a Line, Vec<String>)> {
        let whole = node.is_map() || node.is_list();
        self.mapping.lines.iter().find_map(|line| match line.what {
            What::Param { .. } | What::Weight { .. } if whole => None,
            _ => Some((line, line.path.fits(keys)?)),
        })
    }

    fn node(&mut self, node: &'a Node, keys: &mut Vec<String>) {
        let Some((line, held)) = self.line(node, keys) else {
            for (index, inner) in node.list().iter().enumerate() {
                keys.push(index.to_string());
                self.node(inner, keys);
                keys.pop();
            }
            for (at, (key, inner)) in node.entries().iter().enumerate() {
                // A key that is given again below is listed by the walk over the document.
                if !node.entries().iter().skip(at + 1).any(|(later, _)| later == key) {
                    keys.push(key.clone());
                    self.node(inner, keys);
                    keys.pop();
                }
            }
            return;
        };
        self.used.insert(line.index);
        match &line.what {
            What::Ignore { why } => {
                let reason = format!("the mapping leaves it out: {why}");
                self.marks.left_out(node, Effect::Nothing, reason, "nothing");
            }
            What::Param { .. } => self.param(node, &line.what, &held),
            What::Condition { name } => self.condition(node, name, &held),
            What::Weight { table, entry } => {
                let (table, entry) =
                    (word(&filled(table, &held, None)), word(&filled(entry, &held, None)));
                self.weight(node, table, entry);
            }
        }
    }

    /// Takes a name, unless it is taken or looks like another; says so in the report.
    fn name(&mut self, kind: &'static str, wanted: &str, node: &'a Node) -> Option<String> {
        let name = word(wanted);
        if let Some(why) = self.refused.get(&(kind, name.clone())) {
            let reason = format!("the compiler refuses {kind} {name}: {why}");
            self.left(node, reason, "change the value, or its line in the mapping");
            return None;
        }
        let limit = match kind {
            PARAM => PARAM_COUNT_MAX,
            TABLE => TABLE_COUNT_MAX,
            _ => CONDITION_COUNT_MAX,
        };
        if self.counts.get(kind).is_some_and(|count| *count >= limit) {
            let reason = format!("a rule set has at most {limit} of {kind}");
            self.left(node, reason, "divide the document, each part for a rule set of its own");
            return None;
        }
        let names = self.names.entry(kind).or_default();
        if !names.is_free(&name) {
            let reason = format!("a {kind} is called {name} already, or looks like it");
            self.left(node, reason, "give it another name in the mapping");
            return None;
        }
        // It was free.
        let _ = names.add(&name, 0, Span { file: 0, start: 0, end: 0 });
        Some(name)
    }

    fn make(&mut self, kind: &'static str, text: String) {
        self.made.push((kind, text));
        *self.counts.entry(kind).or_default() += 1;
    }

    fn param(&mut self, node: &'a Node, what: &What, held: &[String]) {
        let What::Param { name, ty, range, ends, unit, doc } = what else { return };
        let literal = match literal(node, *ty, range.as_ref()) {
            Ok(literal) => literal,
            Err(reason) => {
                return self.left(node, reason, "mend the value, or its line in the mapping");
            }
        };
        let Some(name) = self.name(PARAM, &filled(name, held, None), node) else { return };
        let mut text =
            format!("param \"{name}\" {{\n  type = {}\n  default = {literal}\n", word_of(*ty));
        if let Some((low, high)) = range {
            let end = |exact: &Exact| number(*exact, *ty).unwrap_or_default();
            text.push_str(&format!("  range = [{}, {}]\n", end(low), end(high)));
        }
        if let Some((low, high)) = ends {
            text.push_str(&format!("  range = [{}, {}]\n", quoted(low), quoted(high)));
        }
        for (key, value) in [("unit", unit), ("doc", doc)] {
            if let Some(value) = value {
                text.push_str(&format!("  {key} = {}\n", quoted(&filled(value, held, None))));
            }
        }
        text.push_str("  external = true\n}\n\n");
        self.make(PARAM, text);
        self.marks.carried(node, format!("param {name} = {literal}"));
    }

    fn weight(&mut self, node: &'a Node, table: String, entry: String) {
        let exact = node.number().and_then(|text| Exact::parse(text).ok());
        let Some(exact) = exact.filter(|exact| exact.units(exact.scale()).is_some_and(|n| n > 0))
        else {
            let shown: String = node.canonical().chars().take(40).collect();
            let reason = format!("{shown} is no weight: a number above 0 with at most 30 digits");
            return self.left(node, reason, "mend it; an entry without weight never falls");
        };
        let weight = Weight { entry, exact, node };
        match self.weights.iter_mut().find(|(name, _)| *name == table) {
            Some((_, weights)) => weights.push(weight),
            None => self.weights.push((table, vec![weight])),
        }
    }

    /// Loot tables of the weights. Weights with decimals grow by one power of ten for the table.
    fn tables(&mut self) {
        for (table, weights) in std::mem::take(&mut self.weights) {
            let scale = weights.iter().map(|weight| weight.exact.scale()).max().unwrap_or(0);
            let units: Vec<Option<u64>> = weights
                .iter()
                .map(|weight| weight.exact.units(scale).and_then(|n| u64::try_from(n).ok()))
                .collect();
            let sum = units.iter().try_fold(0_u64, |sum, units| sum.checked_add((*units)?));
            if sum.is_none_or(|sum| sum > WEIGHT_SUM_MAX) {
                for weight in weights {
                    let reason = format!(
                        "with all their decimals the weights of {table} exceed {WEIGHT_SUM_MAX}"
                    );
                    self.left(weight.node, reason, "divide them, or write fewer decimals");
                }
                continue;
            }
            let Some(first) = weights.first() else { continue };
            let wanted = table.clone();
            if let Some(why) = self.refused.get(&(TABLE, table.clone())).cloned() {
                for weight in &weights {
                    let reason = format!("the compiler refuses loot_table {table}: {why}");
                    self.left(weight.node, reason, "divide it in the mapping, or write it by hand");
                }
                continue;
            }
            let node = first.node;
            if self.name(TABLE, &wanted, node).is_none() {
                for weight in &weights {
                    let reason =
                        format!("a loot_table is called {table} already, or looks like it");
                    self.left(weight.node, reason, "give it another name in the mapping");
                }
                continue;
            }
            let mut text = format!("loot_table \"{table}\" {{\n");
            let mut entries = Names::default();
            for (weight, units) in weights.iter().zip(units) {
                if !entries.is_free(&weight.entry) {
                    let reason = format!(
                        "{table} has an entry {} already, or one that looks like it",
                        weight.entry
                    );
                    self.left(weight.node, reason, "give it another name in the mapping");
                    continue;
                }
                let _ = entries.add(&weight.entry, 0, Span { file: 0, start: 0, end: 0 });
                let units = units.unwrap_or(1);
                text.push_str(&format!("  entry \"{}\" {{ weight = {units} }}\n", weight.entry));
                let to = format!("loot_table {table}: entry {}, weight = {units}", weight.entry);
                match scale {
                    0 => self.marks.carried(weight.node, to),
                    scale => {
                        let reason = format!(
                            "weights are whole: all of this table are multiplied by 10^{scale}"
                        );
                        self.marks.adapted(weight.node, to, reason, "nothing");
                    }
                }
            }
            text.push_str("}\n\n");
            self.make(TABLE, text);
        }
    }

    fn head(&self, target: &Target) -> String {
        let mut text = String::new();
        source::ruleset(&mut text, &target.ruleset, &target.context);
        for (name, values) in &self.mapping.enums {
            let values: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
            text.push_str(&format!("enum \"{name}\" {{ values = [{}] }}\n\n", values.join(", ")));
        }
        if let Some((name, fields)) = &self.mapping.trigger {
            let fields: Vec<_> =
                fields.iter().map(|(name, ty)| (name.clone(), ty.clone(), None)).collect();
            source::trigger(&mut text, name, &fields);
        }
        text
    }

    /// The declarations of one kind, in as many files as they need.
    fn files(&self, kind: &str, name: &str) -> Vec<Source> {
        let mut files: Vec<Source> = Vec::new();
        for (_, text) in self.made.iter().filter(|(of, _)| *of == kind) {
            match files
                .last_mut()
                .filter(|file| file.text.len() + text.len() <= FILE_TEXT_BYTES_MAX)
            {
                Some(file) => file.text.push_str(text),
                None => {
                    let name = match files.len() {
                        0 => format!("{name}.rules.hcl"),
                        before => format!("{name}_{}.rules.hcl", before + 1),
                    };
                    let from = source::remark(&self.document.path);
                    files.push(Source { name, text: format!("# From {from}.\n\n{text}") });
                }
            }
        }
        files
    }

    fn finish(self, mut files: Vec<Source>) -> Imported {
        files.sort();
        let mut report = Report {
            table_count: self.counts.get(TABLE).copied().unwrap_or(0),
            param_count: self.counts.get(PARAM).copied().unwrap_or(0),
            condition_count: self.counts.get(CONDITION).copied().unwrap_or(0),
            ..Report::default()
        };
        items(self.document, &self.marks, "no line of the mapping fits it", &mut report.items);
        report.items.sort_by_key(|item| (item.line, item.column));
        // A line that fits nothing is most likely a mistake in its path.
        for line in self.mapping.lines.iter().filter(|line| !self.used.contains(&line.index)) {
            report.items.push(Item {
                path: self.mapping.path.clone(),
                line: line.node.place.line,
                column: line.node.place.column,
                pointer: format!("/map/{}", line.index),
                value: line.node.canonical().chars().take(200).collect(),
                fate: Fate::LeftOut,
                to: None,
                reason: Some("this line of the mapping decides about no value".to_owned()),
                hint: Some("check its path, and the lines before it".to_owned()),
                effect: Some(Effect::Nothing),
            });
        }
        Imported { files, report }
    }
}

/// A template with `{1}`, `{2}` … for what wildcards stand for, and `{key}` for a value beside.
fn filled(template: &str, held: &[String], of: Option<&Node>) -> String {
    let mut text = template.to_owned();
    for (index, value) in held.iter().enumerate() {
        text = text.replace(&format!("{{{}}}", index + 1), value);
    }
    for (key, value) in of.map_or(&[][..], Node::entries) {
        if let Some(value) = value.text() {
            text = text.replace(&format!("{{{key}}}"), value);
        }
    }
    text
}

fn word_of(ty: Ty) -> &'static str {
    match ty {
        Ty::Bool => "bool",
        Ty::Int => "int",
        Ty::Decimal => "decimal",
        Ty::Duration => "duration",
    }
}

/// A text of the language. What it cannot hold is refused by the compiler, which is listed.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// A number as a literal of a type.
fn number(exact: Exact, ty: Ty) -> Result<String, String> {
    match ty {
        Ty::Int => exact.whole().map(|n| n.to_string()).ok_or_else(|| {
            let reason = "is no int: whole numbers of 64 bits";
            reason.to_owned()
        }),
        _ if exact.scale() > 6 => Err(format!("has {} decimals, limit 6", exact.scale())),
        _ => match exact.units(6).filter(|units| i64::try_from(*units).is_ok()) {
            Some(units) => Ok(decimal(units)),
            None => Err("is too large for a decimal".to_owned()),
        },
    }
}

/// A value as a literal of a parameter, within its range.
fn literal(node: &Node, ty: Ty, range: Option<&(Exact, Exact)>) -> Result<String, String> {
    let shown: String = node.canonical().chars().take(60).collect();
    match (ty, &node.value) {
        (Ty::Bool, Value::Bool(yes)) => Ok(yes.to_string()),
        (Ty::Bool, Value::Text(text))
            if ["yes", "no", "on", "off"].contains(&text.to_lowercase().as_str()) =>
        {
            Err(format!("{shown} is a text in YAML 1.2; write true or false"))
        }
        (Ty::Duration, Value::Text(text)) => {
            match crate::value::parse(Type::Duration, text, &NoNames) {
                Ok(_) => Ok(quoted(text)),
                Err(error) => Err(error.to_string()),
            }
        }
        (Ty::Int | Ty::Decimal, Value::Number(text)) => {
            let exact = Exact::parse(text).map_err(|error| format!("{shown} is {error}"))?;
            let literal = number(exact, ty).map_err(|reason| format!("{shown} {reason}"))?;
            let six = |exact: &Exact| exact.units(6);
            if let Some((low, high)) = range
                && !(six(low) <= six(&exact) && six(&exact) <= six(high))
            {
                let end = |exact: &Exact| number(*exact, ty).unwrap_or_default();
                return Err(format!("{shown} is outside {} to {}", end(low), end(high)));
            }
            Ok(literal)
        }
        _ => Err(format!("{shown} is no {}", word_of(ty))),
    }
}

/// Durations have no names.
struct NoNames;

impl crate::value::Names for NoNames {
    fn enum_value(&self, _: u16, _: u32) -> Option<&str> {
        None
    }
    fn enum_index(&self, _: u16, _: &str) -> Option<u32> {
        None
    }
    fn symbol(&self, _: u32) -> Option<&str> {
        None
    }
    fn symbol_index(&self, _: &str) -> Option<u32> {
        None
    }
}
