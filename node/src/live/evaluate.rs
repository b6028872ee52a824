//! Batch evaluation: many requests on one sandbox, each answered or refused on its own.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use cairn_ruleset::ir::{Audience, On, Slot, Type};
use cairn_ruleset::value::{self, ValueError};
use cairn_sdk::{Context, Evaluator, Value};

use super::Live;
use super::error::EvalError;
use super::pity::{PityMap, UnknownPity};
use super::place::Place;
use super::roll::Rolled;

/// A value as a caller wrote it, before the field's type is known. Numbers stay text, so that no
/// floating point ever stands between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// `true` or `false`.
    Bool(bool),
    /// A number's exact text.
    Number(String),
    /// Any other text.
    Text(String),
}

/// One thing that happened in a game instance.
#[derive(Debug, Clone, Default)]
pub struct EvalRequest {
    /// What happened. May be left out when `rule` says it.
    pub trigger: Option<String>,
    /// Answer for this rule alone.
    pub rule: Option<String>,
    /// The trigger's fields, all of them.
    pub context: BTreeMap<String, Given>,
    /// Of every draw.
    pub seed: u64,
    /// Whose event it is.
    pub player: u64,
    /// Where it happened.
    pub place: Place,
    /// When, in milliseconds since the Unix epoch. Default: now, by this machine's clock.
    pub now_ms: Option<i64>,
    /// Counters that the caller keeps; the others are 0.
    pub counters: BTreeMap<String, u64>,
    /// Timers that are open, or not; the others follow their schedule at `now_ms`.
    pub active: BTreeMap<String, bool>,
    /// What the player has missed so far, for loot tables with a pity.
    pub pity: PityMap,
}

/// What an evaluation decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluated {
    /// Rules that fired, in order.
    pub fired: Vec<String>,
    /// What they emit.
    pub outcomes: Vec<Outcome>,
    /// What the player has missed now, for the caller to keep.
    pub pity: PityMap,
    /// What was given of misses that this version does not know.
    pub unknown_pity: Vec<UnknownPity>,
}

/// One outcome of a rule that fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The rule.
    pub rule: String,
    /// The outcome's label.
    pub name: String,
    /// Who gets it.
    pub audience: Audience,
    /// What fell, when the outcome rolls a table.
    pub loot: Vec<Rolled>,
    /// Its payload, in declared order.
    pub payload: Vec<(String, Value)>,
}

impl Live {
    /// Evaluate a batch on one version. One answer per request, in order.
    pub fn evaluate(&self, requests: &[EvalRequest]) -> Vec<Result<Evaluated, EvalError>> {
        let began = std::time::Instant::now();
        // Place by place: a sandbox moves once for each, however they are mixed.
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by_key(|at| requests.get(*at).map(|request| &request.place));
        let answered = self.loaded.with(self.home(), |evaluator| {
            let mut outcome = cairn_sdk::Outcome::new();
            let mut answers: Vec<_> = requests.iter().map(|_| None).collect();
            for at in order {
                if let (Some(one), Some(answer)) = (requests.get(at), answers.get_mut(at)) {
                    *answer = Some(self.evaluate_one(one, evaluator, &mut outcome));
                }
            }
            answers
        });
        self.metrics.evaluated(began.elapsed());
        match answered {
            Ok(answers) => answers.into_iter().flatten().collect(),
            Err(error) => requests.iter().map(|_| Err(EvalError::from_sdk(&error))).collect(),
        }
    }

