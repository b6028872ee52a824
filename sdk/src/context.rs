//! The input of one evaluation, checked slot by slot.

use std::sync::Arc;

use cairn_ruleset::ir::{INSTANT_MAX, On, Slot, Type};
use cairn_ruleset::layout::{
    ABI, ABI_AT, CTX_SLOTS_MAX, NOW_AT, PLAYER_AT, SEED_AT, TRIGGER_AT, context_bytes, slot_at,
};
use cairn_ruleset::value;

use crate::{Error, Result, Version};

/// What happened, to whom, when. Made once and filled again and again: setters by index do not
/// allocate. Every value is checked against its slot's range when it is set; counters saturate at
/// their limit; counters and timers that are not set are 0.
#[derive(Clone, Debug)]
pub struct Context {
    version: Arc<Version>,
    on: On,
    bytes: Vec<u8>,
    /// Ranges of the trigger's fields.
    fields: Vec<Slot>,
    /// Whether each field was set, and how many were not.
    set: Vec<bool>,
    unset: usize,
    counters: usize,
    timers: usize,
}

impl Context {
    /// A context for a trigger by name.
    ///
    /// # Errors
    /// `Unknown` trigger.
    pub fn for_trigger(version: &Arc<Version>, name: &str) -> Result<Context> {
        Context::new(version, version.trigger(name)?)
    }

    /// A context for a trigger or a timer.
    ///
    /// # Errors
    /// `Unknown` when the index is not one of this version.
    pub fn new(version: &Arc<Version>, on: On) -> Result<Context> {
        let image = version.image();
        let (index, fields) = match on {
            On::Trigger(index) => {
                image
                    .trigger(index)
                    .ok_or_else(|| version.unknown("trigger", &index.to_string()))?;
                (index, image.fields(index).map(|field| field.slot).collect())
            }
            On::Timer(index) => {
                image
                    .timer_name(index)
                    .ok_or_else(|| version.unknown("timer", &index.to_string()))?;
                (index, Vec::new())
            }
        };
        let (counters, timers) = (image.counter_count(), image.timer_count());
        let slots = fields.len() + counters + timers;
        if slots > CTX_SLOTS_MAX {
            return Err(version.unknown("context of so many slots for", &slots.to_string()));
        }
        let unset = fields.len();
        let mut context = Context {
            version: Arc::clone(version),
            on,
            bytes: vec![0; context_bytes(slots)],
            set: vec![false; fields.len()],
            fields,
            unset,
            counters,
            timers,
        };
        context.put(ABI_AT as usize, ABI.to_le_bytes());
        context.put(TRIGGER_AT as usize, u32::from(index).to_le_bytes());
        Ok(context)
    }

    /// Forgets every slot, for the next evaluation.
    pub fn clear(&mut self) {
        self.set.fill(false);
        self.unset = self.fields.len();
        if let Some(slots) = self.bytes.get_mut(slot_at(0)..) {
            slots.fill(0);
        }
    }

