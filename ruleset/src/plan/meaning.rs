//! What expressions mean, as texts that can be compared.
//!
//! Two expressions with one text decide alike, whatever the indices behind their names are: that is
//! how `plan` sees a change. Constants are numbers here, but for values of enums and symbols; people
//! read the words of the source.

use super::guided::walk;
use crate::contents::Contents;
use crate::ir::{BinaryOp, Expr, On, Type};
use crate::value::Value;

/// Writes expressions that are evaluated on `on`.
#[derive(Clone, Copy)]
pub(super) struct Meaning<'a> {
    contents: &'a Contents,
    on: Option<On>,
}

/// The draws of an expression, each once, in the order in which it comes to them.
pub(super) fn draws(expr: &Expr) -> Vec<u32> {
    let mut found = Vec::new();
    walk(expr, &mut |part| {
        if let Expr::Chance { draw, .. } | Expr::Pick { draw, .. } = part
            && !found.contains(draw)
        {
            found.push(*draw);
        }
    });
    found
}

impl<'a> Meaning<'a> {
    pub(super) fn new(contents: &'a Contents, on: Option<On>) -> Meaning<'a> {
        Meaning { contents, on }
    }

    /// The text of an expression of type `ty`, where that is known. Linear in its nodes, but for its draws.
    /// Those are numbered within the expression: one more of them elsewhere changes nothing, and one that
    /// is used twice is not two.
    pub(super) fn of(self, expr: &Expr, ty: Option<Type>) -> String {
        let mut out = String::new();
        self.write(expr, ty, &draws(expr), &mut out);
        out
    }

    fn write(&self, expr: &Expr, ty: Option<Type>, draws: &[u32], out: &mut String) {
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
            Expr::Not(inner) => self.call("not", &[inner], Some(Type::Bool), draws, out),
            Expr::Neg(inner) => self.call("neg", &[inner], ty, draws, out),
            Expr::Abs(inner) => self.call("abs", &[inner], ty, draws, out),
            Expr::Binary(op, a, b) => {
                let sides = match op {
                    BinaryOp::Eq | BinaryOp::Ne => self.named(a).or_else(|| self.named(b)),
                    _ => None,
                };
                self.call(word(*op), &[a, b], sides, draws, out);
            }
            Expr::Select(condition, then, otherwise) => {
                out.push_str("if(");
                self.write(condition, Some(Type::Bool), draws, out);
                out.push(';');
                self.write(then, ty, draws, out);
                out.push(';');
                self.write(otherwise, ty, draws, out);
                out.push(')');
            }
            Expr::Chance { p, draw, .. } => {
                put(out, format_args!("chance#{:?}", draws.iter().position(|known| known == draw)));
                self.call("", &[p], None, draws, out);
            }
            Expr::Pick { n, draw, .. } => {
                put(out, format_args!("pick#{:?}", draws.iter().position(|known| known == draw)));
                self.call("", &[n], None, draws, out);
            }
            Expr::Bucket { n, salt } => {
                put(out, format_args!("bucket#{salt:x}"));
                self.call("", &[n], None, draws, out);
            }
        }
    }

    fn call(
        &self,
        name: &str,
        arguments: &[&Expr],
        ty: Option<Type>,
        draws: &[u32],
        out: &mut String,
    ) {
        out.push_str(name);
        out.push('(');
        for (number, argument) in arguments.iter().enumerate() {
            if number > 0 {
                out.push(';');
            }
            self.write(argument, ty, draws, out);
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
    out.push_str(&text.to_string());
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