    fn evaluate_one(
        &self,
        request: &EvalRequest,
        evaluator: &mut Evaluator,
        outcome: &mut cairn_sdk::Outcome,
    ) -> Result<Evaluated, EvalError> {
        let on = self.asked_for(request)?;
        let (mut pity, unknown_pity) = self.pity(&request.pity)?;
        let context = self.context(on, request)?;
        let scope = self.scope(&request.place)?;
        evaluator.relocate(&scope);
        evaluator.eval(&context, outcome).map_err(|error| EvalError::from_sdk(&error))?;
        let version = self.loaded.version();
        let wanted = |rule: &str| request.rule.as_deref().is_none_or(|wanted| wanted == rule);
        let fired = outcome.fired(version).filter(|rule| wanted(rule)).map(str::to_owned).collect();
        let mut outcomes = Vec::new();
        for emitted in outcome.emitted(version).filter(|emitted| wanted(emitted.rule)) {
            let mut drops = Vec::new();
            if let Some(loot) = &emitted.loot {
                let rolled = version.roll_request(loot, &mut pity, &mut drops);
                rolled.map_err(|error| EvalError::from_sdk(&error))?;
            }
            outcomes.push(Outcome {
                rule: emitted.rule.to_owned(),
                name: emitted.name.to_owned(),
                audience: emitted.audience,
                loot: drops.iter().map(Rolled::of).collect(),
                payload: emitted.payload().map(|(name, value)| (name.to_owned(), value)).collect(),
            });
        }
        let pity = self.kept(&pity, &request.pity);
        Ok(Evaluated { fired, outcomes, pity, unknown_pity })
    }

    /// The trigger or timer that a request is about.
    fn asked_for(&self, request: &EvalRequest) -> Result<On, EvalError> {
        let version = self.loaded.version();
        let of_rule = match &request.rule {
            None => None,
            Some(name) => {
                let rules = version
                    .fragments()
                    .iter()
                    .flat_map(|meta| meta.rules.iter().map(move |rule| (meta, rule)));
                let found = rules.clone().find(|(_, rule)| rule.name == *name);
                let (meta, _) = found.ok_or_else(|| {
                    let known = rules.map(|(_, rule)| rule.name.as_str());
                    EvalError::unknown("unknown-rule", "rule", name, known).at(".rule")
                })?;
                Some(meta.on)
            }
        };
        let Some(name) = &request.trigger else {
            return of_rule.ok_or_else(EvalError::nothing_asked);
        };
        self.trigger(name)
    }

    pub(super) fn trigger(&self, name: &str) -> Result<On, EvalError> {
        let image = self.image();
        // A timer's rules are asked for as `timer.<name>`, as they are written.
        let found = match name.strip_prefix("timer.") {
            Some(timer) => self.loaded.version().timer(timer),
            None => self.loaded.version().trigger(name),
        };
        found.map_err(|_| {
            let triggers = 0..u16::try_from(image.trigger_count()).unwrap_or(u16::MAX);
            let known = triggers.filter_map(|at| image.trigger(at)).map(|trigger| trigger.name);
            EvalError::unknown("unknown-trigger", "trigger", name, known).at(".trigger")
        })
    }

    pub(crate) fn context(&self, on: On, request: &EvalRequest) -> Result<Context, EvalError> {
        self.context_reading(on, request, &|_| true)
    }

