//! A bundle in memory: its mapped image, its machine code, and sandboxes to run it in.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use cairn_merkle::Digest;
use cairn_ruleset::ir::{On, TimerDef};
use cairn_ruleset::schedule::Clockwork;
use cairn_ruleset::value::Value;
use cairn_sdk::{Code, Context, Engine, Evaluator, ImageBytes, Origin, Page, Scope, Version};

use super::Live;
use crate::stage::StageError;

/// Sandboxes that wait for the next batch. More batches at once make their own and drop it after:
/// an instance costs some tens of microseconds and 1 MiB per fragment.
const POOL_COUNT_MAX: usize = 8;

/// What a version is in memory, whatever generation it is live at.
pub(crate) struct Loaded {
    engine: Engine,
    version: Arc<Version>,
    code: Code,
    /// Schedules, read once: what `active(timer)` is when the caller does not say.
    timers: Vec<(TimerDef, Option<Clockwork>)>,
    pool: Mutex<Vec<Evaluator>>,
}

impl Loaded {
    /// Map an image and load from `code_dir` what `known` lacks of its machine code. `home` is where
    /// the agent's own games run.
    pub(crate) fn open(
        engine: &Engine,
        image: &Path,
        code_dir: &Path,
        known: Code,
        home: Scope,
    ) -> Result<Loaded, StageError> {
        let bytes = ImageBytes::map(image).map_err(|error| image_error(&error))?;
        let mut code = known;
        // The generation is the channel's to say: one image serves several of them in turn.
        let version = Version::open_at(0, bytes, home).map_err(|error| image_error(&error))?;
        for fragment in version.image().fragments() {
            let path = code_dir.join(format!("{}.cwasm", fragment.digest));
            let loaded = code.load_file(engine, fragment.digest, &path);
            let reason = match loaded {
                Ok(true) => continue,
                Ok(false) => format!("{} is not there", path.display()),
                Err(error) => crate::stage::with_sources(&error),
            };
            return Err(StageError::Code { reason, path });
        }
        let own: BTreeSet<Digest> = version.image().fragments().map(|f| f.digest).collect();
        code.retain(|digest| own.contains(digest));
        Ok(Loaded::assemble(engine.clone(), version, code))
    }

    /// Its machine code.
    pub(crate) fn code(&self) -> &Code {
        &self.code
    }

    /// From parts in memory.
    pub(super) fn assemble(engine: Engine, version: Version, code: Code) -> Loaded {
        let timers = version
            .image()
            .timers()
            .map(|timer| {
                let clockwork = Clockwork::new(&version.ruleset, &timer).ok();
                (timer, clockwork)
            })
            .collect();
        Loaded { engine, version: Arc::new(version), code, timers, pool: Mutex::default() }
    }

    pub(crate) fn version(&self) -> &Arc<Version> {
        &self.version
    }

    /// Whether a timer's window is open, by its schedule.
    pub(super) fn timer_active(&self, index: usize, now_ms: i64) -> bool {
        self.timers.get(index).is_some_and(|(timer, clockwork)| {
            clockwork.as_ref().is_some_and(|clock| clock.active_at(timer.duration_ms, now_ms))
        })
    }

