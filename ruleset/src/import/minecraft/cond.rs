//! Conditions as they are carried over: yes or no of the trigger's fields and of draws.
//!
//! A draw that stands in two places (the entries of `alternatives`) is one draw, so conditions are
//! kept as trees with numbered draws until it is known where they can stand.

use std::collections::{BTreeMap, BTreeSet};

/// Fields up to which it is tried out whether a condition can hold at all.
const TRIED_FIELDS_MAX: usize = 8;

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cond {
    Always,
    Never,
    /// A yes-or-no field of the trigger.
    Field(String),
    /// A draw, by its number.
    Draw(usize),
    Not(Box<Cond>),
    All(Vec<Cond>),
    Any(Vec<Cond>),
}

impl Cond {
    pub(super) fn negate(self) -> Cond {
        match self {
            Cond::Always => Cond::Never,
            Cond::Never => Cond::Always,
            Cond::Not(inner) => *inner,
            other => Cond::Not(Box::new(other)),
        }
    }

    pub(super) fn all(terms: impl IntoIterator<Item = Cond>) -> Cond {
        let mut kept: Vec<Cond> = Vec::new();
        for term in terms {
            match term {
                Cond::Always => {}
                Cond::Never => return Cond::Never,
                Cond::All(inner) => kept.extend(inner),
                term => kept.push(term),
            }
        }
        let mut seen = BTreeSet::new();
        kept.retain(|term| seen.insert(term.clone()));
        match kept.len() {
            0 => Cond::Always,
            1 => kept.remove(0),
            _ => Cond::All(kept),
        }
    }

    pub(super) fn any(terms: impl IntoIterator<Item = Cond>) -> Cond {
        let mut kept: Vec<Cond> = Vec::new();
        for term in terms {
            match term {
                Cond::Never => {}
                Cond::Always => return Cond::Always,
                Cond::Any(inner) => kept.extend(inner),
                term => kept.push(term),
            }
        }
        let mut seen = BTreeSet::new();
        kept.retain(|term| seen.insert(term.clone()));
        match kept.len() {
            0 => Cond::Never,
            1 => kept.remove(0),
            _ => Cond::Any(kept),
        }
    }

    /// How many parts it has.
    pub(super) fn size(&self) -> usize {
        match self {
            Cond::Not(inner) => 1 + inner.size(),
            Cond::All(terms) | Cond::Any(terms) => 1 + terms.iter().map(Cond::size).sum::<usize>(),
            _ => 1,
        }
    }

    /// With each part replaced by what `see` says of it, if anything.
    fn map(&self, see: &impl Fn(&Cond) -> Option<Cond>) -> Cond {
        if let Some(other) = see(self) {
            return other;
        }
        match self {
            Cond::Not(inner) => inner.map(see).negate(),
            Cond::All(terms) => Cond::all(terms.iter().map(|term| term.map(see))),
            Cond::Any(terms) => Cond::any(terms.iter().map(|term| term.map(see))),
            other => other.clone(),
        }
    }

    fn visit(&self, see: &mut impl FnMut(&Cond)) {
        see(self);
        match self {
            Cond::Not(inner) => inner.visit(see),
            Cond::All(terms) | Cond::Any(terms) => terms.iter().for_each(|term| term.visit(see)),
            _ => {}
        }
    }

    pub(super) fn draws(&self) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        self.visit(&mut |part| {
            if let Cond::Draw(draw) = part {
                found.insert(*draw);
            }
        });
        found
    }

    pub(super) fn fields(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.visit(&mut |part| {
            if let Cond::Field(field) = part {
                found.insert(field.clone());
            }
        });
        found
    }

    /// Once it is known how a draw came out.
    pub(super) fn given(&self, draw: usize, yes: bool) -> Cond {
        let known = if yes { Cond::Always } else { Cond::Never };
        self.map(&|part| (*part == Cond::Draw(draw)).then(|| known.clone()))
    }

    /// `Always` or `Never` when it is that whatever the fields and draws are; the compiler refuses
    /// conditions that decide nothing. Tried for [`TRIED_FIELDS_MAX`] of them at most.
    pub(super) fn settled(self) -> Cond {
        let mut open: Vec<Cond> = self.fields().into_iter().map(Cond::Field).collect();
        open.extend(self.draws().into_iter().map(Cond::Draw));
        if open.len() > TRIED_FIELDS_MAX {
            return self;
        }
        let (mut yes, mut no) = (false, false);
        for bits in 0..1_usize << open.len() {
            let values: BTreeMap<&Cond, bool> =
                open.iter().enumerate().map(|(at, part)| (part, bits >> at & 1 == 1)).collect();
            match self.holds(&|part| values.get(part).copied().unwrap_or(false)) {
                true => yes = true,
                false => no = true,
            }
            if yes && no {
                return self;
            }
        }
        if yes { Cond::Always } else { Cond::Never }
    }

    pub(super) fn holds(&self, of: &impl Fn(&Cond) -> bool) -> bool {
        match self {
            Cond::Always => true,
            Cond::Never => false,
            Cond::Not(inner) => !inner.holds(of),
            Cond::All(terms) => terms.iter().all(|term| term.holds(of)),
            Cond::Any(terms) => terms.iter().any(|term| term.holds(of)),
            leaf => of(leaf),
        }
    }

    /// As an expression of the language.
    pub(super) fn text(&self, chance: &impl Fn(usize) -> String) -> String {
        let inner = |term: &Cond, apart: bool| match (term, apart) {
            (Cond::All(_) | Cond::Any(_), true) => format!("({})", term.text(chance)),
            _ => term.text(chance),
        };
        let joined = |terms: &[Cond], operator: &str| -> String {
            let texts: Vec<String> = terms.iter().map(|term| inner(term, true)).collect();
            texts.join(operator)
        };
        match self {
            Cond::Always => "true".to_owned(),
            Cond::Never => "false".to_owned(),
            Cond::Field(field) => format!("trigger.{field}"),
            Cond::Draw(draw) => chance(*draw),
            Cond::Not(term) => format!("!{}", inner(term, true)),
            Cond::All(terms) => joined(terms, " && "),
            Cond::Any(terms) => joined(terms, " || "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> Cond {
        Cond::Field(name.to_owned())
    }

    #[test]
    fn what_decides_nothing_is_seen() {
        let both = Cond::all([field("a"), field("a").negate()]);
        assert_eq!(both.settled(), Cond::Never);
        assert_eq!(Cond::any([field("a"), field("a").negate()]).settled(), Cond::Always);
        let open = Cond::any([field("a"), Cond::Draw(0)]);
        assert_eq!(open.clone().settled(), open);
        assert_eq!(open.given(0, true), Cond::Always);
        assert_eq!(open.given(0, false), field("a"));
    }

    #[test]
    fn brackets_stand_where_they_are_needed() {
        let cond = Cond::all([
            field("a"),
            Cond::any([field("b"), Cond::all([field("c"), field("d")]).negate()]),
        ]);
        assert_eq!(
            cond.text(&|_| String::new()),
            "trigger.a && (trigger.b || !(trigger.c && trigger.d))"
        );
    }
}
