//! The inputs on which two versions are compared: what a game supplies, by name.
//!
//! A point has one value per input, in the new version's representation; each side gets it in its
//! own slots. Only values that both versions accept are in the space, so a difference found is one
//! that a game can see.

use std::collections::BTreeSet;

use crate::contents::Contents;
use crate::context::{self, ContextView};
use crate::ir::{Expr, INSTANT_MAX, On, Slot, Type};
use crate::meta::FragmentMeta;
use crate::rng;
use crate::value::{Names as _, Value};

/// Most values of one input that a sweep tries, before those that depend on where it stands.
const CANDIDATE_COUNT_MAX: usize = 64;

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Field,
    Counter,
    Timer,
    Now,
    Seed,
    Player,
}

/// One value that a game supplies.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) min: i64,
    pub(super) max: i64,
    /// Its slot in the old and in the new context.
    slots: (Option<usize>, Option<usize>),
    /// For an enum, the old index of each new one; `None` where only the new version has it.
    old_index: Option<Vec<Option<i64>>>,
    pub(super) candidates: Vec<i64>,
}

/// Which of the two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

/// All inputs of one trigger or timer.
pub(super) struct Space {
    pub(super) inputs: Vec<Input>,
    /// Numbers that either version compares with.
    pub(super) constants: BTreeSet<i64>,
    triggers: (u32, u32),
    counts: (usize, usize),
}

/// Slots of one side, as a fragment's description counts them.
pub(super) fn frame(contents: &Contents, on: Option<On>) -> FragmentMeta {
    let fields = match on {
        Some(On::Trigger(index)) => {
            contents.schema.triggers.get(usize::from(index)).map_or(0, |t| t.fields.len())
        }
        _ => 0,
    };
    FragmentMeta {
        name: String::new(),
        on: on.unwrap_or(On::Trigger(0)),
        fields: fields as u16,
        counters: contents.schema.counters.len() as u16,
        timers: contents.timers.len() as u16,
        params: contents.schema.params.len() as u16,
        rules: Vec::new(),
        masks: Vec::new(),
    }
}