    #[inline]
    fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        if let Some(target) = self.bytes.get_mut(at..at + N) {
            target.copy_from_slice(&bytes);
        }
    }

    /// Sets the seed of all draws.
    #[inline]
    pub fn seed(&mut self, seed: u64) -> &mut Context {
        self.put(SEED_AT as usize, seed.to_le_bytes());
        self
    }

    /// Sets the player.
    #[inline]
    pub fn player(&mut self, player: u64) -> &mut Context {
        self.put(PLAYER_AT as usize, player.to_le_bytes());
        self
    }

    /// Sets the time, in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// `OutOfRange` outside 1970 to 9999, which the compiler relies on.
    pub fn now_ms(&mut self, now_ms: i64) -> Result<&mut Context> {
        if !(0..=INSTANT_MAX).contains(&now_ms) {
            let (name, value) = ("now_ms".to_owned(), now_ms);
            return Err(Error::OutOfRange { name, value, min: 0, max: INSTANT_MAX });
        }
        self.put(NOW_AT as usize, now_ms.to_le_bytes());
        Ok(self)
    }

    /// Sets a field by index, in its representation. Does not allocate.
    ///
    /// # Errors
    /// `OutOfRange` or, past the last field, `Unknown`.
    #[inline]
    pub fn set(&mut self, field: u16, value: i64) -> Result<&mut Context> {
        let at = usize::from(field);
        let Some(slot) = self.fields.get(at) else {
            return Err(self.version.unknown("field", &field.to_string()));
        };
        let (min, max) = (slot.min, slot.max);
        if value < min || value > max {
            let name = self.field_name(field);
            return Err(Error::OutOfRange { name, value, min, max });
        }
        if let Some(set) = self.set.get_mut(at).filter(|set| !**set) {
            *set = true;
            self.unset -= 1;
        }
        self.put(slot_at(at), value.to_le_bytes());
        Ok(self)
    }

    /// Index, type and range of a field by name.
    ///
    /// # Errors
    /// `Unknown`.
    pub fn field(&self, name: &str) -> Result<(u16, Slot)> {
        let On::Trigger(trigger) = self.on else {
            return Err(self.version.unknown("field", name));
        };
        let mut fields = self.version.image().fields(trigger).zip(0u16..);
        fields
            .find(|(field, _)| field.name == name)
            .map(|(field, index)| (index, field.slot))
            .ok_or_else(|| self.version.unknown("field", name))
    }

    /// Sets a field by name, in its representation.
    ///
    /// # Errors
    /// `Unknown` or `OutOfRange`.
    pub fn set_named(&mut self, name: &str, value: i64) -> Result<&mut Context> {
        let (index, _) = self.field(name)?;
        self.set(index, value)
    }

    /// Sets a field by name from a text: `true`, `12`, `1.25`, `1h30m`, an enum's value.
    ///
    /// # Errors
    /// `Unknown`, `Value` or `OutOfRange`.
    pub fn set_text(&mut self, name: &str, text: &str) -> Result<&mut Context> {
        let (index, slot) = self.field(name)?;
        let value = value::parse(slot.ty, text, self.version.image())
            .map_err(|reason| Error::Value { name: name.to_owned(), reason: Box::new(reason) })?;
        self.set(index, value)
    }

    /// Sets a counter by index; counts above its limit saturate. Does not allocate.
    ///
    /// # Errors
    /// `Unknown` past the last counter, `OutOfRange` for a negative count.
    pub fn rate(&mut self, counter: u16, count: i64) -> Result<&mut Context> {
        let Some((name, max)) = self.version.image().counter_limit(counter) else {
            return Err(self.version.unknown("counter", &counter.to_string()));
        };
        if count < 0 {
            let (name, value) = (name.to_owned(), count);
            return Err(Error::OutOfRange { name, value, min: 0, max });
        }
        let at = slot_at(self.fields.len() + usize::from(counter));
        self.put(at, count.min(max).to_le_bytes());
        Ok(self)
    }

    /// Sets a counter by name.
    ///
    /// # Errors
    /// As [`Context::rate`].
    pub fn rate_named(&mut self, counter: &str, count: i64) -> Result<&mut Context> {
        let image = self.version.image();
        let index = (0..self.counters as u16)
            .find(|index| image.counter_limit(*index).is_some_and(|(name, _)| name == counter))
            .ok_or_else(|| self.version.unknown("counter", counter))?;
        self.rate(index, count)
    }

    /// Says whether a timer is active, by index. Does not allocate.
    ///
    /// # Errors
    /// `Unknown` past the last timer.
    pub fn active(&mut self, timer: u16, active: bool) -> Result<&mut Context> {
        if usize::from(timer) >= self.timers {
            return Err(self.version.unknown("timer", &timer.to_string()));
        }
        let at = slot_at(self.fields.len() + self.counters + usize::from(timer));
        self.put(at, i64::from(active).to_le_bytes());
        Ok(self)
    }

    /// Says whether a timer is active, by name.
    ///
    /// # Errors
    /// `Unknown`.
    pub fn active_named(&mut self, timer: &str, active: bool) -> Result<&mut Context> {
        match self.version.timer(timer)? {
            On::Timer(index) => self.active(index, active),
            On::Trigger(_) => Err(self.version.unknown("timer", timer)),
        }
    }

    /// What the context is for.
    #[must_use]
    pub fn on(&self) -> On {
        self.on
    }

    /// The version it was made for.
    #[must_use]
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// The bytes that a fragment reads; with the bundle's digest they replay the decision.
    ///
    /// # Errors
    /// `Unset` names the first field that was not set.
    #[inline]
    pub fn bytes(&self) -> Result<&[u8]> {
        if self.unset == 0 { Ok(&self.bytes) } else { Err(self.unset_error()) }
    }

    #[cold]
    fn unset_error(&self) -> Error {
        let first = self.set.iter().position(|set| !set).unwrap_or(0);
        let image = self.version.image();
        let on = match self.on {
            On::Trigger(index) => image.trigger(index).map(|trigger| trigger.name),
            On::Timer(index) => image.timer_name(index),
        };
        Error::Unset {
            name: self.field_name(first as u16),
            on: on.unwrap_or("?").to_owned(),
            missing: self.unset,
        }
    }

    #[cold]
    fn field_name(&self, field: u16) -> String {
        let On::Trigger(trigger) = self.on else { return field.to_string() };
        let found = self.version.image().fields(trigger).nth(usize::from(field));
        found.map_or_else(|| field.to_string(), |field| field.name.to_owned())
    }

    /// Type of a field by index.
    #[must_use]
    pub fn field_type(&self, field: u16) -> Option<Type> {
        self.fields.get(usize::from(field)).map(|slot| slot.ty)
    }
}
