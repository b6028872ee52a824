//! Loot tables in Minecraft's JSON.
//!
//! A document becomes a file with a trigger of its name, which the game fires to have that loot
//! rolled, and a rule that gives it. A pool becomes a loot table: `rolls` are the table's, entries
//! keep their weights. Pools with conditions have rules of their own, because there a condition may
//! draw. A document that others roll on becomes one table that gives all of its pools.
//!
//! Odds are kept exactly, without luck; [`super::Report`] says what differs.

mod build;
mod cond;
mod condition;
mod entry;
mod function;
mod pool;
mod provider;

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, Node};
use super::naming::{Naming, bare, word};
use super::report::{Effect, Marks, Report, items};
use super::source::{self, Gives, Rule, Table};
use super::{ImportError, Imported, Input, Target, admit};
use crate::lang::limits::OUTCOME_COUNT_MAX;
use crate::lang::{self, FormatError, Source};
use cond::Cond;
use entry::NOTHING;
use pool::Pool;
use provider::Share;

/// Chances that the entries of one pool may draw for each roll; each doubles its tables.
pub const ATOM_COUNT_MAX: usize = 4;
/// Different conditions of a pool none of whose entries is without one.
pub const CASE_COUNT_MAX: usize = 8;
/// Pools of one table that are carried over.
pub(super) const POOL_COUNT_MAX: usize = 60;
/// Parts of all conditions of one pool; `alternatives` repeat those of the entries before.
pub(super) const CONDITION_PARTS_MAX: usize = 20_000;
/// How often tables that the compiler refuses are taken out and the rest is tried again.
const ATTEMPT_COUNT_MAX: usize = 16;
/// The reason for what nobody looked at.
const UNKNOWN: &str = "the importer does not know what this is for";
/// Name of the file with the `ruleset` block.
const HEAD: &str = "ruleset";

/// The odds of a draw.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Chance {
    Share(Share),
    /// It follows a level that is a field of the trigger.
    Levelled {
        text: String,
        field: String,
    },
}

/// What one attempt made.
#[derive(Default)]
struct Files {
    /// With the document that each came from.
    files: Vec<(Option<usize>, Source)>,
    rule_count: usize,
    /// Documents whose file has no layout, with the reason.
    refused: Vec<(usize, String)>,
}

/// One attempt: everything that is known while documents are carried over.
struct Carry<'a> {
    ids: &'a Ids<'a>,
    /// By document: its table's name.
    names: Vec<String>,
    /// References (from, to) that would close a circle.
    apart: &'a BTreeSet<(usize, usize)>,
    /// Documents that the compiler refused, with its words.
    excluded: &'a BTreeMap<usize, String>,
    /// The document at hand.
    at: usize,
    marks: Vec<Marks>,
    tables: Naming,
    fields: Naming,
    /// Type of each field of triggers, with a remark.
    types: BTreeMap<String, (String, Option<String>)>,
    /// What the game answers: question to field.
    worlds: BTreeMap<String, String>,
    /// Id to name, and all names.
    items: BTreeMap<String, String>,
    item_names: BTreeSet<String>,
    draws: Vec<Chance>,
    /// Tables that give something while a condition holds.
    gates: BTreeMap<(Cond, Gives), String>,
    /// Tables with the document that they belong to.
    made: Vec<(usize, Table)>,
}

