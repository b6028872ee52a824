//! Runs a version's rules on one thread.

use std::sync::Arc;

use cairn_ruleset::context::ContextView;
use cairn_ruleset::ir::{On, OnFault, Slot};
use cairn_ruleset::layout::{ABI, OutShape, context_bytes};
use cairn_ruleset::page::Key;
use cairn_ruleset::scope::Scope;

#[cfg(feature = "wasmtime")]
use crate::Engine;
use crate::runner::{Extent, Failure, Runner, Sandbox};
use crate::{Code, Context, Error, Outcome, Result, Version};

/// Every fragment of one version, for one thread.
pub struct Evaluator {
    sandbox: Sandbox,
    version: Arc<Version>,
    units: Vec<Unit>,
    /// Which overrides the fragments see; `None` after values of the caller's own.
    page: Option<Key>,
    /// Fragments by trigger, then by timer.
    by_trigger: Vec<Vec<u16>>,
    by_timer: Vec<Vec<u16>>,
}

/// One fragment, instantiated.
struct Unit {
    runner: Runner,
    shape: OutShape,
    /// `None` until something of it is killed: the hot path looks no further.
    kills: Option<Box<Kills>>,
}

/// What of a fragment is switched off.
struct Kills {
    fragment: bool,
    /// Per word of the bit set of fired rules, the rules that are not killed.
    allowed: Vec<u64>,
}

impl std::fmt::Debug for Evaluator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluator").field("version", &self.version.version).finish_non_exhaustive()
    }
}

impl Evaluator {
    /// Instantiates every fragment of a version and writes its parameter page, as it is where the
    /// version was opened for. Fragments whose
    /// code is interpreted need no engine and may stand beside compiled ones.
    ///
    /// # Errors
    /// `NoCode` when `code` lacks a fragment; `Sandbox` when an instance cannot be made.
    #[cfg(feature = "wasmtime")]
    pub fn new(engine: &Engine, version: &Arc<Version>, code: &Code) -> Result<Evaluator> {
        Evaluator::assemble(Sandbox::new(engine), version, code)
    }

    /// An evaluator on the SDK's own interpreter alone, from nothing but the version's image.
    ///
    /// # Errors
    /// `Refused` when a fragment is not one of the compiler's.
    pub fn interpreted(version: &Arc<Version>) -> Result<Evaluator> {
        Evaluator::assemble(Sandbox::none(), version, &Code::interpreted(version)?)
    }

    fn assemble(mut sandbox: Sandbox, version: &Arc<Version>, code: &Code) -> Result<Evaluator> {
        let image = version.image();
        let mut units = Vec::with_capacity(image.fragment_count());
        let mut by_trigger = vec![Vec::new(); image.trigger_count()];
        let mut by_timer = vec![Vec::new(); image.timer_count()];
        for (fragment, meta) in image.fragments().zip(version.fragments()) {
            let name = fragment.name;
            let loaded = code.loaded(&fragment.digest).ok_or_else(|| Error::NoCode {
                fragment: name.to_owned(),
                digest: fragment.digest,
            })?;
            let shape = OutShape::of(meta);
            let extent = Extent { context: context_bytes(meta.slots()), out: shape.bytes() };
            let runner = sandbox.instantiate(name, loaded, extent)?;
            match fragment.on {
                On::Trigger(index) => by_trigger.get_mut(usize::from(index)),
                On::Timer(index) => by_timer.get_mut(usize::from(index)),
            }
            .into_iter()
            .for_each(|list| list.push(fragment.index));
            units.push(Unit { runner, shape, kills: None });
        }
        let mut made = Evaluator {
            sandbox,
            version: Arc::clone(version),
            units,
            page: Some(version.page().key),
            by_trigger,
            by_timer,
        };
        made.write_page(&version.page().values);
        Ok(made)
    }

    /// Evaluates from now on as in another zone or shard. Costs three binary searches when the same
    /// overrides apply there, else a copy of the parameter page into every fragment.
    pub fn relocate(&mut self, scope: &Scope) {
        let image = self.version.image();
        if self.page == Some(image.page_key(scope)) {
            return;
        }
        let page = image.page(scope);
        self.write_page(&page.values);
        self.page = Some(page.key);
    }

    /// Evaluates from now on with values of the caller's own, one per parameter in slot order: for
    /// tests and what-ifs.
    ///
    /// # Errors
    /// `Page` for another number of them, `OutOfRange` for one that its declaration excludes, on
    /// which no proof of the compiler would hold. Nothing is changed then.
    pub fn set_params(&mut self, values: &[i64]) -> Result<()> {
        let image = self.version.image();
        let (actual, expected) = (values.len(), image.param_count());
        if actual != expected {
            let (ruleset, version) = (self.version.ruleset.clone(), self.version.version.clone());
            return Err(Error::Page { actual, expected, ruleset, version });
        }
        for (param, &value) in image.params().zip(values) {
            let Slot { min, max, .. } = param.slot;
            if value < min || value > max {
                let name = param.name.to_owned();
                return Err(Error::OutOfRange { name, value, min, max });
            }
        }
        self.write_page(values);
        self.page = None;
        Ok(())
    }

    fn write_page(&mut self, values: &[i64]) {
        for unit in &mut self.units {
            let page = self.sandbox.params_mut(&mut unit.runner, values.len() * 8);
            for (target, value) in page.chunks_exact_mut(8).zip(values) {
                target.copy_from_slice(&value.to_le_bytes());
            }
        }
    }

