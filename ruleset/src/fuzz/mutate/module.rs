//! Modules: sections, functions and instructions change, and every length is written anew.

use wasm_encoder::{Encode, Instruction};
use wasmparser::{BinaryReader, FunctionBody};

use super::Plain;
use super::dice::Dice;

/// The magic number and the version.
const HEAD_BYTES: usize = 8;
const FUNCTION_SECTION: u8 = 3;
const CODE_SECTION: u8 = 10;

/// Another module, or what `plain` makes of it: always for what is no module, and now and then for
/// what is one, so that broken lengths are met too.
pub fn module(data: &[u8], max: usize, seed: u32, plain: Plain<'_>) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    if dice.below(4) > 0
        && let Some(mut module) = Module::read(data)
    {
        module.change(max, &mut dice, plain);
        let bytes = module.write();
        if bytes.len() <= max {
            return bytes;
        }
    }
    let mut bytes = data.to_vec();
    plain(&mut bytes, max);
    bytes
}

/// A module taken apart as far as its lengths go. Nothing in it needs to be valid.
struct Module {
    head: Vec<u8>,
    sections: Vec<Section>,
}

enum Section {
    /// The type of each function.
    Functions(Vec<u32>),
    /// The body of each function, locals included.
    Code(Vec<Vec<u8>>),
    Other(u8, Vec<u8>),
}

impl Module {
    fn read(data: &[u8]) -> Option<Module> {
        let (head, rest) = data.split_at_checked(HEAD_BYTES)?;
        let mut reader = BinaryReader::new(rest, 0);
        let mut sections = Vec::new();
        while !reader.eof() {
            let id = reader.read_u8().ok()?;
            let length = reader.read_var_u32().ok()?;
            let bytes = reader.read_bytes(length as usize).ok()?;
            sections.push(Section::read(id, bytes));
        }
        Some(Module { head: head.to_vec(), sections })
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        for section in &self.sections {
            let (id, body) = section.write();
            bytes.push(id);
            body.encode(&mut bytes);
        }
        bytes
    }

    fn bodies(&mut self) -> Option<&mut Vec<Vec<u8>>> {
        self.sections.iter_mut().find_map(|section| match section {
            Section::Code(bodies) if !bodies.is_empty() => Some(bodies),
            _ => None,
        })
    }

    fn change(&mut self, max: usize, dice: &mut Dice, plain: Plain<'_>) {
        match dice.below(7) {
            0 => self.section(max, dice, plain),
            1 | 2 => {
                let Some(bodies) = self.bodies() else { return };
                let at = dice.below(bodies.len());
                plain(&mut bodies[at], max);
            }
            3 | 4 => self.call(dice),
            5 => self.splice(dice),
            _ => self.functions(dice),
        }
    }

    /// One section's content changes, or a section moves, is there twice, or is missing.
    fn section(&mut self, max: usize, dice: &mut Dice, plain: Plain<'_>) {
        if self.sections.is_empty() {
            return;
        }
        let at = dice.below(self.sections.len());
        let (id, mut body) = self.sections[at].write();
        match dice.below(6) {
            0 => {
                self.sections.remove(at);
            }
            1 => {
                let to = dice.below(self.sections.len());
                self.sections.swap(at, to);
            }
            2 => self.sections.insert(at, Section::Other(id, body)),
            _ => {
                plain(&mut body, max);
                self.sections[at] = Section::Other(id, body);
            }
        }
    }

    /// A function calls another one, or itself, or one that is not there.
    fn call(&mut self, dice: &mut Dice) {
        let Some(bodies) = self.bodies() else { return };
        let callee = dice.below(bodies.len() + 1) as u32;
        let function = dice.below(bodies.len());
        let mut code = Vec::new();
        for instruction in [
            Instruction::LocalGet(dice.below(2) as u32),
            Instruction::LocalGet(dice.below(2) as u32),
            Instruction::Call(callee),
        ] {
            instruction.encode(&mut code);
        }
        let body = &mut bodies[function];
        let starts = starts(body);
        let Some(at) = starts.get(dice.below(starts.len())) else { return };
        body.splice(at..at, code);
    }

    /// Instructions of one function take the place of some of another.
    fn splice(&mut self, dice: &mut Dice) {
        let Some(bodies) = self.bodies() else { return };
        let (from, to) = (dice.below(bodies.len()), dice.below(bodies.len()));
        let cut = |body: &[u8], dice: &mut Dice| {
            let starts = starts(body);
            let range = dice.range(starts.len().checked_sub(1)?);
            Some(starts[range.start]..starts[range.end])
        };
        let Some(taken) = cut(&bodies[from], dice) else { return };
        let taken = bodies[from][taken].to_vec();
        let Some(place) = cut(&bodies[to], dice) else { return };
        bodies[to].splice(place, taken);
    }