    /// Run `work` on a sandbox of the pool, with the parameters of `scope`.
    pub(super) fn with<T>(
        &self,
        scope: &Scope,
        work: impl FnOnce(&mut Evaluator) -> T,
    ) -> Result<T, cairn_sdk::Error> {
        let waiting = self.lock().pop();
        let mut evaluator = match waiting {
            Some(evaluator) => evaluator,
            None => Evaluator::new(&self.engine, &self.version, &self.code)?,
        };
        evaluator.relocate(scope);
        let done = work(&mut evaluator);
        let mut pool = self.lock();
        if pool.len() < POOL_COUNT_MAX {
            pool.push(evaluator);
        }
        Ok(done)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Evaluator>> {
        // Sandboxes are taken out while they run, so a panic leaves only whole ones behind.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Run every fragment once on a blank context: every field at its smallest value.
    pub(crate) fn smoke(&self) -> Result<(), StageError> {
        let failed = |name: &str, error: &cairn_sdk::Error| StageError::Smoke {
            name: name.to_owned(),
            reason: crate::stage::with_sources(error),
        };
        let ran = self.with(self.version.scope(), |evaluator| {
            for (meta, index) in self.version.fragments().iter().zip(0u16..) {
                let fail = |error: cairn_sdk::Error| failed(&meta.name, &error);
                let mut context = Context::new(&self.version, meta.on).map_err(fail)?;
                if let On::Trigger(trigger) = meta.on {
                    for (field, at) in self.version.image().fields(trigger).zip(0u16..) {
                        context.set(at, field.slot.min).map_err(fail)?;
                    }
                }
                let bytes = context.bytes().map_err(fail)?;
                evaluator.eval_raw(index, bytes).map_err(fail)?;
            }
            Ok(())
        });
        ran.map_err(|error| failed("all", &error))?
    }
}

fn image_error(error: &cairn_sdk::Error) -> StageError {
    StageError::Image { reason: crate::stage::with_sources(error) }
}

/// One parameter, as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamInfo {
    /// Its name.
    pub name: String,
    /// Its value where the games run.
    pub value: Value,
    /// What decided it.
    pub origin: Origin,
    /// Its value where no override applies.
    pub default: Value,
    /// Its overrides, by zone and shard.
    pub overrides: Vec<(Scope, Value)>,
    /// The smallest it may be.
    pub min: Value,
    /// The largest it may be.
    pub max: Value,
    /// What it counts.
    pub unit: Option<String>,
    /// What it is for.
    pub doc: String,
}

impl Live {
    /// Every timer, in order of declaration.
    pub fn timers(&self) -> Vec<TimerDef> {
        self.loaded.timers.iter().map(|(timer, _)| timer.clone()).collect()
    }

    /// Every parameter as it is somewhere, in order of declaration.
    pub fn params(&self, scope: &Scope) -> Vec<ParamInfo> {
        let (image, page) = (self.image(), self.page(scope));
        let mut overrides = vec![Vec::new(); image.param_count()];
        for known in image.overrides() {
            if let Some(own) = overrides.get_mut(usize::from(known.param)) {
                own.push((owned(known.zone, known.shard), known.value));
            }
        }
        let all = (0u16..).zip(overrides);
        all.filter_map(|(index, own)| self.param_at(index, &page, own)).collect()
    }

    /// A parameter by name, as it is somewhere.
    pub fn param(&self, name: &str, scope: &Scope) -> Option<ParamInfo> {
        let (image, page) = (self.image(), self.page(scope));
        let index = image.param_index(name)?;
        let own = image.overrides().filter(|known| known.param == index);
        let own = own.map(|known| (owned(known.zone, known.shard), known.value)).collect();
        self.param_at(index, &page, own)
    }

    fn param_at(&self, index: u16, page: &Page, own: Vec<(Scope, i64)>) -> Option<ParamInfo> {
        let image = self.image();
        let param = image.param(index)?;
        let value = |raw| Value::from_raw(param.slot.ty, raw, image);
        Some(ParamInfo {
            name: param.name.to_owned(),
            value: value(*page.values.get(usize::from(index))?),
            origin: *page.origins.get(usize::from(index))?,
            default: value(param.default),
            overrides: own.into_iter().map(|(scope, raw)| (scope, value(raw))).collect(),
            min: value(param.slot.min),
            max: value(param.slot.max),
            unit: param.unit.map(str::to_owned),
            doc: param.doc.to_owned(),
        })
    }
}

fn owned(zone: Option<&str>, shard: Option<&str>) -> Scope {
    Scope { zone: zone.map(str::to_owned), shard: shard.map(str::to_owned) }
}
