//! An image holds what the program says, and no damaged one opens.

use std::collections::BTreeMap;

use cairn_merkle::Digest;
use proptest::prelude::*;

use super::{IMAGE_FORMAT, Image, ImageError, SECTIONS, build};
use crate::inclusion;
use crate::ir::{
    CounterDef, Days, EntryDef, EnumDef, Except, FieldDef, Loot, Missed, PityDef, Schedule, Slot,
    TableDef, TimerDef, TriggerDef, Type,
};
use crate::limits;
use crate::loot::{self, Roll, Tables};
use crate::manifest::{FragmentEntry, FragmentKind, MANIFEST_FORMAT, Manifest, Provenance};
use crate::meta::{
    self, LootTables, MetaError, ParamMeta, Params, Schema, Segment, Segments, Timers,
};
use crate::pity::Misses;
use crate::scope::Scope;
use crate::value::Names;

fn slot(ty: Type, min: i64, max: i64) -> Slot {
    Slot { ty, min, max }
}

fn params() -> Params {
    let scope = |zone, shard| Scope::new(zone, shard).unwrap();
    let (eu, seven) = (scope(Some("eu"), None), scope(None, Some("eu-7")));
    let both = scope(Some("eu"), Some("eu-7"));
    Params::of([
        (1_250_000, vec![(&eu, &2_000_000), (&both, &5_000_000)]),
        (-5, vec![(&seven, &5), (&eu, &4)]),
        (1, vec![]),
    ])
}

fn segments() -> Segments {
    let param = |name: &str, unit: Option<&str>, slot| ParamMeta {
        name: name.into(),
        slot,
        unit: unit.map(str::to_owned),
        doc: format!("doc of {name}"),
    };
    let item = |name: &str, weight, conditional| EntryDef {
        name: name.into(),
        loot: Loot::Item(name.into()),
        weight,
        count: (1, 3),
        conditional,
        guaranteed: weight == 0,
    };
    let pity = |entry, after| PityDef { entry, after, soft_from: after / 2, soft_step: 3 };
    let timer = |name: &str, schedule| TimerDef {
        name: name.into(),
        schedule,
        duration_ms: 5_000,
        missed: Missed::Skip,
        jitter_ms: 250,
        except: match name {
            "night" => Except {
                zone: "UTC".into(),
                days: vec![
                    Days { first: 20_000, last: 20_001 },
                    Days { first: 20_500, last: 20_500 },
                ],
            },
            _ => Except::default(),
        },
    };
    Segments {
        schema: Schema {
            ruleset: "hunt".into(),
            dialect: 1,
            context: "hunt@3".into(),
            symbols: vec!["red".into(), "größe".into()],
            enums: vec![EnumDef {
                name: "zone".into(),
                values: vec!["meadow".into(), "crypt".into()],
            }],
            params: vec![
                param("zeal", None, slot(Type::Decimal, 0, 5_000_000)),
                param("bonus", Some("gold"), slot(Type::Int, -5, 5)),
                param("where", None, slot(Type::Enum(0), 0, 1)),
            ],
            triggers: vec![TriggerDef {
                name: "kill".into(),
                fields: vec![
                    FieldDef { name: "level".into(), slot: slot(Type::Int, 1, 100) },
                    FieldDef { name: "zone".into(), slot: slot(Type::Enum(0), 0, 1) },
                ],
            }],
            counters: vec![CounterDef {
                name: "claims".into(),
                trigger: 0,
                window_ms: 60_000,
                max: 9,
            }],
        },
        params: params(),
        loot: LootTables {
            tables: vec![
                TableDef {
                    name: "rare".into(),
                    entries: vec![
                        item("gold", 900, false),
                        item("crown", 5, true),
                        EntryDef { loot: Loot::Table(1), ..item("more", 95, false) },
                        item("key", 0, true),
                    ],
                    rolls: (1, 3),
                    pities: vec![pity(1, 5), pity(2, 4)],
                },
                TableDef {
                    name: "gems".into(),
                    entries: vec![item("ruby", 1, false), item("opal", 9, false)],
                    rolls: (2, 2),
                    pities: vec![pity(0, 6)],
                },
            ],
        },
        timers: Timers {
            timers: vec![
                timer("tick", Schedule::Every { period_ms: 1_000 }),
                timer(
                    "night",
                    Schedule::Cron { expression: "0 20 * * FRI".into(), zone: "UTC".into() },
                ),
            ],
        },
    }
}

