//! One fragment: a module of straight-line functions that call forward only.
//!
//! A small fragment is one function, so that one crossing costs one call. Rules beyond
//! [`RULES_PER_FUNCTION`] go to functions of their own: register allocation is superlinear, and a
//! word of the bit set is the natural place to cut.

use wasm_encoder::{
    CodeSection, CustomSection, ExportKind, ExportSection, FunctionSection, MemorySection,
    MemoryType, Module, TypeSection, ValType,
};

use super::bundle::BuildError;
use super::code::Coder;
use crate::ir::{FragmentDef, Program};
use crate::layout::{MEMORY_PAGES, OutShape};
use crate::limits::CODE_BYTES_MAX;
use crate::meta::{FragmentMeta, SECTION, Segment};
use crate::whitelist;

/// Rules of one function: one word of the bit set.
const RULES_PER_FUNCTION: usize = 64;

/// Compiles one fragment and proves the result against the loader's whitelist.
///
/// # Errors
/// The module is over a limit of the loader: its bytes, its slots, its cost.
pub fn fragment(program: &Program, def: &FragmentDef) -> Result<Vec<u8>, BuildError> {
    let wasm = encode(program, def);
    if wasm.len() > CODE_BYTES_MAX {
        return Err(BuildError::FragmentTooLarge {
            name: def.name.clone(),
            rules: def.rules.len(),
            actual_bytes: wasm.len(),
        });
    }
    match whitelist::prove(&wasm) {
        Ok(_) => Ok(wasm),
        Err(source) => Err(BuildError::Refused { name: def.name.clone(), source }),
    }
}

/// Compiles one fragment without checking any limit.
#[must_use]
pub fn encode(program: &Program, def: &FragmentDef) -> Vec<u8> {
    let meta = FragmentMeta::of(program, def);
    let shape = OutShape::of(&meta);

    let mut functions = Vec::new();
    let mut eval = Coder::new(&meta);
    let parts = def.rules.len().div_ceil(RULES_PER_FUNCTION);
    if parts <= 1 {
        masks(&mut eval, def, &shape);
        rules(&mut eval, def, &meta, &shape, 0);
        functions.push(eval.finish());
    } else {
        // Masks first: the records read them.
        let first = u32::from(!def.masks.is_empty());
        for function in 0..first + parts as u32 {
            eval.call(function + 1);
        }
        functions.push(eval.finish());
        if first == 1 {
            let mut coder = Coder::new(&meta);
            masks(&mut coder, def, &shape);
            functions.push(coder.finish());
        }
        for part in 0..parts {
            let mut coder = Coder::new(&meta);
            rules(&mut coder, def, &meta, &shape, part);
            functions.push(coder.finish());
        }
    }

    let mut types = TypeSection::new();
    types.ty().function([ValType::I32, ValType::I32], []);
    let mut declarations = FunctionSection::new();
    let mut code = CodeSection::new();
    for function in &functions {
        declarations.function(0);
        code.function(function);
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: u64::from(MEMORY_PAGES),
        maximum: Some(u64::from(MEMORY_PAGES)),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0).export("eval", ExportKind::Func, 0);

    let mut module = Module::new();
    module
        .section(&types)
        .section(&declarations)
        .section(&memories)
        .section(&exports)
        .section(&code)
        .section(&CustomSection { name: SECTION.into(), data: meta.encode().into() });
    module.finish()
}

fn masks(coder: &mut Coder<'_>, def: &FragmentDef, shape: &OutShape) {
    for (index, mask) in def.masks.iter().enumerate() {
        coder.store(shape.mask_slot(index), |coder| coder.bits(mask.entries.iter()));
    }
}

/// The rules of one word, and the records of their outcomes.
fn rules(
    coder: &mut Coder<'_>,
    def: &FragmentDef,
    meta: &FragmentMeta,
    shape: &OutShape,
    word: usize,
) {
    let first = word * RULES_PER_FUNCTION;
    let of_word = def.rules.iter().enumerate().skip(first).take(RULES_PER_FUNCTION);
    if def.rules.len() > first {
        coder.store(word, |coder| coder.bits(of_word.clone().map(|(_, rule)| &rule.when)));
    }
    let start = shape.records.partition_point(|record| usize::from(record.rule) < first);
    let mut records = shape.records.iter().skip(start);
    for (index, rule) in of_word {
        for (outcome, record) in rule.outcomes.iter().zip(records.by_ref()) {
            let at = record.slot as usize;
            if let Some(loot) = &outcome.loot {
                let mask = meta.masks.iter().position(|table| *table == loot.table);
                coder.store(at, |coder| coder.constant(index as i64));
                coder.store(at + 1, |coder| coder.constant(loot.table.into()));
                coder.store(at + 2, |coder| coder.value(&loot.count));
                coder.store(at + 3, |coder| match mask {
                    Some(mask) => coder.load_out(shape.mask_slot(mask)),
                    None => coder.constant(-1),
                });
                coder.store(at + 4, |coder| coder.constant(loot.draw_base.into()));
            }
            for (offset, value) in outcome.payload.iter().enumerate() {
                coder.store(record.payload_slot() + offset, |coder| coder.value(&value.value));
            }
        }
    }
}
