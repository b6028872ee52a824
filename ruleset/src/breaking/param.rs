//! What the SDK and the API read by name.

use super::context::narrowed;
use super::{Finding, Subject};
use crate::contents::Contents;
use crate::plan::{Kind, slot_text};

pub(super) fn compare(old: &Contents, new: &Contents, found: &mut Vec<Finding>) {
    for was in &old.schema.params {
        let mut subject = Subject { kind: Kind::Parameter, name: was.name.clone(), found };
        let Some(is) = new.schema.params.iter().find(|known| known.name == was.name) else {
            subject.breaks(
                "param-removed",
                format!("the parameter {} is gone", was.name),
                "services that read it get an error",
                "keep it, unread, until no service asks for it",
            );
            continue;
        };
        let (a, b) = (slot_text(old, &was.slot), slot_text(new, &is.slot));
        // Types of enums are told apart by name, and so are their texts.
        if std::mem::discriminant(&was.slot.ty) != std::mem::discriminant(&is.slot.ty)
            || (matches!(was.slot.ty, crate::ir::Type::Enum(_)) && a != b)
        {
            subject.breaks(
                "param-type-changed",
                format!("it was {a} and is {b}"),
                "services that read it take its number for something else",
                "add a parameter of the new type",
            );
        } else if let Some(lost) = narrowed(&was.slot, &is.slot, new) {
            subject.breaks(
                "param-range-narrowed",
                format!("it was {a} and is {b}"),
                &format!("an override or a tool that sets {lost} is refused"),
                "keep the range, and clamp the parameter where it is used",
            );
        }
        if was.unit != is.unit && was.unit.is_some() {
            let shown =
                |unit: &Option<String>| unit.clone().unwrap_or_else(|| "no unit".to_owned());
            subject.breaks(
                "param-unit-changed",
                format!("it was in {} and is in {}", shown(&was.unit), shown(&is.unit)),
                "services that read it go on reckoning in the old unit",
                "add a parameter in the new unit",
            );
        }
    }
}
