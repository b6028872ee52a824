//! What may be written at a place.

use super::cursor::{self, Around, Cursor, Place};
use super::{Analysis, words};
use crate::ir::Type;
use crate::lang::builtins::BUILTINS;
use crate::lang::names::Names;
use crate::lang::parser::TOP_BLOCKS;
use crate::lang::scope::Trigger;
use crate::lang::{Edit, Span};

/// Most proposals of one answer. Editors filter what they are given by what is typed; there are
/// more only in rule sets with thousands of names.
const COMPLETION_COUNT_MAX: usize = 1_000;

/// What a proposal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CompletionKind {
    /// A kind of block, with its body.
    Block,
    /// The name of an attribute.
    Attribute,
    /// A declared name or a field.
    Reference,
    /// A value: of an enum, of an attribute, `true`.
    Value,
    /// A function.
    Function,
    /// A type.
    Type,
    /// The first part of a reference.
    Root,
}

/// One proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What is shown.
    pub label: String,
    /// What it is.
    pub kind: CompletionKind,
    /// A type or a usage, on one line.
    pub detail: String,
    /// Markdown.
    pub doc: String,
    /// What is written, and over what.
    pub edit: Edit,
    /// Whether the edit's text is a snippet with `$1`, `${2:word}`.
    pub snippet: bool,
}

struct Proposals {
    span: Span,
    found: Vec<Completion>,
}

impl Proposals {
    fn add(&mut self, kind: CompletionKind, label: &str, detail: &str, doc: &str) {
        self.push(kind, label, detail, doc, label.to_owned(), false);
    }

    fn snippet(
        &mut self,
        kind: CompletionKind,
        label: &str,
        detail: &str,
        doc: &str,
        text: String,
    ) {
        self.push(kind, label, detail, doc, text, true);
    }

    fn push(
        &mut self,
        kind: CompletionKind,
        label: &str,
        detail: &str,
        doc: &str,
        text: String,
        snippet: bool,
    ) {
        if self.found.len() < COMPLETION_COUNT_MAX {
            self.found.push(Completion {
                label: label.to_owned(),
                kind,
                detail: detail.to_owned(),
                doc: doc.to_owned(),
                edit: Edit { span: self.span, text },
                snippet,
            });
        }
    }
}

impl Analysis {
    /// Proposals for a place, best first. The text may be broken there; what the rest of the rule
    /// set declares is known all the same.
    pub fn complete(&self, file: u32, offset: u32) -> Vec<Completion> {
        let cursor = cursor::read(self.text(file), offset);
        let (start, end) = cursor.replace;
        let mut out = Proposals { span: Span { file, start, end }, found: Vec::new() };
        match &cursor.place {
            Place::Nothing => {}
            Place::Statement => self.statement(&cursor, &mut out),
            Place::Key { object } => self.keys(&cursor, object, &mut out),
            Place::Text { attribute, object, beside } => {
                self.texts(&cursor, (attribute, *object, *beside), &mut out);
            }
            Place::Value { attribute, object, call } => {
                self.values(&cursor, (attribute, *object, *call), &mut out);
            }
        }
        out.found
    }

    fn statement(&self, cursor: &Cursor<'_>, out: &mut Proposals) {
        let Some(block) = cursor.around.last() else {
            for kind in TOP_BLOCKS {
                if kind != "ruleset" || self.scope.ruleset.is_empty() {
                    self.block(kind, "", out);
                }
            }
            return;
        };
        let Some(schema) = words::schema(block.kind) else { return };
        let payload: &[&str] = if schema.open { &["table", "count"] } else { &[] };
        for name in schema.required.iter().chain(schema.optional).chain(payload) {
            if block.value(name).is_some() {
                continue;
            }
            let (takes, doc) = words::attribute(block.kind, name).unwrap_or(("value", ""));
            let detail = if schema.required.contains(name) {
                format!("{takes}, required")
            } else {
                takes.into()
            };
            let text = if takes.starts_with('"') {
                format!("{name} = \"$1\"")
            } else {
                format!("{name} = $1")
            };
            out.snippet(CompletionKind::Attribute, name, &detail, doc, text);
        }
        for kind in schema.blocks {
            self.block(kind, "  ", out);
        }
    }

    fn block(&self, kind: &str, indent: &str, out: &mut Proposals) {
        let doc = words::block_doc(kind).unwrap_or("");
        let body: String =
            words::block_body(kind).lines().map(|line| format!("{indent}{line}\n")).collect();
        let schema = words::schema(kind);
        let label =
            if schema.is_some_and(|schema| schema.labels == 0) { "" } else { " \"${1:name}\"" };
        let text = format!("{kind}{label} {{\n{body}{indent}}}");
        out.snippet(CompletionKind::Block, kind, "block", doc, text);
    }