impl Space {
    /// The inputs that `on` has in both versions, with `at` for the time at hand. `constants` are
    /// the numbers that either version compares with; their neighbourhoods are tried first.
    pub(super) fn new(
        old: (&Contents, Option<On>),
        new: (&Contents, Option<On>),
        constants: &BTreeSet<i64>,
        at: i64,
    ) -> Space {
        let (old, on_old) = old;
        let (new, on_new) = new;
        let (before, after) = (frame(old, on_old), frame(new, on_new));
        let mut inputs = Vec::new();
        let mut add = |role, name: &str, slots, was: Option<Slot>, is: Option<Slot>| {
            let Some(known) = is.or(was) else { return };
            let (was, is) = (was.unwrap_or(known), is.unwrap_or(known));
            let mut input = Input {
                role,
                name: name.to_owned(),
                ty: known.ty,
                min: was.min.max(is.min),
                max: was.max.min(is.max),
                slots,
                old_index: None,
                candidates: Vec::new(),
            };
            if let (Type::Enum(before), Type::Enum(after)) = (was.ty, is.ty) {
                let values =
                    new.schema.enums.get(usize::from(after)).map_or(&[][..], |e| &e.values);
                let index = |name: &String| old.enum_index(before, name).map(i64::from);
                (input.min, input.max) = (0, values.len() as i64 - 1);
                input.old_index = Some(values.iter().map(index).collect());
            }
            if std::mem::discriminant(&was.ty) != std::mem::discriminant(&is.ty) {
                // One number would mean two things: no value suits both.
                (input.min, input.max) = (1, 0);
            }
            inputs.push(input);
        };
        let (fields_old, fields_new) = (fields(old, on_old), fields(new, on_new));
        for (slot, (name, is)) in fields_new.iter().enumerate() {
            let was = fields_old.iter().position(|(known, _)| known == name);
            add(
                Role::Field,
                name,
                (was, Some(slot)),
                was.and_then(|at| fields_old.get(at)).map(|field| field.1),
                Some(*is),
            );
        }
        for (slot, (name, was)) in fields_old.iter().enumerate() {
            if !fields_new.iter().any(|(known, _)| known == name) {
                add(Role::Field, name, (Some(slot), None), Some(*was), None);
            }
        }
        let count = |max| Slot { ty: Type::Int, min: 0, max };
        for (index, counter) in new.schema.counters.iter().enumerate() {
            let was = old.schema.counters.iter().position(|known| known.name == counter.name);
            let slots =
                (was.map(|at| before.counter_slot(at as u16)), after.counter_slot(index as u16));
            let was = was.and_then(|at| old.schema.counters.get(at)).map(|known| count(known.max));
            add(
                Role::Counter,
                &counter.name,
                (slots.0, Some(slots.1)),
                was,
                Some(count(counter.max)),
            );
        }
        let flag = Slot { ty: Type::Bool, min: 0, max: 1 };
        for (index, timer) in new.timers.iter().enumerate() {
            let was = old.timers.iter().position(|known| known.name == timer.name);
            let slots =
                (was.map(|at| before.timer_slot(at as u16)), after.timer_slot(index as u16));
            add(Role::Timer, &timer.name, (slots.0, Some(slots.1)), Some(flag), Some(flag));
        }
        let instant = Slot { ty: Type::Instant, min: 0, max: INSTANT_MAX };
        let any = Slot { ty: Type::Int, min: i64::MIN, max: i64::MAX };
        add(Role::Now, "now", (None, None), None, Some(instant));
        add(Role::Seed, "seed", (None, None), None, Some(any));
        add(Role::Player, "player", (None, None), None, Some(any));
        for (number, input) in inputs.iter_mut().enumerate() {
            input.choose(constants, at, number as u64);
        }
        let trigger = |on| match on {
            Some(On::Trigger(index) | On::Timer(index)) => u32::from(index),
            None => 0,
        };
        Space {
            inputs,
            constants: constants.clone(),
            triggers: (trigger(on_old), trigger(on_new)),
            counts: (before.slots(), after.slots()),
        }
    }

    /// The first input for which no value suits both versions.
    pub(super) fn closed(&self) -> Option<&str> {
        let closed = self.inputs.iter().find(|input| input.candidates.is_empty());
        closed.map(|input| input.name.as_str())
    }

    /// The plainest point: every input at its first candidate.
    pub(super) fn plain(&self) -> Vec<i64> {
        self.inputs.iter().map(Input::plain).collect()
    }

    /// The context of one side.
    pub(super) fn write(&self, point: &[i64], side: Side, into: &mut Vec<u8>) {
        let count = if side == Side::Old { self.counts.0 } else { self.counts.1 };
        let mut slots = vec![0; count];
        let (mut now, mut seed, mut player) = (0, 0, 0);
        for (input, value) in self.inputs.iter().zip(point) {
            match input.role {
                Role::Now => now = *value,
                Role::Seed => seed = *value as u64,
                Role::Player => player = *value as u64,
                Role::Field | Role::Counter | Role::Timer => {
                    let slot = if side == Side::Old { input.slots.0 } else { input.slots.1 };
                    if let Some(target) = slot.and_then(|slot| slots.get_mut(slot)) {
                        *target = input.raw(*value, side);
                    }
                }
            }
        }
        let trigger = if side == Side::Old { self.triggers.0 } else { self.triggers.1 };
        context::write(into, trigger, now, seed, player, &slots);
    }

    /// Whether `bytes` are a context of that side.
    pub(super) fn view<'b>(&self, bytes: &'b [u8], side: Side) -> Option<ContextView<'b>> {
        let count = if side == Side::Old { self.counts.0 } else { self.counts.1 };
        ContextView::new(bytes, count)
    }

    /// The input that an expression of one side is, if it is one.
    pub(super) fn input_of(&self, expr: &Expr, side: Side, frame: &FragmentMeta) -> Option<usize> {
        let slot = match expr {
            Expr::Field(index) => usize::from(*index),
            Expr::Rate(index) => frame.counter_slot(*index),
            Expr::Active(index) => frame.timer_slot(*index),
            Expr::Now => return self.inputs.iter().position(|input| input.role == Role::Now),
            _ => return None,
        };
        self.inputs.iter().position(|input| {
            let own = if side == Side::Old { input.slots.0 } else { input.slots.1 };
            own == Some(slot)
        })
    }

    /// Where the seed and the player stand in a point.
    pub(super) fn position(&self, role: Role) -> usize {
        self.inputs.iter().position(|input| input.role == role).unwrap_or(0)
    }
}