    /// A function is there twice, or its body alone is, or it is gone.
    fn functions(&mut self, dice: &mut Dice) {
        let Some(bodies) = self.bodies() else { return };
        let (at, drop, both) = (dice.below(bodies.len()), dice.below(2) == 0, dice.below(8) > 0);
        match drop {
            true => drop_at(bodies, at),
            false => bodies.insert(at, bodies[at].clone()),
        }
        let types = self.sections.iter_mut().find_map(|section| match section {
            Section::Functions(types) => Some(types),
            _ => None,
        });
        if let Some(types) = types.filter(|types| both && at < types.len()) {
            match drop {
                true => drop_at(types, at),
                false => types.insert(at, types[at]),
            }
        }
    }
}

fn drop_at<T>(list: &mut Vec<T>, at: usize) {
    list.remove(at);
}

impl Section {
    fn read(id: u8, bytes: &[u8]) -> Section {
        let known = match id {
            FUNCTION_SECTION => types(bytes).map(Section::Functions),
            CODE_SECTION => bodies(bytes).map(Section::Code),
            _ => None,
        };
        known.unwrap_or_else(|| Section::Other(id, bytes.to_vec()))
    }

    /// Its id and its content.
    fn write(&self) -> (u8, Vec<u8>) {
        let mut bytes = Vec::new();
        match self {
            Section::Functions(types) => {
                types.as_slice().encode(&mut bytes);
                (FUNCTION_SECTION, bytes)
            }
            Section::Code(bodies) => {
                bodies.len().encode(&mut bytes);
                for body in bodies {
                    body.encode(&mut bytes);
                }
                (CODE_SECTION, bytes)
            }
            Section::Other(id, body) => (*id, body.clone()),
        }
    }
}

fn types(bytes: &[u8]) -> Option<Vec<u32>> {
    let mut reader = BinaryReader::new(bytes, 0);
    let count = reader.read_var_u32().ok()?;
    let types = (0..count).map_while(|_| reader.read_var_u32().ok()).collect::<Vec<_>>();
    (reader.eof() && types.len() == count as usize).then_some(types)
}

fn bodies(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut reader = BinaryReader::new(bytes, 0);
    let count = reader.read_var_u32().ok()?;
    let mut bodies = Vec::new();
    for _ in 0..count {
        let length = reader.read_var_u32().ok()?;
        bodies.push(reader.read_bytes(length as usize).ok()?.to_vec());
    }
    reader.eof().then_some(bodies)
}

/// Where each instruction of a body begins, as far as it can be read.
fn starts(body: &[u8]) -> Vec<usize> {
    let body = FunctionBody::new(BinaryReader::new(body, 0));
    let Ok(operators) = body.get_operators_reader() else { return Vec::new() };
    operators.into_iter_with_offsets().map_while(|found| Some(found.ok()?.1)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Module, module};
    use crate::fuzz::mutate::dice::Dice;
    use crate::whitelist::{WhitelistError, examine};

    fn seed(name: &str) -> Vec<u8> {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/loader");
        std::fs::read(corpus.join(name)).expect(name)
    }

    #[test]
    fn what_is_taken_apart_is_put_together_again() {
        for name in ["fixture-0", "functions-0", "game-2", "forward-call"] {
            let bytes = seed(name);
            assert_eq!(Module::read(&bytes).expect(name).write(), bytes, "{name}");
        }
    }

    /// What the proof is about comes up within few inputs, and so do modules that it lets pass.
    #[test]
    fn mutations_reach_the_proof() {
        let start = seed("fixture-0");
        let (mut passed, mut backward, mut missing, mut invalid) = (0, 0, 0, 0);
        for seed in 0..2_000 {
            let mut dice = Dice::new(!seed);
            let made = module(&start, 1_024, seed, &mut |bytes, max| dice.flip(bytes, max));
            assert!(made.len() <= 1_024);
            match examine(&made) {
                Ok(_) if made != start => passed += 1,
                Err(WhitelistError::BackwardCall { .. }) => backward += 1,
                Err(WhitelistError::Missing { .. }) => missing += 1,
                Err(WhitelistError::Invalid { .. }) => invalid += 1,
                _ => {}
            }
        }
        for (what, count) in
            [("passed", passed), ("calls back", backward), ("lacks", missing), ("invalid", invalid)]
        {
            assert!(count >= 5, "{what}: {count} of 2000");
        }
    }
}
