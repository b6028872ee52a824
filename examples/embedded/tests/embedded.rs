//! The embedded rules decide what the reference interpreter decides, bit for bit.

use std::path::Path;

use cairn_ruleset::context::{self, ContextView};
use cairn_ruleset::ir::On;
use cairn_ruleset::meta::FragmentMeta;
use cairn_ruleset::{interp, rng};
use embedded_rules::treasure_hunt::bosses_boss_kill::{Context, NAME, OUT, RULES, eval};
use embedded_rules::treasure_hunt::{Header, Params, enums, fired};

#[test]
fn embedded_rules_are_the_interpreters() {
    let program = cairn_build::program(Path::new("../treasure-hunt")).unwrap();
    let def = program.fragments.iter().find(|def| def.name == NAME).unwrap();
    let meta = FragmentMeta::of(&program, def);
    let params: Vec<i64> = program.params.iter().map(|param| param.value).collect();
    let On::Trigger(trigger) = def.on else { panic!("boss_kill is a trigger") };
    let mut some = 0;
    for number in 0..10_000u64 {
        let slots = std::array::from_fn(|slot| {
            let (min, max) = Context::RANGES[slot];
            let bits = rng::draw(number, slot as u64, 0);
            min + rng::scale(bits, (max - min + 1) as u64) as i64
        });
        let header = Header { now_ms: 1_800_000_000_000 + number as i64, seed: number, player: 7 };
        let mut out = [0; OUT];
        eval(&header, &Context::from_slots(&slots), &Params::DEFAULT, &mut out).unwrap();

        let mut bytes = Vec::new();
        let Header { now_ms, seed, player } = header;
        context::write(&mut bytes, trigger.into(), now_ms, seed, player, &slots);
        let view = ContextView::new(&bytes, meta.slots()).unwrap();
        assert_eq!(out.to_vec(), interp::run(def, &meta, &view, &params).unwrap(), "{slots:?}");
        some += (0..RULES.len()).filter(|rule| fired(&out, *rule)).count();
    }
    assert!(some > 1_000, "{some} rules fired: the inputs decide something");
}

#[test]
fn a_game_writes_names() {
    let mut context = Context::from_slots(&Context::RANGES.map(|(min, _)| min));
    context.level = 60;
    context.zone = enums::zone::CRYPT;
    let mut out = [0; OUT];
    let header = Header { now_ms: 1_800_000_000_000, seed: 7, player: 1 };
    assert_eq!(eval(&header, &context, &Params::default(), &mut out), Ok(()));
}
