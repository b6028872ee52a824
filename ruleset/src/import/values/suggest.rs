//! A first mapping for a document, to be reviewed: types and ranges are guesses.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::import::document::{Document, Node, Value};
use crate::import::naming::word;
use crate::import::number::{Exact, decimal};
use crate::import::{DocumentError, Input};

/// Parts of the names of maps that look like weights.
const WEIGHTS: [&str; 4] = ["loot", "drop", "weight", "table"];

/// What was seen of the values that one path stands for.
#[derive(Default)]
struct Seen {
    numbers: Vec<Exact>,
    bools: usize,
    others: usize,
}

/// Writes a mapping for a document. With it every number and every yes or no becomes something,
/// unless names collide; texts are ignored until somebody decides about them.
///
/// # Errors
/// [`DocumentError`] when the document cannot be read.
pub fn suggest(input: &Input) -> Result<String, DocumentError> {
    let document = Document::any(&input.path, &input.text)?;
    let mut paths: BTreeMap<Vec<String>, Seen> = BTreeMap::new();
    let mut conditions: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut fields: BTreeMap<String, Field> = BTreeMap::new();
    visit(&document.root, &mut Vec::new(), &mut |path, node| {
        if is_condition(node) {
            conditions.insert(path.to_vec());
            asked(node, &mut fields);
            return;
        }
        let seen = paths.entry(path.to_vec()).or_default();
        match &node.value {
            Value::Number(text) => match Exact::parse(text) {
                Ok(exact) => seen.numbers.push(exact),
                Err(_) => seen.others += 1,
            },
            Value::Bool(_) => seen.bools += 1,
            _ => seen.others += 1,
        }
    });
    let shown: String = input.path.chars().filter(|c| !c.is_control()).collect();
    let mut out = format!("# A first mapping for {shown}: review names, types and ranges.\n");
    trigger(&mut out, &fields);
    out.push_str("map:\n");
    for path in &conditions {
        let _ = writeln!(out, "  - {{ path: {}, condition: \"{{name}}\" }}", path_text(path));
    }
    for (path, seen) in &paths {
        line(&mut out, path, seen);
    }
    if conditions.is_empty() && paths.is_empty() {
        out.push_str("  []\n");
    }
    Ok(out)
}

/// Leaves and conditions with their paths; maps of one shape beside each other share a wildcard.
fn visit<'n>(node: &'n Node, path: &mut Vec<String>, see: &mut impl FnMut(&[String], &'n Node)) {
    let inner = node.list().len() + node.entries().len();
    if is_condition(node) || inner == 0 {
        if !path.is_empty() {
            see(path, node);
        }
        return;
    }
    for node in node.list() {
        path.push("*".to_owned());
        visit(node, path, see);
        path.pop();
    }
    let maps = node.entries().iter().filter(|(_, node)| node.is_map()).count();
    let weights = is_weights(node, path);
    for (key, inner) in node.entries() {
        let alike = maps > 1 && maps == node.entries().len() && !path.is_empty();
        path.push(if alike || weights { "*".to_owned() } else { key.clone() });
        visit(inner, path, see);
        path.pop();
    }
}

/// A map of nothing but numbers above 0, below something that is called like weights.
fn is_weights(node: &Node, path: &[String]) -> bool {
    let positive = |node: &Node| {
        let exact = node.number().and_then(|text| Exact::parse(text).ok());
        exact.is_some_and(|exact| exact.units(exact.scale()).is_some_and(|units| units > 0))
    };
    node.entries().len() > 1
        && node.entries().iter().all(|(_, node)| positive(node))
        && path.iter().any(|key| WEIGHTS.iter().any(|word| key.to_lowercase().contains(word)))
}

fn is_condition(node: &Node) -> bool {
    let has = |key: &str| node.get(key).is_some();
    node.get("name").and_then(Node::text).is_some()
        && (has("all") || has("any") || has("not") || (has("field") && has("op")))
}

/// What conditions ask of a field.
#[derive(Default)]
struct Field {
    numbers: Vec<Exact>,
    bools: usize,
    texts: BTreeSet<String>,
}

fn asked(node: &Node, fields: &mut BTreeMap<String, Field>) {
    node.walk(&mut |node| {
        let (Some(field), Some(value)) =
            (node.get("field").and_then(Node::text), node.get("value"))
        else {
            return;
        };
        let seen = fields.entry(field.to_owned()).or_default();
        let values = if value.is_list() { value.list() } else { std::slice::from_ref(value) };
        for value in values {
            match &value.value {
                Value::Number(text) => seen.numbers.extend(Exact::parse(text)),
                Value::Bool(_) => seen.bools += 1,
                Value::Text(text) => {
                    seen.texts.insert(text.clone());
                }
                _ => {}
            }
        }
    });
}

