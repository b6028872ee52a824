//! Why an expression has its value: every part of it with its own value and place, and which of
//! them decided.
//!
//! This is off the hot path: it evaluates each part by itself on the reference interpreter, from
//! the table that [`crate::lang::check_with_trace`] keeps beside the program.

use crate::cases::text;
use crate::context::ContextView;
use crate::interp::{self, Fault};
use crate::ir::{Expr, Program};
use crate::lang::{Part, Shape, Span};
use crate::meta::FragmentMeta;

/// A part of an expression with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Where it stands.
    pub span: Span,
    /// What it does with its parts.
    pub shape: Shape,
    /// Its value in the representation of [`crate::ir`].
    pub raw: i64,
    /// Its value in the designer's words.
    pub value: String,
    /// A literal: its text says all.
    pub literal: bool,
    /// Whether the whole would be another had this been another: the false sides of a false `&&`,
    /// the true sides of a true `||`, the arm that was chosen and what chose it, and so on inward.
    pub decides: bool,
    /// Its parts, in order.
    pub parts: Vec<Explained>,
}

/// Explains an expression for one context.
///
/// # Errors
/// [`Fault`], which a checked program never has.
pub fn explain(
    program: &Program,
    meta: &FragmentMeta,
    part: &Part,
    context: &ContextView<'_>,
    params: &[i64],
) -> Result<Explained, Fault> {
    Explainer { program, meta, context, params }.part(part, true)
}

struct Explainer<'a> {
    program: &'a Program,
    meta: &'a FragmentMeta,
    context: &'a ContextView<'a>,
    params: &'a [i64],
}

impl Explainer<'_> {
    /// Recursion is bounded by the height of an expression with its conditions put in.
    fn part(&self, part: &Part, decides: bool) -> Result<Explained, Fault> {
        let raw = interp::value(&part.ir, self.meta, self.context, self.params)?;
        let mut parts = Vec::with_capacity(part.parts.len());
        let mut chosen = false;
        for (index, inner) in part.parts.iter().enumerate() {
            let own = interp::value(&inner.ir, self.meta, self.context, self.params)?;
            let matters = match part.shape {
                // A false `&&` is false because of its false sides; a true one because of all.
                Shape::And | Shape::Or => own == raw,
                Shape::Choice if index == 0 => {
                    chosen = own != 0;
                    true
                }
                Shape::Choice => chosen == (index == 1),
                Shape::Not | Shape::Condition | Shape::Other => true,
            };
            parts.push(self.part(inner, decides && matters)?);
        }
        Ok(Explained {
            span: part.span,
            shape: part.shape.clone(),
            raw,
            value: text(self.program, part.ty, raw),
            literal: parts.is_empty() && matches!(part.ir, Expr::Const(_)),
            decides,
            parts,
        })
    }
}

impl Explained {
    /// The smallest parts that decide: comparisons and the like, not what joins them.
    #[must_use]
    pub fn deciding(&self) -> Vec<&Explained> {
        let joins = matches!(self.shape, Shape::And | Shape::Or | Shape::Not | Shape::Condition);
        if !self.decides {
            return Vec::new();
        }
        if !joins || self.parts.is_empty() {
            return vec![self];
        }
        self.parts.iter().flat_map(Explained::deciding).collect()
    }
}