    fn values(
        &self,
        cursor: &Cursor<'_>,
        (attribute, object, call): (&str, Option<&str>, Option<&str>),
        out: &mut Proposals,
    ) {
        let kind = cursor.around.last().map_or("", |block| block.kind);
        let scope = &self.scope;
        let dotted = cursor.word.rsplit_once('.').map(|(root, _)| root);
        match (kind, attribute) {
            ("trigger", _) if object == Some("fields") => self.types(out),
            ("test", _) if matches!(object, Some("trigger" | "params" | "active")) => {
                self.truths(out);
            }
            ("rule" | "counter" | "test", "on") => {
                if dotted.is_none() {
                    self.names(&scope.trigger_names, "trigger", out);
                }
                if kind != "counter" && dotted == Some("timer") {
                    self.names(&scope.timer_names, "timer", out);
                } else if kind != "counter" && dotted.is_none() {
                    self.root("timer", out);
                }
            }
            ("test", "fired" | "not_fired" | "fired_exactly") | ("expect", "rule") => {
                self.names(&scope.rule_names, "rule", out);
            }
            ("counter", "per") => out.add(CompletionKind::Value, "player", "", ""),
            ("entry" | "emit" | "broadcast", "table") => {
                self.names(&scope.table_names, "loot_table", out);
            }
            ("param", "type") => self.types(out),
            ("param", "default") => {
                match cursor.around.last().and_then(|block| block.value("type")) {
                    Some("bool") => self.truths(out),
                    Some(name) => self.enum_values(scope.enum_names.find(name), true, out),
                    None => {}
                }
            }
            ("override", "value") => match overridden(cursor) {
                Some("bool") => self.truths(out),
                Some(name) => self.enum_values(scope.enum_names.find(name), true, out),
                None => {}
            },
            ("rule" | "condition" | "entry", "when") | ("emit" | "broadcast", _) => {
                self.expression_words(cursor, call, dotted, out);
            }
            _ => {}
        }
    }

    fn expression_words(
        &self,
        cursor: &Cursor<'_>,
        call: Option<&str>,
        dotted: Option<&str>,
        out: &mut Proposals,
    ) {
        let scope = &self.scope;
        match (dotted, call) {
            (Some("trigger"), _) => {
                for trigger in self.triggers(&cursor.around) {
                    for (name, slot) in &trigger.fields {
                        let detail = slot.map_or(String::new(), |slot| self.slot(slot));
                        let from = format!("field of `{}`", trigger.name);
                        if !out.found.iter().any(|known| known.label == *name) {
                            out.add(CompletionKind::Reference, name, &detail, &from);
                        }
                    }
                }
            }
            (Some("param"), _) => self.names(&scope.param_names, "param", out),
            (Some("condition"), _) => self.names(&scope.condition_names, "condition", out),
            (Some("timer"), _) | (None, Some("active")) => {
                self.names(&scope.timer_names, "timer", out);
            }
            (Some(_), _) => {}
            (None, Some("rate")) => self.names(&scope.counter_names, "counter", out),
            (None, _) => {
                for root in ["trigger", "param", "condition"] {
                    self.root(root, out);
                }
                for (name, least, _, usage) in BUILTINS {
                    let doc = words::function(name).map_or("", |(_, doc)| doc);
                    let arguments: Vec<String> =
                        (1..=least).map(|argument| format!("${argument}")).collect();
                    let text = format!("{name}({})", arguments.join(", "));
                    out.snippet(CompletionKind::Function, name, usage, doc, text);
                }
                self.truths(out);
            }
        }
    }