fn bundle(segments: &Segments) -> (Manifest, BTreeMap<Digest, Vec<u8>>) {
    let parts = [
        ("loot", FragmentKind::Loot, segments.loot.encode()),
        ("params", FragmentKind::Params, segments.params.encode()),
        ("schema", FragmentKind::Schema, segments.schema.encode()),
        ("timers", FragmentKind::Timers, segments.timers.encode()),
    ];
    let mut blobs = BTreeMap::new();
    let mut fragments = Vec::new();
    for (name, kind, bytes) in parts {
        let (digest, length_bytes) = (Digest::of(&bytes), bytes.len() as u32);
        fragments.push(FragmentEntry { name: name.into(), kind, digest, length_bytes });
        blobs.insert(digest, bytes);
    }
    let manifest = Manifest {
        format: MANIFEST_FORMAT,
        ruleset: "hunt".into(),
        version: "1.2.3".into(),
        language: 1,
        context: "hunt@3".into(),
        context_hash: meta::context_hash(&segments.schema, &segments.timers),
        root: inclusion::root(&fragments),
        fragments,
        strings: Vec::new(),
        provenance: Provenance::default(),
    };
    (manifest, blobs)
}

fn try_build(segments: &Segments) -> Result<Vec<u8>, ImageError> {
    let (manifest, blobs) = bundle(segments);
    build(&manifest, &|digest| blobs.get(digest).cloned())
}

#[test]
fn an_image_answers_what_the_program_says() {
    let segments = segments();
    let image = Image::open(try_build(&segments).unwrap()).unwrap();
    assert_eq!((image.ruleset(), image.version(), image.context()), ("hunt", "1.2.3", "hunt@3"));
    let context_hash = meta::context_hash(&segments.schema, &segments.timers);
    assert_eq!(image.context_hash(), context_hash);
    for (index, (meta, value)) in
        segments.schema.params.iter().zip(&segments.params.values).enumerate()
    {
        let param = image.param(index as u16).unwrap();
        assert_eq!(
            (param.name, param.slot, param.default, param.unit, param.doc),
            (meta.name.as_str(), meta.slot, *value, meta.unit.as_deref(), meta.doc.as_str())
        );
        assert_eq!(image.param_index(&meta.name), Some(index as u16));
    }
    assert_eq!(image.param_index("nothing"), None);
    assert_eq!(image.param(3), None);
    for zone in [None, Some("eu"), Some("us")] {
        for shard in [None, Some("eu-7"), Some("eu-8")] {
            let scope = Scope::new(zone, shard).unwrap();
            assert_eq!(image.page(&scope), segments.params.at(&scope), "{scope}");
        }
    }
    let overrides: Vec<_> = image
        .overrides()
        .map(|known| (known.zone, known.shard, known.param, known.value))
        .collect();
    let (eu, seven) = (Some("eu"), Some("eu-7"));
    assert_eq!(
        overrides,
        [
            (None, seven, 1, 5),
            (eu, None, 0, 2_000_000),
            (eu, None, 1, 4),
            (eu, seven, 0, 5_000_000)
        ]
    );
    assert_eq!(image.timers().collect::<Vec<_>>(), segments.timers.timers);
    assert_eq!(image.counters().collect::<Vec<_>>(), segments.schema.counters);
    assert_eq!(image.enum_index(0, "crypt"), Some(1));
    assert_eq!(image.symbol(1), Some("größe"));
    let trigger = image.trigger_named("kill").unwrap();
    let fields: Vec<_> = image.fields(trigger.index).map(|field| field.name).collect();
    assert_eq!(fields, ["level", "zone"]);
    let table = image.table_named("rare").unwrap();
    let conditional: Vec<_> = image.entries(table.index).map(|entry| entry.conditional).collect();
    assert_eq!(conditional, [false, true, false, true]);
    let guaranteed: Vec<_> = image.entries(table.index).map(|entry| entry.guaranteed).collect();
    assert_eq!(guaranteed, [false, false, false, true]);
    assert_eq!(table.rolls, (1, 3));
    let tables = segments.loot.tables.as_slice();
    for index in 0..3 {
        assert_eq!(image.head(index), tables.head(index));
    }
    assert_eq!((image.pity_count(), tables.pity_count()), (3, 3));
    for slot in 0..4 {
        assert_eq!(image.pity(slot), tables.pity(slot));
        assert_eq!(image.pity_name(slot), tables.pity_name(slot));
    }
    assert_eq!(image.pity_name(2), Some(("gems", "ruby")));
    assert_eq!(image.pities(0).map(|pity| pity.entry).collect::<Vec<_>>(), [1, 2]);
}