/// Carries loot tables in Minecraft's JSON over. Linear in the documents, but for what conditions
/// multiply, which [`ATOM_COUNT_MAX`] and its kin bound.
///
/// # Errors
/// [`ImportError`]; a table that cannot be carried over is no error, it is in the report.
pub fn loot_tables(inputs: &[Input], target: &Target) -> Result<Imported, ImportError> {
    admit(inputs, target)?;
    let mut sorted: Vec<&Input> = inputs.iter().collect();
    sorted.sort_by(|a, b| (&a.id, &a.path).cmp(&(&b.id, &b.path)));
    let mut documents = Vec::new();
    let mut unreadable = Vec::new();
    for input in &sorted {
        match Document::json(&input.path, &input.text) {
            Ok(document) => documents.push(document),
            Err(error) => unreadable.push(error),
        }
    }
    if !unreadable.is_empty() {
        return Err(ImportError::Unreadable(unreadable));
    }
    let mut ids = Ids::default();
    for (index, input) in sorted.iter().enumerate() {
        if let Some(first) = ids.add(&input.id, index) {
            let first = sorted.get(first).map_or(String::new(), |input| input.path.clone());
            let (id, second) = (input.id.clone(), input.path.clone());
            return Err(ImportError::Twice { id, first, second });
        }
    }
    let apart = circles(&documents, &ids);
    let mut excluded: BTreeMap<usize, String> = BTreeMap::new();
    for _ in 0..ATTEMPT_COUNT_MAX {
        let mut carry = Carry::new(&sorted, &documents, &ids, &apart, &excluded);
        let Files { files, rule_count, refused } = carry.all(&documents, target);
        if !refused.is_empty() {
            excluded.extend(refused);
            continue;
        }
        let sources: Vec<Source> = files.iter().map(|(_, source)| source.clone()).collect();
        let checked = lang::check(&sources);
        let mut report = Report {
            items: Vec::new(),
            table_count: carry.made.len(),
            rule_count,
            ..Report::default()
        };
        if checked.program.is_some() {
            for (document, marks) in documents.iter().zip(&carry.marks) {
                items(document, marks, UNKNOWN, &mut report.items);
            }
            report
                .items
                .sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
            let mut files = sources;
            files.sort();
            return Ok(Imported { files, report });
        }
        let before = excluded.len();
        let mut first = None;
        for error in checked.errors() {
            let name = checked.files.get(error.span.file as usize);
            let owner = files.iter().find(|(_, source)| Some(&source.name) == name);
            if let Some((Some(index), _)) = owner {
                excluded.entry(*index).or_insert_with(|| error.message.clone());
            }
            first = first.or(Some(error.message.clone()));
        }
        if excluded.len() == before {
            return Err(ImportError::Unsound { first: first.unwrap_or_default() });
        }
    }
    let first = excluded.into_values().next().unwrap_or_default();
    Err(ImportError::Unsound { first })
}

/// Documents by what others call them.
#[derive(Default)]
struct Ids<'i> {
    exact: BTreeMap<&'i str, usize>,
    /// By the last part of the path: those that an id which nobody has may mean.
    last: BTreeMap<&'i str, Vec<(&'i str, usize)>>,
}

/// The path of an id, without its namespace.
fn path_of(id: &str) -> &str {
    id.split_once(':').map_or(id, |(_, path)| path)
}

fn last_of(id: &str) -> &str {
    path_of(id).rsplit('/').next().unwrap_or("")
}

impl<'i> Ids<'i> {
    /// The document that had the id before, if any.
    fn add(&mut self, id: &'i str, index: usize) -> Option<usize> {
        self.last.entry(last_of(id)).or_default().push((path_of(id), index));
        self.exact.insert(id, index)
    }