    /// The triggers that the rule or the condition around the cursor may run for.
    fn triggers(&self, around: &[Around<'_>]) -> Vec<&Trigger> {
        let on = around.first().and_then(|block| block.value("on"));
        match on.and_then(|on| self.scope.trigger_names.find(on)) {
            Some(index) => self.scope.triggers.get(index).into_iter().collect(),
            None if on.is_some_and(|on| on.starts_with("timer.")) => Vec::new(),
            None => self.scope.triggers.iter().collect(),
        }
    }

    /// Names between the braces of an attribute.
    fn keys(&self, cursor: &Cursor<'_>, object: &str, out: &mut Proposals) {
        let scope = &self.scope;
        let kind = cursor.around.last().map_or("", |block| block.kind);
        match (kind, object) {
            ("test", "trigger") => {
                for trigger in self.triggers(&cursor.around) {
                    for (name, slot) in &trigger.fields {
                        let detail = slot.map_or(String::new(), |slot| self.slot(slot));
                        self.key(name, &detail, out);
                    }
                }
            }
            ("test", "params") => {
                for param in &scope.params {
                    self.key(&param.name, &self.slot(param.slot), out);
                }
            }
            ("test", "rates") => {
                for counter in &scope.counters {
                    self.key(&counter.name, "hits", out);
                }
            }
            ("test", "active") => {
                for timer in &scope.timers {
                    self.key(&timer.name, "bool", out);
                }
            }
            ("test", "pity") | ("expect", "misses") => {
                for name in scope.table_names.iter() {
                    self.key(name, "{ entry = misses, … }", out);
                }
            }
            ("test", "cases") => {
                let Some(schema) = words::schema("cases") else { return };
                for name in schema.required.iter().chain(schema.optional) {
                    let takes = words::attribute("cases", name).map_or("", |(takes, _)| takes);
                    self.key(name, takes, out);
                }
            }
            _ => {}
        }
    }

    fn key(&self, name: &str, detail: &str, out: &mut Proposals) {
        if !out.found.iter().any(|known| known.label == name) {
            let text = format!("{name} = $1");
            out.snippet(CompletionKind::Attribute, name, detail, "", text);
        }
    }

    /// Inside quotes.
    fn texts(
        &self,
        cursor: &Cursor<'_>,
        (attribute, object, beside): (&str, Option<&str>, Option<&str>),
        out: &mut Proposals,
    ) {
        let block = cursor.around.last();
        match (block.map_or("", |block| block.kind), attribute) {
            ("test", name) if matches!(object, Some("trigger" | "params")) => {
                let root = if object == Some("params") { "param" } else { "trigger" };
                let ty = self.type_of(&format!("{root}.{name}"), &cursor.around);
                if let Some(Type::Enum(index)) = ty {
                    self.enum_values(Some(index.into()), false, out);
                }
            }
            ("rule", "on_fault") => self.choices(&["skip", "fail"], out),
            ("timer", "missed") => self.choices(&["skip", "fire"], out),
            ("timer", "zone") => {
                for zone in chrono_tz::TZ_VARIANTS {
                    out.add(CompletionKind::Value, zone.name(), "time zone", "");
                }
            }
            ("param", "default") => {
                let ty = block.and_then(|block| block.value("type")).unwrap_or("");
                self.enum_values(self.scope.enum_names.find(ty), false, out);
            }
            ("override", "value") => {
                let ty = overridden(cursor).unwrap_or("");
                self.enum_values(self.scope.enum_names.find(ty), false, out);
            }
            ("override" | "test", word @ ("zone" | "shard")) => {
                let places = self.scope.places.iter();
                let names = places.filter_map(|place| match word {
                    "zone" => place.zone.as_deref(),
                    _ => place.shard.as_deref(),
                });
                for name in names.collect::<std::collections::BTreeSet<_>>() {
                    out.add(CompletionKind::Value, name, word, "");
                }
            }
            _ => {
                let ty = beside.and_then(|path| self.type_of(path, &cursor.around));
                if let Some(Type::Enum(index)) = ty {
                    self.enum_values(Some(index.into()), false, out);
                }
            }
        }
    }

    /// The type of `trigger.x` or `param.x` as written.
    fn type_of(&self, path: &str, around: &[Around<'_>]) -> Option<Type> {
        let (root, name) = path.split_once('.')?;
        match root {
            "trigger" => self.triggers(around).into_iter().find_map(|trigger| {
                let (_, slot) = trigger.fields.get(trigger.names.find(name)?)?;
                slot.map(|slot| slot.ty)
            }),
            "param" => {
                let index = self.scope.param_names.find(name)?;
                self.scope.params.get(index).map(|param| param.slot.ty)
            }
            _ => None,
        }
    }

    fn choices(&self, values: &[&str], out: &mut Proposals) {
        for value in values {
            out.add(CompletionKind::Value, value, "", "");
        }
    }

    fn truths(&self, out: &mut Proposals) {
        self.choices(&["true", "false"], out);
    }

    fn enum_values(&self, index: Option<usize>, quoted: bool, out: &mut Proposals) {
        let Some(def) = index.and_then(|index| self.scope.enums.get(index)) else { return };
        for value in &def.values {
            let label = if quoted { format!("\"{value}\"") } else { value.clone() };
            out.add(CompletionKind::Value, &label, &def.name, "");
        }
    }

    fn types(&self, out: &mut Proposals) {
        for (name, text, doc) in words::TYPES {
            out.snippet(CompletionKind::Type, name, "type", doc, (*text).to_owned());
        }
        for name in self.scope.enum_names.iter() {
            out.add(CompletionKind::Type, name, "enum", "");
        }
    }

    fn root(&self, root: &str, out: &mut Proposals) {
        let doc = words::ROOTS.iter().find(|(name, _)| *name == root).map_or("", |(_, doc)| *doc);
        out.push(CompletionKind::Root, root, "", doc, format!("{root}."), false);
    }

    fn names(&self, names: &Names, kind: &str, out: &mut Proposals) {
        for name in names.iter() {
            let param = (kind == "param")
                .then(|| self.scope.params.iter().find(|param| param.name == name))
                .flatten();
            let (detail, doc) = match param {
                Some(param) => (self.slot(param.slot), param.doc.as_str()),
                None => (kind.to_owned(), ""),
            };
            out.add(CompletionKind::Reference, name, &detail, doc);
        }
    }
}

/// The type, as written, of the parameter whose override the cursor is in.
fn overridden<'a>(cursor: &Cursor<'a>) -> Option<&'a str> {
    cursor.around.iter().rev().nth(1)?.value("type")
}