    /// The same where fields that are not read may be left out: they have their least value then.
    pub(crate) fn context_reading(
        &self,
        on: On,
        request: &EvalRequest,
        reads: &dyn Fn(u16) -> bool,
    ) -> Result<Context, EvalError> {
        let from_sdk = |error: cairn_sdk::Error| EvalError::from_sdk(&error);
        let (version, image) = (self.loaded.version(), self.image());
        let mut context = Context::new(version, on).map_err(from_sdk)?;
        let now_ms = request.now_ms.unwrap_or_else(wall_ms);
        context.seed(request.seed).player(request.player);
        context.now_ms(now_ms).map_err(|error| EvalError::from_sdk(&error).at(".now_ms"))?;
        // All of them: whoever mends a context by hand sees every mistake of it at once.
        let mut wrong = Vec::new();
        for (name, given) in &request.context {
            let Ok((field, slot)) = context.field(name) else {
                let known = match on {
                    On::Trigger(index) => image.fields(index).map(|field| field.name).collect(),
                    On::Timer(_) => Vec::new(),
                };
                wrong.push(
                    EvalError::unknown("unknown-field", "field", name, known)
                        .at(format!(".context.{name}")),
                );
                continue;
            };
            let set = self.raw(name, &slot, given);
            let set = set.and_then(|raw| context.set(field, raw).map(drop).map_err(from_sdk));
            wrong.extend(set.err());
        }
        if let On::Trigger(index) = on {
            let mut missing = Vec::new();
            for (field, slot) in image.fields(index).zip(0..) {
                match request.context.contains_key(field.name) {
                    true => {}
                    false if reads(slot) => missing.push(field.name),
                    false => drop(context.set(slot, field.slot.min).map_err(from_sdk)?),
                }
            }
            if !missing.is_empty() {
                wrong.push(EvalError::missing(&missing));
            }
        }
        if let Some(wrong) = EvalError::all(wrong) {
            return Err(wrong);
        }
        for (name, count) in &request.counters {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            context.rate_named(name, count).map_err(|_| {
                let counters = 0..u16::try_from(image.counter_count()).unwrap_or(u16::MAX);
                let known = counters.filter_map(|at| image.counter_limit(at)).map(|(name, _)| name);
                EvalError::unknown("unknown-counter", "counter", name, known)
                    .at(format!(".counters.{name}"))
            })?;
        }
        let timers = u16::try_from(image.timer_count()).unwrap_or(u16::MAX);
        // A schedule costs more to ask than all the rest of a context: only for those left out.
        let left_out = |index: &u16| {
            let given = |name| request.active.contains_key(name);
            !image.timer_name(*index).is_some_and(given)
        };
        for index in (0..timers).filter(left_out) {
            let active = self.loaded.timer_active(usize::from(index), now_ms);
            context.active(index, active).map_err(from_sdk)?;
        }
        for (name, active) in &request.active {
            context.active_named(name, *active).map_err(|_| {
                let known = (0..timers).filter_map(|at| image.timer_name(at));
                EvalError::unknown("unknown-timer", "timer", name, known)
                    .at(format!(".active.{name}"))
            })?;
        }
        Ok(context)
    }

    /// A caller's value in its field's representation, within its range.
    fn raw(&self, name: &str, slot: &Slot, given: &Given) -> Result<i64, EvalError> {
        let at = |error: EvalError| error.at(format!(".context.{name}"));
        let wanted = match slot.ty {
            Type::Bool => "true or false",
            Type::Int => "a whole number",
            Type::Decimal => "a decimal",
            Type::Duration => "a duration such as \"90s\"",
            Type::Instant => {
                "an instant such as \"2026-11-20T20:00:00Z\", or milliseconds since 1970"
            }
            Type::Enum(_) => "the name of an enum's value",
            Type::Symbol => "a symbol",
        };
        let text = match (slot.ty, given) {
            (Type::Bool, Given::Bool(value)) => return Ok(i64::from(*value)),
            // Milliseconds are a number. In quotes a number is more likely a year, which would be
            // taken for the first seconds of 1970.
            (Type::Instant, Given::Text(text)) if text.parse::<i64>().is_ok() => {
                return Err(at(EvalError::kind(name, wanted, "a number in quotes")));
            }
            (Type::Int | Type::Decimal | Type::Instant, Given::Number(text))
            | (Type::Decimal | Type::Duration | Type::Instant, Given::Text(text))
            | (Type::Enum(_) | Type::Symbol, Given::Text(text)) => text,
            (_, Given::Bool(_)) => return Err(at(EvalError::kind(name, wanted, "true or false"))),
            (_, Given::Number(_)) => return Err(at(EvalError::kind(name, wanted, "a number"))),
            (_, Given::Text(_)) => return Err(at(EvalError::kind(name, wanted, "a text"))),
        };
        let within = |raw| value::check(slot, raw, self.image()).map(|()| raw);
        value::parse(slot.ty, text, self.image()).and_then(within).map_err(|source| {
            // The context knows the representation alone, which nobody wrote.
            if let ValueError::OutOfRange { value, min, max } = &source {
                return at(EvalError::outside(name, value, min, max));
            }
            let name = name.to_owned();
            let reason = Box::new(source);
            let refused = EvalError::from_sdk(&cairn_sdk::Error::Value { name, reason });
            match slot.ty {
                Type::Enum(of) => {
                    let known: Vec<&str> = self.image().enum_values(of).collect();
                    refused.meant(text, known)
                }
                _ => refused,
            }
        })
    }
}

pub(crate) fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