    /// The document that an id names, and whether it is exactly that. Without one, the only
    /// document whose id ends in the same path is taken.
    fn resolve(&self, id: &str) -> Option<(usize, bool)> {
        let whole = if id.contains(':') { id.to_owned() } else { format!("minecraft:{id}") };
        if let Some(index) = self.exact.get(whole.as_str()) {
            return Some((*index, true));
        }
        let wanted = path_of(&whole);
        let ends = |text: &str, end: &str| {
            text.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        let known = self.last.get(last_of(&whole)).map_or(&[][..], Vec::as_slice);
        let mut alike = known.iter().filter(|(path, _)| ends(wanted, path) || ends(path, wanted));
        let (_, index) = alike.next()?;
        alike.next().is_none().then_some((*index, false))
    }
}

/// References that lead back to where they come from, found depth first in order of documents.
fn circles(documents: &[Document], ids: &Ids<'_>) -> BTreeSet<(usize, usize)> {
    let references = |document: &Document| {
        let mut found: Vec<usize> = Vec::new();
        document.root.walk(&mut |node: &Node| {
            if node.get("type").and_then(Node::text).map(bare) == Some("loot_table") {
                let name = node.get("value").or_else(|| node.get("name")).and_then(Node::text);
                found.extend(name.and_then(|name| ids.resolve(name)).map(|(index, _)| index));
            }
        });
        found.sort_unstable();
        found.dedup();
        found
    };
    let edges: Vec<Vec<usize>> = documents.iter().map(references).collect();
    let mut apart = BTreeSet::new();
    let (mut open, mut done) = (vec![false; edges.len()], vec![false; edges.len()]);
    for start in 0..edges.len() {
        let mut stack = vec![(start, 0)];
        while let Some((at, edge)) = stack.pop() {
            if edge == 0 && (done[at] || std::mem::replace(&mut open[at], true)) {
                continue;
            }
            let Some(&next) = edges[at].get(edge) else {
                (open[at], done[at]) = (false, true);
                continue;
            };
            stack.push((at, edge + 1));
            if open[next] {
                apart.insert((at, next));
            } else if !done[next] {
                stack.push((next, 0));
            }
        }
    }
    apart
}

impl<'a> Carry<'a> {
    fn new(
        inputs: &[&Input],
        documents: &[Document],
        ids: &'a Ids<'a>,
        apart: &'a BTreeSet<(usize, usize)>,
        excluded: &'a BTreeMap<usize, String>,
    ) -> Carry<'a> {
        let mut tables = Naming::default();
        // The file with the `ruleset` block has this name.
        tables.fresh(HEAD);
        let names = inputs.iter().map(|input| tables.fresh(&word(bare(&input.id)))).collect();
        Carry {
            ids,
            names,
            apart,
            excluded,
            at: 0,
            marks: documents.iter().map(Marks::of).collect(),
            tables,
            fields: Naming::default(),
            types: BTreeMap::new(),
            worlds: BTreeMap::new(),
            items: BTreeMap::new(),
            item_names: BTreeSet::from([NOTHING.to_owned()]),
            draws: Vec::new(),
            gates: BTreeMap::new(),
            made: Vec::new(),
        }
    }

    /// The marks of the document at hand.
    fn marks(&mut self) -> &mut Marks {
        &mut self.marks[self.at]
    }

    /// All documents.
    fn all(&mut self, documents: &'a [Document], target: &Target) -> Files {
        let mut plans = Vec::new();
        for (index, document) in documents.iter().enumerate() {
            self.at = index;
            plans.push(self.document(index, document));
        }
        let wanted: BTreeSet<usize> = (self.made.iter())
            .flat_map(|(_, table)| &table.entries)
            .filter_map(|entry| match entry.gives {
                Gives::Document(index) => Some(index),
                _ => None,
            })
            .collect();
        let mut wholes: BTreeMap<usize, Gives> = BTreeMap::new();
        for index in wanted {
            self.at = index;
            let name = self.names[index].clone();
            let gives = self.whole_table(&plans[index], &name);
            wholes.insert(index, gives);
        }
        for (_, table) in &mut self.made {
            for entry in &mut table.entries {
                if let Gives::Document(index) = entry.gives {
                    let nothing = || Gives::Item(NOTHING.to_owned());
                    entry.gives = wholes.get(&index).cloned().unwrap_or_else(nothing);
                }
            }
        }
        let mut rules = Naming::default();
        let mut ruled = Vec::new();
        for (index, plan) in plans.iter().enumerate() {
            self.at = index;
            ruled.push(self.rules(plan, &mut rules));
        }
        let rule_count = ruled.iter().map(Vec::len).sum();
        let mut head = String::new();
        source::ruleset(&mut head, &target.ruleset, &target.context);
        let named = |name: &str, text| Source { name: format!("{name}{}", lang::SUFFIX), text };
        // Names were admitted, so it cannot be refused.
        let head = lang::format(&head).unwrap_or(head);
        let mut made =
            Files { files: vec![(None, named(HEAD, head))], rule_count, ..Files::default() };
        let needed = self.needed();
        for (index, document) in documents.iter().enumerate() {
            let Some(text) = self.file(index, document, &ruled[index], &needed) else { continue };
            match lang::format(&text) {
                Ok(text) => made.files.push((Some(index), named(&self.names[index], text))),
                Err(error) => made.refused.push((index, refusal(&error))),
            }
        }
        made
    }

