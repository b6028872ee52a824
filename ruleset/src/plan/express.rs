//! Expressions in the words of the language, names resolved.
//!
//! Two expressions with one text mean the same, whatever the indices behind their names are: that
//! is how `plan` sees a change. Numbers of draws are left out, for the same reason.

use crate::contents::Contents;
use crate::ir::{BinaryOp, DECIMAL_ONE, Expr, On, Type};
use crate::value::Value;

/// The text of an expression that is evaluated on `on`. Linear in its nodes.
pub(super) fn text(contents: &Contents, on: Option<On>, expr: &Expr) -> String {
    typed(contents, on, expr, None)
}

/// The same for an expression whose type is known.
pub(super) fn typed(contents: &Contents, on: Option<On>, expr: &Expr, ty: Option<Type>) -> String {
    let mut writer = Writer { contents, on, out: String::new() };
    writer.write(expr, ty, 0);
    writer.out
}

struct Writer<'a> {
    contents: &'a Contents,
    on: Option<On>,
    out: String,
}

/// How tightly operators bind; the same order as in the language.
fn level(op: BinaryOp) -> (u8, &'static str) {
    match op {
        BinaryOp::Or => (2, " || "),
        BinaryOp::And => (3, " && "),
        BinaryOp::Eq => (4, " == "),
        BinaryOp::Ne => (4, " != "),
        BinaryOp::Lt => (5, " < "),
        BinaryOp::Le => (5, " <= "),
        BinaryOp::Gt => (5, " > "),
        BinaryOp::Ge => (5, " >= "),
        BinaryOp::Add => (6, " + "),
        BinaryOp::Sub => (6, " - "),
        BinaryOp::Mul | BinaryOp::MulDecimal => (7, " * "),
        BinaryOp::Div | BinaryOp::DivDecimal => (7, " / "),
        BinaryOp::Rem => (7, " % "),
        BinaryOp::Min => (9, "min"),
        BinaryOp::Max => (9, "max"),
    }
}

/// Milliseconds from which on a constant that could be either is an instant: ten years after 1970.
const LATE_MS: u64 = 10 * 365 * 86_400_000;

/// Whether what is made of constants looks like an instant and not like a duration. Looks at one path.
fn is_late(expr: &Expr) -> bool {
    match expr {
        Expr::Const(value) => value.unsigned_abs() >= LATE_MS,
        Expr::Select(_, side, _) | Expr::Binary(_, side, _) => is_late(side),
        Expr::Neg(side) | Expr::Abs(side) => is_late(side),
        _ => false,
    }
}

/// Whether a constant that divides a duration looks like one itself: whole seconds.
fn spans(expr: &Expr) -> bool {
    matches!(expr, Expr::Const(value) if *value != 0 && value % 1_000 == 0)
}