fn fields(contents: &Contents, on: Option<On>) -> Vec<(String, Slot)> {
    let Some(On::Trigger(index)) = on else { return Vec::new() };
    let trigger = contents.schema.triggers.get(usize::from(index));
    let fields = trigger.into_iter().flat_map(|trigger| &trigger.fields);
    fields.map(|field| (field.name.clone(), field.slot)).collect()
}

impl Input {
    /// Whether both versions accept the value.
    pub(super) fn accepts(&self, value: i64) -> bool {
        let known = || match &self.old_index {
            Some(old) => usize::try_from(value).ok().and_then(|at| *old.get(at)?).is_some(),
            None => true,
        };
        (self.min..=self.max).contains(&value) && known()
    }

    /// The value as one side stores it.
    fn raw(&self, value: i64, side: Side) -> i64 {
        match (&self.old_index, side) {
            (Some(old), Side::Old) => {
                usize::try_from(value).ok().and_then(|at| *old.get(at)?).unwrap_or(0)
            }
            _ => value,
        }
    }

    /// The value that a witness shows for what does not matter.
    pub(super) fn plain(&self) -> i64 {
        self.candidates.first().copied().unwrap_or(self.min)
    }

    fn choose(&mut self, constants: &BTreeSet<i64>, at: i64, number: u64) {
        let mut chosen: Vec<i64> = Vec::new();
        let known = self.old_index.clone();
        let offer = |chosen: &mut Vec<i64>, value: i64, input: &Input| {
            if chosen.len() < CANDIDATE_COUNT_MAX
                && !chosen.contains(&value)
                && input.accepts(value)
            {
                chosen.push(value);
            }
        };
        match self.role {
            Role::Seed | Role::Player => (0..8).for_each(|value| offer(&mut chosen, value, self)),
            Role::Now => {
                offer(&mut chosen, at, self);
                for value in constants {
                    offer(&mut chosen, *value, self);
                    offer(&mut chosen, at.saturating_add(*value), self);
                }
            }
            _ if known.is_some() || self.ty == Type::Bool => {
                for value in self.min..=self.max.min(self.min.saturating_add(4_096)) {
                    offer(&mut chosen, value, self);
                }
            }
            _ => {
                for value in [self.min, self.max, 0] {
                    offer(&mut chosen, value, self);
                }
                for value in constants {
                    for near in [*value, value.saturating_sub(1), value.saturating_add(1)] {
                        offer(&mut chosen, near, self);
                        if self.ty == Type::Instant {
                            offer(&mut chosen, at.saturating_sub(near), self);
                        }
                    }
                }
            }
        }
        // A few values from nowhere, the same in every run.
        for draw in 0..8 {
            let width = (self.max as i128 - self.min as i128 + 1).max(1);
            let bits = i128::from(rng::draw(7, number, draw));
            let value = i64::try_from(i128::from(self.min) + bits % width).unwrap_or(self.min);
            offer(&mut chosen, value, self);
        }
        self.candidates = chosen;
    }

    /// A value as people write it: `"crypt"`, `40`, `"1h30m"`.
    pub(super) fn text(&self, value: i64, new: &Contents, old: &Contents) -> String {
        if self.role == Role::Seed || self.role == Role::Player {
            return (value as u64).to_string();
        }
        let names = if self.slots.1.is_some() { new } else { old };
        let shown = Value::from_raw(self.ty, value, names);
        match self.ty {
            Type::Enum(_) | Type::Duration | Type::Instant | Type::Symbol => {
                format!("\"{shown}\"")
            }
            _ => shown.to_string(),
        }
    }
}
