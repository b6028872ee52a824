//! What expressions mean, as texts that can be compared.
//!
//! Two expressions with one text decide alike, whatever the indices behind their names are: that is
//! how `plan` sees a change. Constants are numbers here, but for values of enums and symbols; people
//! read the words of the source.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::guided::walk;
use crate::contents::Contents;
use crate::ir::{BinaryOp, Expr, On, Type};
use crate::value::Value;

/// Writes the expressions of one rule, condition or table, which is evaluated on `on`.
pub(super) struct Meaning<'a> {
    contents: &'a Contents,
    on: Option<On>,
    /// Per draw: the places where it stands, and how often there.
    draws: BTreeMap<u32, BTreeMap<String, usize>>,
}

impl<'a> Meaning<'a> {
    /// `all` are the expressions with their places.
    pub(super) fn new(
        contents: &'a Contents,
        on: Option<On>,
        all: &[(String, &Expr)],
    ) -> Meaning<'a> {
        let mut draws: BTreeMap<u32, BTreeMap<String, usize>> = BTreeMap::new();
        for (place, expr) in all {
            walk(expr, &mut |part| {
                if let Expr::Chance { draw, .. } | Expr::Pick { draw, .. } = part {
                    *draws.entry(*draw).or_default().entry(place.clone()).or_default() += 1;
                }
            });
        }
        Meaning { contents, on, draws }
    }

    /// The text of an expression of type `ty`, where that is known. Linear in its nodes. Numbers of draws
    /// are left out: one more of them elsewhere changes nothing.
    pub(super) fn of(&self, expr: &Expr, ty: Option<Type>) -> String {
        let mut out = String::new();
        self.write(expr, ty, &mut out);
        out
    }

    /// Where else the draws of an expression are used, those that are: one that is used twice is not two.
    pub(super) fn shared(&self, expr: &Expr) -> String {
        let mut out = String::new();
        walk(expr, &mut |part| {
            if let Expr::Chance { draw, .. } | Expr::Pick { draw, .. } = part
                && let Some(places) = self.draws.get(draw)
                && places.values().sum::<usize>() > 1
            {
                put(&mut out, format_args!("{places:?};"));
            }
        });
        out
    }

    fn write(&self, expr: &Expr, ty: Option<Type>, out: &mut String) {
        match expr {
            Expr::Const(value) => self.constant(*value, ty, out),
            Expr::Field(index) => {
                let name = self.field(*index).map(|field| field.0);
                put(out, format_args!("trigger.{}", name.unwrap_or("?")));
            }
            Expr::Param(index) => {
                let param = self.contents.schema.params.get(usize::from(*index));
                put(out, format_args!("param.{}", param.map_or("?", |param| &param.name)));
            }
            Expr::Rate(index) => {
                let counter = self.contents.schema.counters.get(usize::from(*index));
                put(out, format_args!("rate.{}", counter.map_or("?", |counter| &counter.name)));
            }
            Expr::Active(index) => {
                let timer = self.contents.timers.get(usize::from(*index));
                put(out, format_args!("active.{}", timer.map_or("?", |timer| &timer.name)));
            }
            Expr::Now => out.push_str("now"),
            Expr::Not(inner) => self.call("not", &[inner], Some(Type::Bool), out),
            Expr::Neg(inner) => self.call("neg", &[inner], ty, out),
            Expr::Abs(inner) => self.call("abs", &[inner], ty, out),
            Expr::Binary(op, a, b) => {
                let sides = match op {
                    BinaryOp::Eq | BinaryOp::Ne => self.named(a).or_else(|| self.named(b)),
                    _ => None,
                };
                self.call(word(*op), &[a, b], sides, out);
            }
            Expr::Select(condition, then, otherwise) => {
                out.push_str("if(");
                self.write(condition, Some(Type::Bool), out);
                out.push(';');
                self.write(then, ty, out);
                out.push(';');
                self.write(otherwise, ty, out);
                out.push(')');
            }
            Expr::Chance { p, .. } => self.call("chance", &[p], None, out),
            Expr::Pick { n, .. } => self.call("pick", &[n], None, out),
            Expr::Bucket { n, salt } => {
                put(out, format_args!("bucket#{salt:x}"));
                self.call("", &[n], None, out);
            }
        }
    }

    fn call(&self, name: &str, arguments: &[&Expr], ty: Option<Type>, out: &mut String) {
        out.push_str(name);
        out.push('(');
        for (number, argument) in arguments.iter().enumerate() {
            if number > 0 {
                out.push(';');
            }
            self.write(argument, ty, out);
        }
        out.push(')');
    }

    fn constant(&self, value: i64, ty: Option<Type>, out: &mut String) {
        match ty {
            Some(ty @ (Type::Enum(_) | Type::Symbol)) => {
                put(
                    out,
                    format_args!("{:?}", Value::from_raw(ty, value, self.contents).to_string()),
                );
            }
            _ => put(out, format_args!("{value}")),
        }
    }

    fn field(&self, index: u16) -> Option<(&'a str, Type)> {
        let Some(On::Trigger(trigger)) = self.on else { return None };
        let trigger = self.contents.schema.triggers.get(usize::from(trigger))?;
        let field = trigger.fields.get(usize::from(index))?;
        Some((&field.name, field.slot.ty))
    }

    /// The type of an input whose values have names.
    fn named(&self, expr: &Expr) -> Option<Type> {
        let ty = match expr {
            Expr::Field(index) => self.field(*index)?.1,
            Expr::Param(index) => self.contents.schema.params.get(usize::from(*index))?.slot.ty,
            Expr::Select(_, then, otherwise) => {
                return self.named(then).or_else(|| self.named(otherwise));
            }
            _ => return None,
        };
        matches!(ty, Type::Enum(_) | Type::Symbol).then_some(ty)
    }
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // A string takes all that is written.
    let _ = out.write_fmt(text);
}

fn word(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "or",
        BinaryOp::And => "and",
        BinaryOp::Eq => "eq",
        BinaryOp::Ne => "ne",
        BinaryOp::Lt => "lt",
        BinaryOp::Le => "le",
        BinaryOp::Gt => "gt",
        BinaryOp::Ge => "ge",
        BinaryOp::Add => "add",
        BinaryOp::Sub => "sub",
        BinaryOp::Mul => "mul",
        BinaryOp::MulDecimal => "mul_decimal",
        BinaryOp::Div => "div",
        BinaryOp::DivDecimal => "div_decimal",
        BinaryOp::Rem => "rem",
        BinaryOp::Min => "min",
        BinaryOp::Max => "max",
    }
}
