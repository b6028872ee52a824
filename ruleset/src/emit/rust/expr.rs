//! Expressions as Rust: method calls on `i64`, operators on `bool`.
//!
//! Nothing can panic: sums and products wrap as the module's do, divisions return a fault. No
//! operator on numbers is written, so parentheses are a matter of the booleans alone.

use crate::ir::{BinaryOp, Expr, FragmentDef, On, Program, Type};

/// Names and types of what a fragment's expressions read.
pub(super) struct Scope<'a> {
    program: &'a Program,
    fragment: &'a FragmentDef,
    /// Of the context's slots, in their order.
    pub(super) slots: &'a [String],
    /// Of the parameters.
    pub(super) params: &'a [String],
}

/// How tightly a text of type `bool` holds together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bond {
    /// A name, a call, a negation.
    Atom,
    Compare,
    And,
    Or,
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        program: &'a Program,
        fragment: &'a FragmentDef,
        slots: &'a [String],
        params: &'a [String],
    ) -> Scope<'a> {
        Scope { program, fragment, slots, params }
    }

    fn field_count(&self) -> usize {
        self.fields().map_or(0, <[_]>::len)
    }

    fn fields(&self) -> Option<&[crate::ir::FieldDef]> {
        match self.fragment.on {
            On::Trigger(index) => {
                self.program.triggers.get(usize::from(index)).map(|trigger| &*trigger.fields)
            }
            On::Timer(_) => None,
        }
    }

    /// Whether the Rust text of an expression is best a `bool`. Constants serve both.
    fn is_bool(&self, expr: &Expr) -> bool {
        use BinaryOp as B;
        let bool_slot = |ty: Option<Type>| ty == Some(Type::Bool);
        match expr {
            Expr::Not(_) | Expr::Chance { .. } | Expr::Active(_) => true,
            Expr::Field(index) => {
                let field = self.fields().and_then(|fields| fields.get(usize::from(*index)));
                bool_slot(field.map(|field| field.slot.ty))
            }
            Expr::Param(index) => {
                let param = self.program.params.get(usize::from(*index));
                bool_slot(param.map(|param| param.slot.ty))
            }
            Expr::Binary(op, ..) => {
                matches!(op, B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge | B::And | B::Or)
            }
            Expr::Select(_, then, otherwise) => self.is_bool(then) && self.is_bool(otherwise),
            _ => false,
        }
    }

    fn slot(&self, slot: usize) -> String {
        match self.slots.get(slot) {
            Some(name) => format!("context.{name}"),
            // No host supplies it: reads as 0, like everywhere.
            None => "0_i64".to_owned(),
        }
    }

    /// An expression as `i64`.
    pub(super) fn value(&self, expr: &Expr) -> String {
        if self.is_bool(expr) {
            return format!("i64::from({})", self.bit(expr));
        }
        match expr {
            Expr::Const(value) => value.to_string(),
            Expr::Field(index) => self.slot(usize::from(*index)),
            Expr::Rate(index) => self.slot(self.field_count() + usize::from(*index)),
            Expr::Param(index) => match self.params.get(usize::from(*index)) {
                Some(name) => format!("params.{name}"),
                None => "0_i64".to_owned(),
            },
            Expr::Now => "header.now_ms".to_owned(),
            Expr::Neg(inner) => format!("{}.wrapping_neg()", self.receiver(inner)),
            Expr::Abs(inner) => format!("{}.wrapping_abs()", self.receiver(inner)),
            Expr::Binary(op, left, right) => self.arithmetic(*op, left, right),
            Expr::Select(condition, then, otherwise) => format!(
                "select({}, {}, {})",
                self.bit(condition),
                self.typed(then),
                self.typed(otherwise)
            ),
            Expr::Pick { n, rule_hash, draw } => {
                format!("pick(draw(header.seed, {rule_hash:#018x}, {draw}), {})", self.value(n))
            }
            Expr::Bucket { n, salt } => {
                format!("pick(draw(header.player, {salt:#018x}, 0), {})", self.value(n))
            }
            // `is_bool` answered for these.
            Expr::Not(_) | Expr::Chance { .. } | Expr::Active(_) => "0_i64".to_owned(),
        }
    }

    /// An `i64` whose type needs no guessing.
    fn typed(&self, expr: &Expr) -> String {
        match expr {
            Expr::Const(value) => format!("{value}_i64"),
            _ => self.value(expr),
        }
    }

    /// An `i64` that a method may be called on.
    fn receiver(&self, expr: &Expr) -> String {
        match expr {
            Expr::Const(value) if *value < 0 => format!("({value}_i64)"),
            _ => self.typed(expr),
        }
    }

    fn arithmetic(&self, op: BinaryOp, left: &Expr, right: &Expr) -> String {
        let (a, b) = (self.value(left), self.value(right));
        let method = match op {
            BinaryOp::Add => "wrapping_add",
            BinaryOp::Sub => "wrapping_sub",
            BinaryOp::Mul => "wrapping_mul",
            BinaryOp::Min => "min",
            BinaryOp::Max => "max",
            BinaryOp::MulDecimal => return format!("mul_decimal({a}, {b})"),
            BinaryOp::Div => return format!("div({a}, {b})?"),
            BinaryOp::DivDecimal => return format!("div_decimal({a}, {b})?"),
            BinaryOp::Rem => return format!("rem({a}, {b})?"),
            // `is_bool` answered for the rest.
            _ => return "0_i64".to_owned(),
        };
        format!("{}.{method}({b})", self.receiver(left))
    }

    /// An expression as `bool`.
    pub(super) fn bit(&self, expr: &Expr) -> String {
        self.bonded(expr).0
    }

    /// An expression as `bool` that may stand beside `operator`.
    fn beside(&self, expr: &Expr, operator: Bond) -> String {
        let (text, bond) = self.bonded(expr);
        if bond == Bond::Atom || bond == operator { text } else { format!("({text})") }
    }

    fn bonded(&self, expr: &Expr) -> (String, Bond) {
        use BinaryOp as B;
        match expr {
            Expr::Const(value) => ((*value != 0).to_string(), Bond::Atom),
            Expr::Not(inner) => (format!("!{}", self.beside(inner, Bond::Atom)), Bond::Atom),
            Expr::Active(index) => {
                let at = self.field_count() + self.program.counters.len() + usize::from(*index);
                (self.slot(at), Bond::Atom)
            }
            Expr::Field(index) if self.is_bool(expr) => {
                (self.slot(usize::from(*index)), Bond::Atom)
            }
            Expr::Param(index) if self.is_bool(expr) => {
                let name = self.params.get(usize::from(*index)).map_or("", String::as_str);
                (format!("params.{name}"), Bond::Atom)
            }
            Expr::Chance { p, rule_hash, draw } => {
                let p = self.value(p);
                let text = format!("chance(draw(header.seed, {rule_hash:#018x}, {draw}), {p})");
                (text, Bond::Atom)
            }
            Expr::Select(condition, then, otherwise) if self.is_bool(expr) => {
                let (condition, then) = (self.bit(condition), self.bit(then));
                (format!("select({condition}, {then}, {})", self.bit(otherwise)), Bond::Atom)
            }
            // `&` and `|`, never `&&`: both sides are evaluated, faults included.
            Expr::Binary(B::And, left, right) => {
                let (left, right) = (self.beside(left, Bond::And), self.beside(right, Bond::And));
                (format!("{left} & {right}"), Bond::And)
            }
            Expr::Binary(B::Or, left, right) => {
                let (left, right) = (self.beside(left, Bond::Or), self.beside(right, Bond::Or));
                (format!("{left} | {right}"), Bond::Or)
            }
            Expr::Binary(op @ (B::Eq | B::Ne | B::Lt | B::Le | B::Gt | B::Ge), left, right) => {
                let sign = match op {
                    B::Eq => "==",
                    B::Ne => "!=",
                    B::Lt => "<",
                    B::Le => "<=",
                    B::Gt => ">",
                    _ => ">=",
                };
                let (left, right) = (self.receiver(left), self.value(right));
                (format!("{left} {sign} {right}"), Bond::Compare)
            }
            _ => (format!("{} != 0", self.value(expr)), Bond::Compare),
        }
    }
}
