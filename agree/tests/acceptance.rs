//! The generator makes what the compiler accepts, and all of the language.

use std::collections::BTreeMap;

use cairn_agree::Case;
use cairn_ruleset::ir::{BinaryOp, Expr, Program, Type};

#[test]
fn most_rules_are_accepted() {
    let (mut wanted, mut kept) = (0, 0);
    for seed in 0..200 {
        let (all, accepted) = Case::new(seed, 0).acceptance();
        wanted += all;
        kept += accepted;
    }
    assert!(kept * 10 > wanted * 7, "{kept} of {wanted} rules are accepted");
}

const EXPRESSIONS: [&str; 14] = [
    "const", "field", "param", "rate", "active", "now", "not", "neg", "abs", "binary", "select",
    "chance", "bucket", "pick",
];

/// What an expression is, and what it is made of. A new kind does not compile until it stands here,
/// and then belongs into the list above.
fn taken_apart(expr: &Expr) -> (&'static str, Vec<&Expr>) {
    match expr {
        Expr::Const(_) => ("const", vec![]),
        Expr::Field(_) => ("field", vec![]),
        Expr::Param(_) => ("param", vec![]),
        Expr::Rate(_) => ("rate", vec![]),
        Expr::Active(_) => ("active", vec![]),
        Expr::Now => ("now", vec![]),
        Expr::Not(inner) => ("not", vec![inner]),
        Expr::Neg(inner) => ("neg", vec![inner]),
        Expr::Abs(inner) => ("abs", vec![inner]),
        Expr::Binary(_, left, right) => ("binary", vec![left, right]),
        Expr::Select(condition, then, otherwise) => ("select", vec![condition, then, otherwise]),
        Expr::Chance { p, .. } => ("chance", vec![p]),
        Expr::Bucket { n, .. } => ("bucket", vec![n]),
        Expr::Pick { n, .. } => ("pick", vec![n]),
    }
}

const TYPES: [&str; 7] = ["bool", "int", "decimal", "duration", "instant", "enum", "symbol"];

fn type_name(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::Int => "int",
        Type::Decimal => "decimal",
        Type::Duration => "duration",
        Type::Instant => "instant",
        Type::Enum(_) => "enum",
        Type::Symbol => "symbol",
    }
}

/// How often each part of the language was met.
#[derive(Default)]
struct Census(BTreeMap<String, usize>);

impl Census {
    fn count(&mut self, what: String) {
        *self.0.entry(what).or_default() += 1;
    }

    fn expr(&mut self, expr: &Expr) {
        if let Expr::Binary(op, ..) = expr {
            self.count(format!("operator {op:?}"));
        }
        let (name, parts) = taken_apart(expr);
        self.count(format!("expression {name}"));
        parts.into_iter().for_each(|part| self.expr(part));
    }

    fn program(&mut self, program: &Program) {
        for field in program.triggers.iter().flat_map(|trigger| &trigger.fields) {
            self.count(format!("field {}", type_name(field.slot.ty)));
        }
        for param in &program.params {
            self.count(format!("param {}", type_name(param.slot.ty)));
        }
        for fragment in &program.fragments {
            for entry in fragment.masks.iter().flat_map(|mask| &mask.entries) {
                self.count("conditional entry".to_owned());
                self.expr(entry);
            }
            for rule in &fragment.rules {
                self.expr(&rule.when);
                for outcome in &rule.outcomes {
                    self.count(format!("audience {:?}", outcome.audience));
                    if let Some(loot) = &outcome.loot {
                        self.count("loot".to_owned());
                        self.expr(&loot.count);
                    }
                    for value in &outcome.payload {
                        self.count(format!("payload {}", type_name(value.ty)));
                        self.expr(&value.value);
                    }
                }
            }
        }
    }
}

/// What never comes up would agree by not being there.
#[test]
fn every_part_of_the_language_comes_up() {
    let mut census = Census::default();
    for seed in 0..200 {
        census.program(&Case::new(seed, 0).subject);
    }
    let mut wanted: Vec<String> = EXPRESSIONS.map(|name| format!("expression {name}")).into();
    wanted.extend(BinaryOp::ALL.map(|op| format!("operator {op:?}")));
    // A symbol is made by payloads alone.
    for (place, types) in [("field", &TYPES[..6]), ("param", &TYPES[..6]), ("payload", &TYPES[..])]
    {
        wanted.extend(types.iter().map(|ty| format!("{place} {ty}")));
    }
    wanted.extend(
        ["conditional entry", "loot", "audience Caller", "audience Cluster"].map(Into::into),
    );
    let rare: Vec<String> = wanted
        .into_iter()
        .map(|what| (census.0.get(&what).copied().unwrap_or(0), what))
        .filter(|(count, _)| *count < 10)
        .map(|(count, what)| format!("{what}: {count}"))
        .collect();
    assert!(rare.is_empty(), "met less than ten times in 200 rule sets:\n{}", rare.join("\n"));
}