impl Writer<'_> {
    fn write(&mut self, expr: &Expr, hint: Option<Type>, within: u8) {
        match expr {
            Expr::Const(value) => self.constant(*value, hint),
            Expr::Field(index) => {
                let name = self.field(*index).map(|field| field.0);
                let name = name.unwrap_or_else(|| format!("#{index}"));
                self.out.push_str("trigger.");
                self.out.push_str(&name);
            }
            Expr::Param(index) => {
                let param = self.contents.schema.params.get(usize::from(*index));
                self.out.push_str("param.");
                self.out.push_str(param.map_or("?", |param| &param.name));
            }
            Expr::Rate(index) => {
                let counter = self.contents.schema.counters.get(usize::from(*index));
                self.call("rate", counter.map_or("?", |counter| &counter.name));
            }
            Expr::Active(index) => {
                let timer = self.contents.timers.get(usize::from(*index));
                self.call("active", timer.map_or("?", |timer| &timer.name));
            }
            Expr::Now => self.out.push_str("now"),
            Expr::Not(inner) => self.prefix("!", inner, Some(Type::Bool)),
            Expr::Neg(inner) => self.prefix("-", inner, hint),
            Expr::Abs(inner) => self.apply("abs", &[inner], hint),
            Expr::Binary(op, left, right) => self.binary(*op, left, right, hint, within),
            Expr::Select(condition, then, otherwise) => {
                let open = within > 1;
                let hint = self.ty(expr).or(hint);
                self.bracket(open, '(');
                self.write(condition, Some(Type::Bool), 2);
                self.out.push_str(" ? ");
                self.write(then, hint, 2);
                self.out.push_str(" : ");
                self.write(otherwise, hint, 1);
                self.bracket(open, ')');
            }
            Expr::Chance { p, .. } => self.apply("chance", &[p], Some(Type::Decimal)),
            Expr::Pick { n, .. } => self.apply("pick", &[n], Some(Type::Int)),
            Expr::Bucket { n, .. } => self.apply("bucket", &[n], Some(Type::Int)),
        }
    }

    fn binary(&mut self, op: BinaryOp, a: &Expr, b: &Expr, hint: Option<Type>, within: u8) {
        if let (BinaryOp::Sub, Expr::Now) = (op, a) {
            // The time stands nowhere else.
            self.out.push_str("since(");
            self.write(b, Some(Type::Instant), 0);
            self.out.push(')');
            return;
        }
        let (own, word) = level(op);
        let (left, right) = match op {
            BinaryOp::And | BinaryOp::Or => (Some(Type::Bool), Some(Type::Bool)),
            BinaryOp::MulDecimal => {
                let other = |ty| if ty == Some(Type::Duration) { Some(Type::Decimal) } else { ty };
                let (a, b) = (self.ty(a), self.ty(b));
                // A constant beside a decimal, or beside a duration, is a decimal.
                let decimal = Some(Type::Decimal);
                (a.or(other(b)).or(decimal), b.or(other(a)).or(decimal))
            }
            BinaryOp::DivDecimal => {
                let decimal = Some(Type::Decimal);
                (self.ty(a).or(hint).or(decimal), self.ty(b).or(decimal))
            }
            BinaryOp::Div if spans(b) && self.ty(a) == Some(Type::Duration) => {
                (Some(Type::Duration), Some(Type::Duration))
            }
            BinaryOp::Mul | BinaryOp::Div => {
                let int = Some(Type::Int);
                let (a, b) = (self.ty(a), self.ty(b));
                (a.or(hint.filter(|_| b == int)).or(int), b.or(int))
            }
            BinaryOp::Add | BinaryOp::Sub => self.sides(op, a, b, hint),
            _ => {
                let shared = self.ty(a).or_else(|| self.ty(b)).or(hint);
                (shared, shared)
            }
        };
        if matches!(op, BinaryOp::Min | BinaryOp::Max) {
            self.out.push_str(word);
            self.out.push('(');
            self.write(a, left, 0);
            self.out.push_str(", ");
            self.write(b, right, 0);
            self.out.push(')');
            return;
        }
        let open = within > own;
        self.bracket(open, '(');
        self.write(a, left, own);
        self.out.push_str(word);
        self.write(b, right, own + 1);
        self.bracket(open, ')');
    }

    fn bracket(&mut self, open: bool, bracket: char) {
        if open {
            self.out.push(bracket);
        }
    }

    fn prefix(&mut self, sign: &str, inner: &Expr, hint: Option<Type>) {
        self.out.push_str(sign);
        self.write(inner, hint, 8);
    }

    fn apply(&mut self, name: &str, arguments: &[&Expr], hint: Option<Type>) {
        self.out.push_str(name);
        self.out.push('(');
        for argument in arguments {
            let hint = self.ty(argument).or(hint);
            self.write(argument, hint, 0);
        }
        self.out.push(')');
    }

    fn call(&mut self, name: &str, argument: &str) {
        self.out.push_str(&format!("{name}({argument})"));
    }

    fn constant(&mut self, value: i64, hint: Option<Type>) {
        let quoted =
            matches!(hint, Some(Type::Enum(_) | Type::Symbol | Type::Duration | Type::Instant));
        let shown = match hint {
            // A decimal is written with its point, so that it is never taken for a whole number.
            Some(Type::Decimal) if value % DECIMAL_ONE == 0 => {
                format!("{}.0", value / DECIMAL_ONE)
            }
            ty => Value::from_raw(ty.unwrap_or(Type::Int), value, self.contents).to_string(),
        };
        self.out.push_str(&if quoted { format!("\"{shown}\"") } else { shown });
    }

    fn field(&self, index: u16) -> Option<(String, Type)> {
        let Some(On::Trigger(trigger)) = self.on else { return None };
        let trigger = self.contents.schema.triggers.get(usize::from(trigger))?;
        let field = trigger.fields.get(usize::from(index))?;
        Some((field.name.clone(), field.slot.ty))
    }

    /// What the sides of a sum or of a difference are, `own` being what it is itself where that is
    /// known. A bare constant beside a duration is an instant if it is as large as one.
    fn sides(
        &self,
        op: BinaryOp,
        a: &Expr,
        b: &Expr,
        own: Option<Type>,
    ) -> (Option<Type>, Option<Type>) {
        use Type::{Duration, Instant};
        let (left, right) = (self.ty(a), self.ty(b));
        let is_time = |ty| matches!(ty, Some(Duration | Instant));
        let known = left.or(right);
        if !is_time(known.or(own)) {
            return (left.or(right).or(own), right.or(left).or(own));
        }
        // Of two types that a side can have, by what comes out, or else by its size.
        let open = |side: &Expr, out: Type| match own {
            Some(own) if own == out => Some(Instant),
            None if is_late(side) => Some(Instant),
            _ => Some(Duration),
        };
        match (op, left, right) {
            (BinaryOp::Add, Some(Instant), _) => (left, Some(Duration)),
            (BinaryOp::Add, _, Some(Instant)) => (Some(Duration), right),
            (BinaryOp::Add, Some(_), None) => (left, open(b, Instant)),
            (BinaryOp::Add, None, Some(_)) => (open(a, Instant), right),
            (BinaryOp::Add, None, None) if own == Some(Instant) => match is_late(a) {
                true => (own, Some(Duration)),
                false => (Some(Duration), own),
            },
            // The time is only ever taken from with an instant: that is what `since` is.
            (BinaryOp::Sub, ..) if matches!(a, Expr::Now) => (Some(Instant), Some(Instant)),
            (BinaryOp::Sub, _, Some(Instant)) => (Some(Instant), right),
            (BinaryOp::Sub, Some(Instant), None) => (left, open(b, Duration)),
            (BinaryOp::Sub, Some(Instant), Some(_)) => (left, right),
            (BinaryOp::Sub, None, Some(_)) => (open(a, Instant), right),
            (BinaryOp::Sub, None, None) if own == Some(Instant) => (own, Some(Duration)),
            (BinaryOp::Sub, None, None) if is_late(a) && is_late(b) => {
                (Some(Instant), Some(Instant))
            }
            _ => (Some(Duration), Some(Duration)),
        }
    }

    /// The type of what is no bare constant, as far as its inputs say it. Looks at one path.
    fn ty(&self, expr: &Expr) -> Option<Type> {
        match expr {
            Expr::Const(_) => None,
            Expr::Field(index) => self.field(*index).map(|field| field.1),
            Expr::Param(index) => {
                self.contents.schema.params.get(usize::from(*index)).map(|param| param.slot.ty)
            }
            Expr::Rate(_) | Expr::Pick { .. } | Expr::Bucket { .. } => Some(Type::Int),
            Expr::Now => Some(Type::Instant),
            Expr::Active(_) | Expr::Not(_) | Expr::Chance { .. } => Some(Type::Bool),
            Expr::Neg(inner) | Expr::Abs(inner) => self.ty(inner),
            Expr::Select(_, then, otherwise) => self.ty(then).or_else(|| self.ty(otherwise)),
            Expr::Binary(op, a, b) => match op {
                // Each side is looked at once: twice a level would be exponential.
                BinaryOp::Add => match self.sides(*op, a, b, None) {
                    (Some(Type::Instant), _) | (_, Some(Type::Instant)) => Some(Type::Instant),
                    (a, b) => a.or(b),
                },
                BinaryOp::Sub => match self.sides(*op, a, b, None) {
                    (Some(Type::Instant), Some(Type::Instant)) => Some(Type::Duration),
                    (a, b) => a.or(b),
                },
                BinaryOp::MulDecimal => match (self.ty(a), self.ty(b)) {
                    (Some(Type::Duration), _) | (_, Some(Type::Duration)) => Some(Type::Duration),
                    _ => Some(Type::Decimal),
                },
                BinaryOp::DivDecimal => self.ty(a).or(Some(Type::Decimal)),
                BinaryOp::Mul | BinaryOp::Div => match (self.ty(a), self.ty(b)) {
                    (Some(Type::Duration), Some(Type::Duration)) => Some(Type::Int),
                    (Some(Type::Duration), None) if *op == BinaryOp::Div && spans(b) => {
                        Some(Type::Int)
                    }
                    (a, b) => a.or(b),
                },
                BinaryOp::Rem | BinaryOp::Min | BinaryOp::Max => self.ty(a).or_else(|| self.ty(b)),
                _ => Some(Type::Bool),
            },
        }
    }
}