    /// The version it runs.
    #[must_use]
    pub fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// Switches a fragment or a rule off (or on again) by name; `false` when there is neither.
    /// A fragment that is off is not called; a rule that is off never counts as fired.
    pub fn kill(&mut self, name: &str, killed: bool) -> bool {
        let mut found = false;
        for (meta, unit) in self.version.fragments().iter().zip(&mut self.units) {
            let rule = meta.rules.iter().position(|rule| rule.name == name);
            if meta.name != name && rule.is_none() {
                continue;
            }
            found = true;
            let words = unit.shape.words;
            let kills = unit.kills.get_or_insert_with(|| Box::new(Kills::none(words)));
            if meta.name == name {
                kills.fragment = killed;
            }
            let Some(rule) = rule else { continue };
            if let Some(word) = kills.allowed.get_mut(rule / 64) {
                let bit = 1 << (rule % 64);
                *word = if killed { *word & !bit } else { *word | bit };
            }
        }
        found
    }

    /// Runs every fragment of the context's trigger or timer and collects what fired.
    ///
    /// # Errors
    /// `OtherVersion`, `Unset`; `Trap` when a fragment fails that has a rule with
    /// `on_fault = "fail"` (others are listed in [`Outcome::faults`]).
    pub fn eval(&mut self, context: &Context, outcome: &mut Outcome) -> Result<()> {
        if !Arc::ptr_eq(context.version(), &self.version)
            && context.version().digest != self.version.digest
        {
            let (context, evaluator) = (context.version().digest, self.version.digest);
            return Err(Error::OtherVersion { context, evaluator });
        }
        let bytes = context.bytes()?;
        outcome.clear(ContextView::new(bytes, 0).map_or(0, |view| view.seed()));
        let mut step = 0;
        while let Some(fragment) = self.on(context.on()).get(step).copied() {
            self.eval_into(fragment, bytes, outcome)?;
            step += 1;
        }
        Ok(())
    }

    /// The fragments of a trigger or timer.
    fn on(&self, on: On) -> &[u16] {
        let list = match on {
            On::Trigger(index) => self.by_trigger.get(usize::from(index)),
            On::Timer(index) => self.by_timer.get(usize::from(index)),
        };
        list.map_or(&[], Vec::as_slice)
    }

    fn eval_into(&mut self, fragment: u16, bytes: &[u8], outcome: &mut Outcome) -> Result<()> {
        let at = usize::from(fragment);
        let Some((unit, meta)) = self.units.get_mut(at).zip(self.version.fragments().get(at))
        else {
            return Ok(());
        };
        if unit.kills.as_ref().is_some_and(|kills| kills.fragment) {
            return Ok(());
        }
        let Unit { runner, shape, kills } = unit;
        match decide(&mut self.sandbox, runner, kills.as_deref(), bytes) {
            Ok(out) => outcome.take(fragment, meta, shape, out),
            Err(failure) => {
                let strict = meta.rules.iter().any(|rule| rule.on_fault == OnFault::Fail);
                if strict || matches!(failure, Failure::Context { .. }) {
                    return Err(failed(&self.version, fragment, failure));
                }
                outcome.fault(fragment);
            }
        }
        Ok(())
    }

    /// Runs one fragment on a context's bytes and returns its output as
    /// [`cairn_ruleset::layout`] describes it. The hot path: no allocation, no system call. A
    /// killed fragment answers with an empty slice, killed rules have their bit cleared.
    ///
    /// # Errors
    /// `RawContext` when the bytes are too few; `Unknown` past the last fragment; `Trap`.
    // Always: a result with its error inside is handed over in memory by a call, which costs a
    // nanosecond of twenty.
    #[inline(always)]
    pub fn eval_raw(&mut self, fragment: u16, context: &[u8]) -> Result<&[u8]> {
        let Some(unit) = self.units.get_mut(usize::from(fragment)) else {
            return Err(unknown_fragment(&self.version, fragment));
        };
        match decide(&mut self.sandbox, &mut unit.runner, unit.kills.as_deref(), context) {
            Ok(out) => Ok(out),
            Err(failure) => Err(failed(&self.version, fragment, failure)),
        }
    }
}

impl Kills {
    fn none(words: usize) -> Kills {
        Kills { fragment: false, allowed: vec![u64::MAX; words] }
    }

    /// What a fragment answers to a context, without the rules that are killed.
    #[cold]
    fn decide<'a>(
        &self,
        sandbox: &'a mut Sandbox,
        runner: &'a mut Runner,
        context: &[u8],
    ) -> std::result::Result<&'a [u8], Failure> {
        if self.fragment {
            return Ok(&[]);
        }
        let out = sandbox.eval(runner, context)?;
        for (word, allowed) in out.chunks_exact_mut(8).zip(&self.allowed) {
            for (byte, allowed) in word.iter_mut().zip(allowed.to_le_bytes()) {
                *byte &= allowed;
            }
        }
        Ok(out)
    }
}

/// What a fragment answers to a context.
#[inline(always)]
fn decide<'a>(
    sandbox: &'a mut Sandbox,
    runner: &'a mut Runner,
    kills: Option<&Kills>,
    context: &[u8],
) -> std::result::Result<&'a [u8], Failure> {
    match kills {
        None => sandbox.eval(runner, context).map(|out| &*out),
        Some(kills) => kills.decide(sandbox, runner, context),
    }
}

#[cold]
fn unknown_fragment(version: &Version, fragment: u16) -> Error {
    version.unknown("fragment", &fragment.to_string())
}

/// Why a fragment has no output, in the caller's terms.
#[cold]
fn failed(version: &Version, fragment: u16, failure: Failure) -> Error {
    let meta = version.fragments().get(usize::from(fragment));
    let fragment = meta.map_or_else(|| fragment.to_string(), |meta| meta.name.clone());
    match failure {
        Failure::Context { actual_bytes, needed_bytes } => {
            Error::RawContext { fragment, actual_bytes, needed_bytes, abi: ABI }
        }
        _ => Error::Trap { fragment, reason: failure.to_string() },
    }
}
