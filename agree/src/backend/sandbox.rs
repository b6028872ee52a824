//! WebAssembly inside this process: wasmtime's machine code, and the SDK's interpreter.

use std::sync::Arc;

use cairn_ruleset::emit;
use cairn_ruleset::image;
use cairn_ruleset::layout::{CTX_OFFSET, OUT_OFFSET, PARAMS_OFFSET};
use cairn_ruleset::manifest::Provenance;
use cairn_sdk::{Error, Evaluator, Version};
use wasmtime::{Engine, Instance, Module, Store};

use crate::case::{Answer, Case};

fn slots(bytes: &[u8]) -> Vec<i64> {
    let words = bytes.chunks_exact(8).filter_map(|word| word.try_into().ok());
    words.map(i64::from_le_bytes).collect()
}

pub(super) fn wasmtime(cases: &[Case]) -> Result<Vec<Answer>, String> {
    let engine = Engine::new(&cairn_sdk::engine::config()).map_err(|error| format!("{error:#}"))?;
    let mut answers = Vec::new();
    for case in cases {
        let params: Vec<u8> = case.params().iter().flat_map(|value| value.to_le_bytes()).collect();
        for unit in &case.units {
            let refused = |error: wasmtime::Error| format!("{}: {error:#}", unit.name);
            let lacks = |what| format!("{} lacks {what}", unit.name);
            let module = Module::new(&engine, &unit.wasm).map_err(refused)?;
            let mut store = Store::new(&engine, ());
            store.set_epoch_deadline(1);
            let instance = Instance::new(&mut store, &module, &[]).map_err(refused)?;
            let memory =
                instance.get_memory(&mut store, "memory").ok_or_else(|| lacks("memory"))?;
            let eval =
                instance.get_typed_func::<(u32, u32), ()>(&mut store, "eval").map_err(refused)?;
            memory
                .write(&mut store, PARAMS_OFFSET as usize, &params)
                .map_err(|_| lacks("room for parameters"))?;
            let mut out = vec![0; unit.slots * 8];
            for input in &unit.inputs {
                let context = input.context(unit.on);
                memory
                    .write(&mut store, CTX_OFFSET as usize, &context)
                    .map_err(|_| lacks("room for the context"))?;
                store.set_fuel(u64::MAX).map_err(refused)?;
                if eval.call(&mut store, (CTX_OFFSET, OUT_OFFSET)).is_err() {
                    answers.push(None);
                    continue;
                }
                memory
                    .read(&store, OUT_OFFSET as usize, &mut out)
                    .map_err(|_| lacks("room for the output"))?;
                answers.push(Some(slots(&out)));
            }
        }
    }
    Ok(answers)
}

pub(super) fn opcodes(cases: &[Case]) -> Result<Vec<Answer>, String> {
    let mut answers = Vec::new();
    for case in cases {
        let provenance = Provenance { revision: "agree".into(), builder: "agree".into() };
        let built = emit::bundle(&case.subject, "1.0.0", provenance);
        let built = built.map_err(|error| error.to_string())?;
        let image = image::build(&built.manifest, &|digest| built.blobs.get(digest).cloned());
        let image = image.map_err(|error| error.to_string())?;
        let version = Version::open_at(1, image, case.scope.clone());
        let version = version.map_err(|error| error.to_string())?;
        let version = Arc::new(version);
        let mut evaluator = Evaluator::interpreted(&version).map_err(|error| error.to_string())?;
        for (fragment, unit) in (0u16..).zip(&case.units) {
            for input in &unit.inputs {
                match evaluator.eval_raw(fragment, &input.context(unit.on)) {
                    Ok(out) => answers.push(Some(slots(out))),
                    Err(Error::Trap { .. }) => answers.push(None),
                    Err(error) => return Err(error.to_string()),
                }
            }
        }
    }
    Ok(answers)
}