    fn document(&mut self, index: usize, document: &'a Document) -> Vec<Pool<'a>> {
        let root = &document.root;
        if let Some(why) = self.excluded.get(&index) {
            let reason = format!("the compiler refuses what it becomes: {why}");
            let hint = "write this table by hand, or in two parts";
            self.marks().left_out(root, Effect::Odds, reason, hint);
            return Vec::new();
        }
        let kind = root.get("type").and_then(Node::text);
        if !root.get("pools").is_some_and(Node::is_list) && kind.is_none() {
            let reason = "it is no loot table: there is no list `pools`";
            self.marks().left_out(root, Effect::Nothing, reason, "nothing");
            return Vec::new();
        }
        let name = self.names[index].clone();
        self.table(root, &name)
    }

    /// One table that gives all pools, for entries that roll on a whole table.
    fn whole_table(&mut self, plan: &[Pool<'a>], name: &str) -> Gives {
        match plan {
            [] => return Gives::Item(NOTHING.to_owned()),
            [Pool { cond: Cond::Always, gives, .. }] => return gives.clone(),
            _ => {}
        }
        let levelled =
            |draw: &usize| matches!(self.draws.get(*draw), Some(Chance::Levelled { .. }));
        let (lost, kept): (Vec<&Pool<'a>>, Vec<&Pool<'a>>) =
            plan.iter().partition(|pool| pool.cond.draws().iter().any(levelled));
        for pool in lost {
            self.marks().left_out(
                pool.node,
                Effect::Odds,
                "other tables roll on it, and there a chance cannot follow an enchantment's level",
                "the rule of its own table has it; write one for those that roll on it",
            );
        }
        let parts: Vec<(Cond, Gives, &'a Node)> =
            kept.iter().map(|pool| (pool.cond.clone(), pool.gives.clone(), pool.node)).collect();
        // A document's own name is free when it has several pools, which are numbered.
        let taken = self.made.iter().any(|(_, table)| table.name == name);
        let name = if taken { self.tables.fresh(&format!("{name}_all")) } else { name.to_owned() };
        let before = self.made.len();
        match self.together(name.clone(), &parts) {
            Ok(()) => Gives::Table(name),
            Err(reason) => {
                self.made.truncate(before);
                for pool in kept {
                    let hint = "write what rolls on it by hand";
                    self.marks().left_out(pool.node, Effect::Odds, reason.clone(), hint);
                }
                Gives::Item(NOTHING.to_owned())
            }
        }
    }

    /// The rules of one document: pools without a condition together, each other one for itself.
    fn rules(&mut self, plan: &[Pool<'a>], naming: &mut Naming) -> Vec<(Rule, BTreeSet<String>)> {
        let base = self.names[self.at].clone();
        let free: Vec<Gives> = (plan.iter())
            .filter(|pool| pool.cond == Cond::Always)
            .map(|pool| pool.gives.clone())
            .collect();
        let mut rules = Vec::new();
        for tables in free.chunks(OUTCOME_COUNT_MAX) {
            let name = naming.fresh(&base);
            rules.push((Rule { name, when: None, tables: tables.to_vec() }, BTreeSet::new()));
        }
        for pool in plan.iter().filter(|pool| pool.cond != Cond::Always) {
            let (mut cond, mut gives) = (pool.cond.clone(), pool.gives.clone());
            if !self.sayable(&cond) {
                // As a weight, a chance of more than six decimals is exact.
                let before = self.made.len();
                match self.gate(&format!("{base}_chance"), &cond, &gives, pool.node) {
                    Ok(inner) => (cond, gives) = (Cond::Always, inner),
                    Err(reason) => {
                        self.made.truncate(before);
                        let hint = "write this chance with at most six decimals";
                        self.marks().left_out(pool.node, Effect::Odds, reason, hint);
                        continue;
                    }
                }
            }
            let mut fields = cond.fields();
            for draw in cond.draws() {
                if let Some(Chance::Levelled { field, .. }) = self.draws.get(draw) {
                    fields.insert(field.clone());
                }
            }
            let when = (cond != Cond::Always).then(|| cond.text(&|draw| self.chance_text(draw)));
            rules.push((Rule { name: naming.fresh(&base), when, tables: vec![gives] }, fields));
        }
        rules
    }

    /// Whether all chances of a condition have at most six decimals.
    fn sayable(&self, cond: &Cond) -> bool {
        let mut draws = cond.draws().into_iter();
        draws.all(|draw| match self.draws.get(draw) {
            Some(Chance::Share(share)) => 1_000_000 % share.whole == 0,
            _ => true,
        })
    }

    fn chance_text(&self, draw: usize) -> String {
        match self.draws.get(draw) {
            Some(Chance::Share(Share { part, whole })) => {
                let millionths = u128::from(*part) * 1_000_000 / u128::from(*whole);
                format!("chance({})", super::number::decimal(millionths as i128))
            }
            Some(Chance::Levelled { text, .. }) => text.clone(),
            None => "false".to_owned(),
        }
    }

    /// By table: the fields that its entries and those of all tables below it ask.
    fn needed(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let by_name: BTreeMap<&str, &Table> =
            self.made.iter().map(|(_, table)| (table.name.as_str(), table)).collect();
        let mut needed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for start in by_name.keys() {
            let (mut seen, mut open) = (BTreeSet::from([*start]), vec![*start]);
            let mut fields = BTreeSet::new();
            while let Some(table) = open.pop() {
                for entry in by_name.get(table).map_or(&[][..], |table| &table.entries) {
                    fields.extend(entry.fields.iter().map(String::as_str));
                    if let Gives::Table(inner) = &entry.gives
                        && seen.insert(inner)
                    {
                        open.push(inner);
                    }
                }
            }
            needed.insert(start, fields);
        }
        needed
    }

    fn file(
        &self,
        index: usize,
        document: &Document,
        rules: &[(Rule, BTreeSet<String>)],
        needed: &BTreeMap<&str, BTreeSet<&str>>,
    ) -> Option<String> {
        let tables = self.made.iter().filter(|(of, _)| *of == index).map(|(_, table)| table);
        let mut tables: Vec<&Table> = tables.collect();
        // The whole comes before its parts.
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        if tables.is_empty() && rules.is_empty() {
            return None;
        }
        let name = &self.names[index];
        let kind = document.root.get("type").and_then(Node::text).unwrap_or("loot table");
        let from = source::remark(&format!("{} ({kind})", document.path));
        let mut out = format!("# From {from}.\n\n");
        if !rules.is_empty() {
            let mut fields: BTreeSet<&str> = BTreeSet::new();
            for (rule, own) in rules {
                fields.extend(own.iter().map(String::as_str));
                for gives in &rule.tables {
                    if let Gives::Table(table) = gives {
                        fields.extend(needed.get(table.as_str()).into_iter().flatten());
                    }
                }
            }
            let typed = |field: &&str| {
                let (ty, remark) = self.types.get(*field).cloned().unwrap_or_default();
                ((*field).to_owned(), ty, remark)
            };
            let fields: Vec<_> = fields.iter().map(typed).collect();
            source::trigger(&mut out, name, &fields);
        }
        for table in tables {
            let mut labels = Naming::default();
            source::table(&mut out, table, |wanted| labels.fresh(wanted));
        }
        for (rule, _) in rules {
            source::rule(&mut out, rule, name);
        }
        Some(out)
    }
}

/// The words for a text that does not parse: it is over a limit of the language.
fn refusal(error: &FormatError) -> String {
    match error {
        FormatError::Syntax(found) => {
            found.first().map_or_else(|| error.to_string(), |found| found.message.clone())
        }
        _ => error.to_string(),
    }
}