fn trigger(out: &mut String, fields: &BTreeMap<String, Field>) {
    let sound = |name: &&String| crate::lang::is_name(name);
    let known: Vec<(&String, &Field)> = fields.iter().filter(|(name, _)| sound(name)).collect();
    if known.is_empty() {
        return;
    }
    let mut enums = String::new();
    let _ = writeln!(out, "trigger:\n  name: event\n  fields:");
    for (name, field) in known {
        let values: Vec<&String> = field.texts.iter().filter(sound).collect();
        let ty = match (field.numbers.is_empty(), field.bools > 0) {
            (false, _) => {
                let fraction = field.numbers.iter().any(|number| number.scale() > 0);
                let (low, high) = range(&field.numbers, fraction);
                format!("{}({low}, {high})", if fraction { "decimal" } else { "int" })
            }
            (true, true) => "bool".to_owned(),
            (true, false) if values.len() == field.texts.len() && !values.is_empty() => {
                let values: Vec<&str> = values.into_iter().map(String::as_str).collect();
                let _ = writeln!(enums, "  {name}: [{}]", values.join(", "));
                name.clone()
            }
            (true, false) => "bool".to_owned(),
        };
        let _ = writeln!(out, "    {name}: \"{ty}\"");
    }
    if !enums.is_empty() {
        let _ = write!(out, "enums:\n{enums}");
    }
}

/// A range that holds all of them with room: from 0, to ten times the largest.
fn range(numbers: &[Exact], fraction: bool) -> (String, String) {
    let units = |exact: &Exact| exact.rounded(6).unwrap_or(0);
    let low = numbers.iter().map(units).min().unwrap_or(0);
    let high = numbers.iter().map(units).max().unwrap_or(0);
    let one = 1_000_000;
    let reach =
        |units: i128| (units.abs().saturating_mul(10)).clamp(one, i128::from(i64::MAX) / one * one);
    let low = if low < 0 { -reach(low) } else { 0 };
    let high = match fraction && low == 0 && high <= one {
        true => one,
        false => reach(high),
    };
    match fraction {
        true => (decimal(low), decimal(high)),
        false => ((low / one).to_string(), (high / one).to_string()),
    }
}

fn line(out: &mut String, path: &[String], seen: &Seen) {
    let text = path_text(path);
    let mut star = 0;
    let mut names: Vec<String> = Vec::new();
    for key in path {
        match key.as_str() {
            "*" => {
                star += 1;
                names.push(format!("{{{star}}}"));
            }
            key => names.push(word(key)),
        }
    }
    let whole = seen.numbers.iter().all(|number| number.scale() == 0);
    let is_weight = path.last().is_some_and(|key| key == "*")
        && path.iter().any(|key| WEIGHTS.iter().any(|word| key.to_lowercase().contains(word)));
    let _ = match (seen.numbers.len(), seen.bools, seen.others) {
        (1.., 0, 0) if is_weight && star > 0 => {
            let table = match star {
                1 => path
                    .iter()
                    .rev()
                    .find(|key| *key != "*")
                    .map_or("loot".to_owned(), |key| word(key)),
                star => format!("{{{}}}", star - 1),
            };
            writeln!(out, "  - {{ path: {text}, weight: \"{table}.{{{star}}}\" }}")
        }
        (1.., 0, 0) => {
            let (low, high) = range(&seen.numbers, !whole);
            let ty = if whole { "int" } else { "decimal" };
            // The words that tell values apart: what wildcards stand for, and the last key.
            let name = match names.iter().position(|name| name.starts_with('{')) {
                Some(at) => names[at..].join("_"),
                None => names.join("_"),
            };
            writeln!(
                out,
                "  - {{ path: {text}, param: \"{name}\", type: {ty}, range: [{low}, {high}] }}"
            )
        }
        (0, 1.., 0) => {
            writeln!(out, "  - {{ path: {text}, param: \"{}\", type: bool }}", names.join("_"))
        }
        _ => writeln!(
            out,
            "  - {{ path: {text}, ignore: \"neither numbers nor yes and no alone\" }}"
        ),
    };
}

/// A path in quotes; with slashes where a key holds a dot.
fn path_text(path: &[String]) -> String {
    let text = match path.iter().any(|key| key.contains('.')) {
        true => format!("/{}", path.join("/")),
        false => path.join("."),
    };
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
