//! Conditions of a document: `all`, `any` and `not` over `field`, `op`, `value`.

use super::{CONDITION, Carry, filled, number, quoted};
use crate::import::document::{Node, Value};
use crate::import::number::Exact;
use crate::import::values::mapping::Ty;

/// Where a condition cannot be carried over, and why.
type Refused<'a> = (&'a Node, String);

impl<'a> Carry<'a> {
    pub(super) fn condition(&mut self, node: &'a Node, template: &str, held: &[String]) {
        let hint = "write it as all, any, not, or field, op, value; or write the condition by hand";
        let mut leaves = Vec::new();
        let when = match self.expression(node, &mut leaves) {
            Ok(when) => when,
            Err((_, reason)) => return self.left(node, reason, hint),
        };
        if let Some(name) = node.get("name").filter(|name| name.text().is_some()) {
            leaves.push(name);
        }
        let Some(name) = self.name(CONDITION, &filled(template, held, Some(node)), node) else {
            return;
        };
        self.make(CONDITION, format!("condition \"{name}\" {{ when = {when} }}\n\n"));
        for leaf in leaves {
            self.marks.carried(
                leaf,
                format!("condition {name}: {when}").chars().take(200).collect::<String>(),
            );
        }
    }

    /// Nested as deeply as the document at most.
    fn expression(
        &self,
        node: &'a Node,
        leaves: &mut Vec<&'a Node>,
    ) -> Result<String, Refused<'a>> {
        let kinds = ["all", "any", "not", "field"];
        let given: Vec<&str> = kinds.into_iter().filter(|kind| node.get(kind).is_some()).collect();
        let ([kind], true) = (&given[..], node.is_map()) else {
            return Err((
                node,
                "a condition is one of all, any, not, or field with op and value".to_owned(),
            ));
        };
        let inner = node.get(kind).unwrap_or(node);
        match *kind {
            "not" => Ok(format!("!({})", self.expression(inner, leaves)?)),
            "field" => self.comparison(node, inner, leaves),
            _ => {
                let operator = if *kind == "all" { " && " } else { " || " };
                let terms: Result<Vec<String>, Refused<'a>> =
                    inner.list().iter().map(|term| self.expression(term, leaves)).collect();
                match &terms?[..] {
                    [] => Err((node, format!("`{kind}` without a condition decides nothing"))),
                    [only] => Ok(only.clone()),
                    terms => Ok(format!("({})", terms.join(operator))),
                }
            }
        }
    }

    fn comparison(
        &self,
        node: &'a Node,
        field: &'a Node,
        leaves: &mut Vec<&'a Node>,
    ) -> Result<String, Refused<'a>> {
        let name = field.text().unwrap_or("");
        let fields = self.mapping.trigger.as_ref().map_or(&[][..], |(_, fields)| fields);
        if !fields.iter().any(|(known, _)| known == name) {
            let shown: String = field.canonical().chars().take(60).collect();
            return Err((field, format!("{shown} is no field of the mapping's trigger")));
        }
        let (Some(op), Some(value)) = (node.get("op"), node.get("value")) else {
            return Err((node, "a comparison has field, op and value".to_owned()));
        };
        let word = op.text().unwrap_or("");
        let operator = match word {
            ">" | "gt" => ">",
            ">=" | "gte" | "ge" => ">=",
            "<" | "lt" => "<",
            "<=" | "lte" | "le" => "<=",
            "==" | "=" | "eq" => "==",
            "!=" | "ne" | "neq" => "!=",
            "in" => "in",
            _ => {
                let shown: String = op.canonical().chars().take(60).collect();
                return Err((op, format!("{shown} is no comparison: > >= < <= == != in")));
            }
        };
        leaves.extend([field, op]);
        if operator == "in" {
            let values: Result<Vec<String>, Refused<'a>> =
                value.list().iter().map(scalar).collect();
            let values = values?;
            leaves.extend(value.list());
            return match values.is_empty() {
                true => Err((value, "`in` has a list of values".to_owned())),
                false => Ok(format!("one_of(trigger.{name}, {})", values.join(", "))),
            };
        }
        let literal = scalar(value)?;
        leaves.push(value);
        // A yes-or-no field stands for itself.
        match (operator, literal.as_str()) {
            ("==", "true") | ("!=", "false") => Ok(format!("trigger.{name}")),
            ("==", "false") | ("!=", "true") => Ok(format!("!trigger.{name}")),
            _ => Ok(format!("trigger.{name} {operator} {literal}")),
        }
    }
}

fn scalar(node: &Node) -> Result<String, Refused<'_>> {
    let shown: String = node.canonical().chars().take(60).collect();
    match &node.value {
        Value::Bool(yes) => Ok(yes.to_string()),
        Value::Text(text) => Ok(quoted(text)),
        Value::Number(text) => {
            let exact =
                Exact::parse(text).map_err(|error| (node, format!("{shown} is {error}")))?;
            let ty = if exact.scale() == 0 { Ty::Int } else { Ty::Decimal };
            number(exact, ty).map_err(|reason| (node, format!("{shown} {reason}")))
        }
        _ => Err((node, format!("{shown} cannot be compared with"))),
    }
}