/// What the compiler would not let through, each in one table of an otherwise sound bundle.
#[test]
fn tables_that_no_roll_could_keep_are_refused() {
    let check = |change: &dyn Fn(&mut TableDef), expected: &str| {
        let mut segments = segments();
        change(&mut segments.loot.tables[0]);
        let error = try_build(&segments).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}, expected {expected}");
    };
    check(&|table| table.rolls = (0, 0), "0 to 0 rolls, limit 1 to 100");
    check(&|table| table.rolls = (3, 2), "3 to 2 rolls, limit 1 to 100");
    check(&|table| table.rolls = (1, 101), "1 to 101 rolls, limit 1 to 100");
    check(&|table| table.entries[3].weight = 1, "guaranteed entry `key` has weight 1");
    check(&|table| table.entries[0].weight = 0, "weighted entry `gold` has weight 0");
    check(&|table| table.pities[0].entry = 3, "a pity for entry 3");
    check(&|table| table.pities[0].entry = 64, "a pity for entry 64");
    check(&|table| table.pities[1].entry = 1, "a pity for entry 1");
    check(&|table| table.pities[1].after = 1, "a pity after 1 misses, soft from 2");
    check(&|table| table.pities[0].soft_from = 5, "a pity after 5 misses, soft from 5");
    check(
        &|table| table.pities[0].soft_step = 1 << 30,
        "weights sum to 3221226478, limit 2147483648",
    );
    check(
        &|table| {
            table.entries.truncate(2);
            table.pities.truncate(1);
            table.entries[0].conditional = true;
        },
        "no entry is unconditional",
    );
}

#[test]
fn rolls_equal_those_of_the_definitions() {
    let segments = segments();
    let image = Image::open(try_build(&segments).unwrap()).unwrap();
    let (mut our_misses, mut their_misses) = ([0; 3], [0; 3]);
    for seed in 0..500 {
        let (rule_hash, draw_base) = (seed * 7, 3);
        let request = Roll { table: 0, count: 2, seed, rule_hash, draw_base, masks: &|_| u64::MAX };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        loot::roll(&image, &request, &mut our_misses, &mut ours).unwrap();
        let tables = segments.loot.tables.as_slice();
        loot::roll(tables, &request, &mut their_misses, &mut theirs).unwrap();
        assert_eq!((ours, our_misses), (theirs, their_misses));
    }
}

