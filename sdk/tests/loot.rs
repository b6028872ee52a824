//! What falls is the same everywhere: the interpreter's records rolled on the program's own tables,
//! and the module's records rolled on the image, with a player's pity carried along.

mod support;

use std::sync::Arc;

use cairn_ruleset::context::ContextView;
use cairn_ruleset::interp;
use cairn_ruleset::ir::Program;
use cairn_ruleset::layout::OutShape;
use cairn_ruleset::loot::{self, Roll};
use cairn_ruleset::pity::Misses;
use cairn_sdk::{Context, Error, On, Outcome, Pity, PityError, Slot, Version};
use support::{Fixture, Stream, build, fill, generate, image_of};

/// Item and count of all that falls in one evaluation, by the interpreter alone.
fn expected(
    fixture: &Fixture,
    on: On,
    context: &[u8],
    seed: u64,
    misses: &mut Misses,
) -> Vec<(String, u32)> {
    let tables = fixture.program.tables.as_slice();
    let mut fallen = Vec::new();
    for (def, meta) in fixture.program.fragments.iter().zip(&fixture.metas) {
        if def.on != on {
            continue;
        }
        let view = ContextView::new(context, meta.slots()).unwrap();
        let slots = interp::run(def, meta, &view, &fixture.params).unwrap();
        let shape = OutShape::of(meta);
        let masks = |table: u16| {
            let at = meta.masks.iter().position(|of| *of == table);
            at.map_or(u64::MAX, |at| slots[shape.mask_slot(at)] as u64)
        };
        for record in &shape.records {
            let rule = &def.rules[usize::from(record.rule)];
            let fired = slots[usize::from(record.rule) / 64] >> (record.rule % 64) & 1 == 1;
            let Some(loot) = rule.outcomes[usize::from(record.outcome)].loot.as_ref() else {
                continue;
            };
            if !fired {
                continue;
            }
            let roll = Roll {
                table: loot.table,
                count: slots[record.slot as usize + 2] as u32,
                seed,
                rule_hash: rule.hash,
                draw_base: loot.draw_base,
                masks: &masks,
            };
            let mut drops = Vec::new();
            loot::roll(tables, &roll, misses.counts_mut(), &mut drops).unwrap();
            fallen.extend(drops.iter().map(|drop| (drop.item.to_owned(), drop.count)));
        }
    }
    fallen
}

#[test]
fn the_sdk_rolls_what_the_interpreter_rolls() {
    let mut fallen = 0;
    for seed in 0..40 {
        let mut fixture = Fixture::new(generate::program(seed, 6, 3));
        let version = Arc::clone(&fixture.version);
        let mut stream = Stream(seed);
        let (mut pity, mut drops) = (Pity::new(&version), Vec::new());
        let mut misses = Misses::new(fixture.program.tables.as_slice());
        let (on, mut outcome) = (On::Trigger(0), Outcome::new());
        let fields: Vec<Slot> = version.image().fields(0).map(|field| field.slot).collect();
        let mut context = Context::new(&version, on).unwrap();
        for _ in 0..100 {
            fill(&mut context, &fields, &mut stream);
            let draw = stream.next();
            context.seed(draw);
            let bytes = context.bytes().unwrap().to_vec();
            if fixture.evaluator.eval(&context, &mut outcome).is_err()
                || !outcome.faults().is_empty()
            {
                continue;
            }
            drops.clear();
            for emitted in outcome.emitted(&version) {
                if let Some(loot) = &emitted.loot {
                    version.roll_request(loot, &mut pity, &mut drops).unwrap();
                }
            }
            let found: Vec<_> =
                drops.iter().map(|drop| (drop.item.to_owned(), drop.count)).collect();
            assert_eq!(found, expected(&fixture, on, &bytes, draw, &mut misses));
            let kept: Vec<_> = pity.iter(&version).collect();
            let tables = fixture.program.tables.as_slice();
            assert_eq!(kept, misses.iter(tables).collect::<Vec<_>>());
            fallen += found.len();
        }
    }
    assert!(fallen > 5_000, "only {fallen} items fell");
}

#[test]
fn a_players_pity_moves_to_the_next_version_and_to_no_other() {
    let mut program = generate::frame(&mut Stream(1));
    let open = |program: &Program| Arc::new(Version::open(1, image_of(&build(program))).unwrap());
    let old = open(&program);
    program.tables[0].pities.remove(0);
    let new = open(&program);

    let mut pity = Pity::new(&old);
    pity.set(&old, "rare", "crown", 3).unwrap().set(&old, "gems", "ruby", 2).unwrap();
    let kept: Vec<_> = pity.iter(&old).collect();
    assert_eq!(kept, [("rare", "crown", 3), ("rare", "gems", 0), ("gems", "ruby", 2)]);
    let error = pity.set(&old, "rare", "gold", 1).map(drop).unwrap_err();
    assert!(matches!(error, Error::Pity(PityError::NoEntry { .. })), "{error}");

    let mut drops = Vec::new();
    let other = new.roll_table(0, 1, 1, &mut pity, &mut drops);
    assert!(matches!(other, Err(Error::OtherPity { .. })));
    assert_eq!(pity.iter(&new).count(), 0);
    let mut carried = pity.carry(&old, &new);
    let kept: Vec<_> = carried.iter(&new).collect();
    assert_eq!(kept, [("rare", "gems", 0), ("gems", "ruby", 2)]);
    new.roll_table(1, 1, 1, &mut carried, &mut drops).unwrap();
    // Nobody's roll begins at nothing every time.
    assert_eq!(new.roll("gems", 1, 1).unwrap(), new.roll("gems", 1, 1).unwrap());
    carried.clear();
    assert!(carried.iter(&new).all(|(_, _, misses)| misses == 0));
}