#[test]
fn one_byte_more_or_less_does_not_open() {
    let bytes = try_build(&segments()).unwrap();
    for end in 0..bytes.len() {
        assert!(Image::open(&bytes[..end]).is_err(), "{end} of {}", bytes.len());
    }
    assert!(Image::open([bytes.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn no_flipped_bit_opens() {
    let bytes = try_build(&segments()).unwrap();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(Image::open(flipped).is_err(), "byte {at}");
    }
}

/// Whoever can write the checksum can write anything: references are checked all the same.
fn reseal(bytes: &mut [u8]) {
    let checksum = Digest::of(&bytes[super::CHECKED_FROM..]);
    bytes[24..56].copy_from_slice(&checksum.0);
}

proptest! {
    #[test]
    fn resealed_damage_never_panics(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = try_build(&segments()).unwrap();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        reseal(&mut bytes);
        if let Ok(image) = Image::open(bytes) {
            let _ = image.params().count();
            let _ = (image.timers().count(), image.counters().count(), image.fragments().count());
            for table in 0..image.table_count() as u16 {
                let masks = |_| u64::MAX;
                let request =
                    Roll { table, count: 1, seed: 1, rule_hash: 2, draw_base: 0, masks: &masks };
                let mut misses = Misses::new(&image);
                let _ = loot::roll(&image, &request, misses.counts_mut(), &mut Vec::new());
            }
            for trigger in 0..image.trigger_count() as u16 {
                let _ = image.fields(trigger).count();
            }
        }
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Image::open(&noise);
        let mut headed = [&b"CAIRNIMG"[..], &IMAGE_FORMAT.to_le_bytes(), &noise].concat();
        if headed.len() > 60 {
            let length = headed.len() as u64;
            headed[12..16].copy_from_slice(&(SECTIONS as u32).to_le_bytes());
            headed[16..24].copy_from_slice(&length.to_le_bytes());
            reseal(&mut headed);
        }
        let _ = Image::open(&headed);
    }
}

#[test]
fn contradictions_are_named() {
    type Change = Box<dyn Fn(&mut Segments)>;
    let cases: Vec<(&str, Change)> = vec![
        ("values", Box::new(|s| s.params.values.push(1))),
        ("outside", Box::new(|s| s.params.values = vec![0, 6, 0])),
        ("6 in zone eu is outside -5 to 5", Box::new(|s| s.params.overrides[2].value = 6)),
        ("dialect 2", Box::new(|s| s.schema.dialect = 2)),
        ("dialect 0", Box::new(|s| s.schema.dialect = 0)),
        ("`hunt@4`", Box::new(|s| s.schema.context = "hunt@4".into())),
        ("largest count is -1", Box::new(|s| s.schema.counters[0].max = -1)),
        ("rule set", Box::new(|s| s.schema.ruleset = "other".into())),
        (
            "unconditional",
            Box::new(|s| {
                for entry in &mut s.loot.tables[1].entries {
                    entry.conditional = true;
                }
            }),
        ),
        ("weights", Box::new(|s| s.loot.tables[0].entries[0].weight = u32::MAX)),
        ("loot entry", Box::new(|s| s.loot.tables[0].entries[2].loot = Loot::Table(9))),
        (
            "timer",
            Box::new(|s| {
                s.timers.timers[0].schedule = Schedule::Every { period_ms: 0 };
            }),
        ),
        ("counter", Box::new(|s| s.schema.counters[0].trigger = 4)),
        ("field", Box::new(|s| s.schema.triggers[0].fields[1].slot.ty = Type::Enum(3))),
    ];
    for (word, change) in cases {
        let mut segments = segments();
        change(&mut segments);
        let error = try_build(&segments).expect_err(word).to_string();
        assert!(error.contains(word), "{word}: {error}");
    }
}

#[test]
fn the_manifest_tells_the_truth_about_the_context() {
    let (manifest, blobs) = bundle(&segments());
    let image = |manifest| build(&manifest, &|digest| blobs.get(digest).cloned());
    assert!(image(manifest.clone()).is_ok());
    for (word, lie) in [
        ("hash", Manifest { context_hash: Digest::of(b"another"), ..manifest.clone() }),
        ("dialect", Manifest { language: 2, ..manifest.clone() }),
        ("hunt@4", Manifest { context: "hunt@4".into(), ..manifest }),
    ] {
        let error = image(lie).expect_err(word).to_string();
        assert!(error.contains(word), "{word}: {error}");
    }
}

/// An agent, and a game on an agent's machine, that are older than the rules.
#[test]
fn a_newer_dialect_is_refused_by_its_name_before_anything_is_decoded() {
    let (manifest, _) = bundle(&segments());
    let newer = Manifest { language: 2, ..manifest };
    // No blob is even asked for: whatever a newer compiler writes, this is what is said.
    let error = build(&newer, &|_| None).unwrap_err().to_string();
    assert_eq!(error, "the rules are in dialect 2, this build reads 1 to 1; update it first");
    let mut bytes = try_build(&segments()).unwrap();
    let place = {
        let image = Image::open(bytes.as_slice()).unwrap();
        let info = image.info().unwrap();
        std::ptr::from_ref(&info.dialect).addr() - bytes.as_ptr().addr()
    };
    bytes[place] = 2;
    reseal(&mut bytes);
    assert_eq!(Image::open(bytes).unwrap_err().to_string(), error);
}

/// Lists are refused by their stated length, before memory is spent on them.
#[test]
fn segments_have_limits() {
    fn cap<S: Segment>(limit: usize, of: impl Fn(usize) -> S) {
        assert!(S::decode(&of(limit).encode()).is_ok(), "{} of {limit}", S::WHAT);
        let more = S::decode(&of(limit + 1).encode());
        assert!(matches!(more, Err(MetaError::Malformed { .. })), "{} above {limit}", S::WHAT);
    }
    let base = segments();
    let schema = &base.schema;
    let names = |count| vec![String::new(); count];
    cap(limits::SYMBOLS_MAX, |n| Schema { symbols: names(n), ..schema.clone() });
    let enums = |count, values| vec![EnumDef { name: String::new(), values: names(values) }; count];
    cap(limits::ENUMS_MAX, |n| Schema { enums: enums(n, 1), ..schema.clone() });
    cap(limits::ENUM_VALUES_MAX, |n| Schema { enums: enums(1, n), ..schema.clone() });
    cap(limits::PARAMS_MAX, |n| Schema {
        params: vec![schema.params[0].clone(); n],
        ..schema.clone()
    });
    cap(limits::PARAMS_MAX, |n| Params { values: vec![0; n], ..Params::default() });
    cap(limits::TRIGGERS_MAX, |n| Schema {
        triggers: vec![schema.triggers[0].clone(); n],
        ..schema.clone()
    });
    cap(limits::FIELDS_MAX, |n| {
        let fields = vec![schema.triggers[0].fields[0].clone(); n];
        Schema { triggers: vec![TriggerDef { name: String::new(), fields }], ..schema.clone() }
    });
    cap(limits::COUNTERS_MAX, |n| Schema {
        counters: vec![schema.counters[0].clone(); n],
        ..schema.clone()
    });
    cap(limits::TIMERS_MAX, |n| Timers { timers: vec![base.timers.timers[0].clone(); n] });
    let table = &base.loot.tables[1];
    cap(limits::TABLES_MAX, |n| LootTables { tables: vec![table.clone(); n] });
    cap(limits::ENTRIES_MAX, |n| {
        let entries = vec![table.entries[0].clone(); n];
        LootTables { tables: vec![TableDef { entries, ..table.clone() }] }
    });
    cap(limits::PITIES_MAX, |n| {
        let pities = vec![table.pities[0].clone(); n];
        LootTables { tables: vec![TableDef { pities, ..table.clone() }] }
    });
    let timer = &base.timers.timers[1];
    cap(limits::EXCEPT_MAX, |n| {
        let except = Except { days: vec![timer.except.days[0]; n], ..timer.except.clone() };
        Timers { timers: vec![TimerDef { except, ..timer.clone() }] }
    });
}

#[test]
fn missing_and_wrong_blobs_are_named() {
    let (manifest, blobs) = bundle(&segments());
    let missing = build(&manifest, &|_| None);
    assert!(matches!(missing, Err(ImageError::Missing { name, .. }) if name == "loot"));
    let wrong = build(&manifest, &|digest| {
        blobs.get(digest).map(|bytes| {
            let mut bytes = bytes.clone();
            bytes[0] ^= 1;
            bytes
        })
    });
    assert!(matches!(wrong, Err(ImageError::Bundle(_))));
    let (mut none, _) = bundle(&segments());
    none.fragments.pop();
    let none = build(&none, &|digest| blobs.get(digest).cloned());
    assert!(matches!(none, Err(ImageError::Segments { kind: FragmentKind::Timers, count: 0 })));
}
