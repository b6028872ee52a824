//! Simulations against declared odds, and declared odds against enumeration by hand.

use super::interval::{Z_999, wilson};
use super::odds::{Declared, declared};
use super::*;
use crate::ir::{EntryDef, Loot, PityDef, TableDef};

fn entry(name: &str, loot: Loot, weight: u32, count: (u32, u32)) -> EntryDef {
    EntryDef { name: name.into(), loot, weight, count, conditional: false, guaranteed: weight == 0 }
}

fn item(name: &str, weight: u32) -> EntryDef {
    entry(name, Loot::Item(name.into()), weight, (1, 1))
}

fn table(name: &str, entries: Vec<EntryDef>) -> TableDef {
    TableDef { name: name.into(), entries, rolls: (1, 1), pities: Vec::new() }
}

fn plan(seed: u64, runs: u64, each: u32) -> Plan {
    let hash = crate::rng::name_hash("t");
    Plan { table: 0, hash, runs, rolls_per_player: each, seed, masks: Vec::new() }
}

fn simulated(tables: &[TableDef], plan: &Plan) -> Tally {
    let rows = plan.rows(tables).unwrap();
    let mut tally = Tally::new(&rows, &[]);
    players(tables, plan, 0..plan.players(), &mut tally).unwrap();
    tally
}

fn odds_of(tables: &[TableDef], plan: &Plan) -> Vec<Declared> {
    declared(tables, plan, &plan.rows(tables).unwrap()).unwrap().unwrap()
}

/// Seeds, from 0, under which some row lies outside its interval.
fn outside(tables: &[TableDef], runs: u64, each: u32, seeds: u64) -> Vec<u64> {
    let odds = odds_of(tables, &plan(0, runs, each));
    let seeds = (0..seeds).filter(|seed| {
        let tally = simulated(tables, &plan(*seed, runs, each));
        tally.rows.iter().zip(&odds).any(|(row, odds)| {
            let (low, high) = wilson(row.hits, tally.rolls, Z_999);
            !(low..=high).contains(&odds.share)
        })
    });
    seeds.collect()
}

fn known() -> Vec<TableDef> {
    vec![table(
        "known",
        vec![item("half", 5_000), item("third", 3_000), item("rare", 1_990), item("one", 10)],
    )]
}

fn nested() -> Vec<TableDef> {
    let mut chest = table(
        "chest",
        vec![
            entry("coin", Loot::Item("coin".into()), 60, (2, 4)),
            entry("gems", Loot::Table(1), 39, (1, 3)),
            item("crown", 1),
            item("ticket", 0),
        ],
    );
    chest.rolls = (1, 2);
    vec![chest, table("gems", vec![item("ruby", 1), item("opal", 3)])]
}

fn with_pity() -> Vec<TableDef> {
    let mut tables = nested();
    tables[0].pities = vec![PityDef { entry: 2, after: 20, soft_from: 10, soft_step: 2 }];
    tables
}

#[test]
fn a_table_of_known_odds_stays_inside_its_interval() {
    let odds = odds_of(&known(), &plan(0, 1, 1));
    let shares: Vec<f64> = odds.iter().map(|odds| odds.share).collect();
    for (share, expected) in shares.iter().zip([0.5, 0.3, 0.199, 0.001]) {
        assert!((share - expected).abs() < 1e-12, "{shares:?}");
    }
    let outside = outside(&known(), 20_000, 100, 100);
    assert!(outside.len() <= 1, "outside with the seeds {outside:?}");
}

#[test]
fn nested_tables_counts_and_pities_stay_inside_theirs() {
    let nested = outside(&nested(), 10_000, 100, 40);
    assert!(nested.len() <= 1, "outside with the seeds {nested:?}");
    let pity = outside(&with_pity(), 10_000, 100, 40);
    assert!(pity.len() <= 1, "outside with the seeds {pity:?}");
}

/// A roller with odds that are off by a fiftieth would be seen: the check above can fail.
#[test]
fn wrong_odds_fall_outside() {
    let mut wrong = known();
    wrong[0].entries[0].weight += 200;
    let odds = odds_of(&wrong, &plan(0, 1, 1));
    let seen = (0..20).filter(|seed| {
        let tally = simulated(&known(), &plan(*seed, 20_000, 100));
        let (low, high) = wilson(tally.rows[0].hits, tally.rolls, Z_999);
        !(low..=high).contains(&odds[0].share)
    });
    assert!(seen.count() >= 5);
}

#[test]
fn declared_odds_are_those_of_an_enumeration() {
    let odds = odds_of(&nested(), &plan(0, 1, 1));
    // Rows: coin, crown, ticket, ruby, opal. One or two draws, each as likely.
    let draw = |p: f64| 1.0 - 0.5 * (1.0 - p) - 0.5 * (1.0 - p).powi(2);
    let miss = |p: f64| ((1.0 - p) + (1.0 - p).powi(2) + (1.0 - p).powi(3)) / 3.0;
    let expected = [
        draw(0.6),
        draw(0.01),
        1.0,
        draw(0.39 * (1.0 - miss(0.25))),
        draw(0.39 * (1.0 - miss(0.75))),
    ];
    for (odds, expected) in odds.iter().zip(expected) {
        assert!((odds.share - expected).abs() < 1e-12, "{odds:?} {expected}");
    }
    assert!((odds[0].items - 1.5 * 0.6 * 3.0).abs() < 1e-12);
    assert!((odds[3].drops - 1.5 * 0.39 * 2.0 * 0.25).abs() < 1e-12);
    assert!((odds[2].drops - 1.0).abs() < 1e-12);
}

/// The chain of one pity, followed by hand: after two misses the third draw gives the crown.
#[test]
fn declared_odds_follow_a_pity_by_hand() {
    let mut rare = table("rare", vec![item("gold", 3), item("crown", 1)]);
    rare.pities = vec![PityDef { entry: 1, after: 2, soft_from: 1, soft_step: 4 }];
    let tables = [rare];
    // No miss: 1/4. One miss: (1 + 4) / (4 + 4) = 5/8. Two: 1.
    let first = 0.25;
    let second = first * 0.25 + 0.75 * 0.625;
    let one_miss = first * 0.75;
    let two = 0.75 * 0.375;
    let none = second;
    let third = none * 0.25 + one_miss * 0.625 + two;
    for (each, expected) in
        [(1, first), (2, (first + second) / 2.0), (3, (first + second + third) / 3.0)]
    {
        let odds = odds_of(&tables, &plan(0, u64::from(each) * 7, each));
        assert!((odds[1].share - expected).abs() < 1e-12, "{each}: {odds:?} {expected}");
        assert!((odds[1].drops - expected).abs() < 1e-12, "{each}: {odds:?} {expected}");
        assert!((odds[0].share - (1.0 - expected)).abs() < 1e-12);
    }
    // Seven rolls by players of three: the last has one roll alone.
    let odds = odds_of(&tables, &plan(0, 7, 3));
    let expected = (2.0 * (first + second + third) + first) / 7.0;
    assert!((odds[1].share - expected).abs() < 1e-12);
}

#[test]
fn too_many_combinations_of_misses_are_said_not_guessed() {
    let entries = (0..8).map(|at| item(&format!("e{at}"), 1)).collect();
    let mut wide = table("wide", entries);
    wide.pities =
        (0..8).map(|entry| PityDef { entry, after: 500, soft_from: 0, soft_step: 0 }).collect();
    let tables = [wide];
    let plan = plan(0, 1_000_000, 10_000);
    assert_eq!(declared(&tables[..], &plan, &plan.rows(&tables[..]).unwrap()), Ok(None));
}

/// Every roll is the one that `cairn roll` makes with its seed, whoever's turn it is and in
/// whatever pieces the players are simulated.
#[test]
fn pieces_in_any_order_are_the_whole_and_the_rollers() {
    let tables = with_pity();
    let plan = plan(7, 950, 100);
    let rows = plan.rows(tables.as_slice()).unwrap();
    let whole = simulated(&tables, &plan);
    assert_eq!((plan.players(), whole.rolls), (10, 950));
    let mut pieces = Tally::new(&rows, &[]);
    for range in [7..10, 0..1, 3..7, 1..3] {
        let mut tally = Tally::new(&rows, &[]);
        players(tables.as_slice(), &plan, range, &mut tally).unwrap();
        pieces.add(&tally);
    }
    assert_eq!((&pieces.rows, pieces.worth), (&whole.rows, whole.worth));

    let mut counts = vec![0_u64; rows.len()];
    for player in 0..10_u64 {
        let mut misses = crate::pity::Misses::new(tables.as_slice());
        for roll in player * 100..(player * 100 + 100).min(950) {
            let request = Roll {
                table: 0,
                count: 1,
                seed: plan.seed_of(roll),
                rule_hash: plan.hash,
                draw_base: 0,
                masks: &|_| u64::MAX,
            };
            let mut drops = Vec::new();
            loot::roll(tables.as_slice(), &request, misses.counts_mut(), &mut drops).unwrap();
            for drop in drops {
                let row = rows.iter().position(|row| *row == (drop.table, drop.entry)).unwrap();
                counts[row] += 1;
            }
        }
    }
    let drops: Vec<u64> = whole.rows.iter().map(|row| row.drops).collect();
    assert_eq!(drops, counts);
    let longest = whole.rows[1].drought(1_000);
    assert!(longest <= 20, "a pity of 20 and a drought of {longest}");
}

#[test]
fn droughts_are_the_players_longest() {
    let droughts = [(3, 50), (9, 49), (40, 1)].into_iter().collect();
    let row = Row { droughts, ..Row::default() };
    assert_eq!((row.drought(500), row.drought(510), row.drought(990)), (3, 9, 9));
    assert_eq!((row.drought(1_000), Row::default().drought(500)), (40, 0));
    let never = [table("t", vec![item("always", u32::MAX >> 1), item("never", 1)])];
    let tally = simulated(&never, &plan(1, 30, 10));
    assert_eq!(tally.rows[1].droughts.iter().collect::<Vec<_>>(), [(&10, &3)]);
    assert_eq!(tally.rows[0].droughts.iter().collect::<Vec<_>>(), [(&0, &3)]);
}

#[test]
fn intervals_are_wilsons() {
    // Computed apart from this code.
    let (low, high) = wilson(10, 100, 1.959_963_984_540_054);
    assert!((low - 0.055_229_137).abs() < 1e-8 && (high - 0.174_365_662).abs() < 1e-8);
    assert_eq!(wilson(0, 100, Z_999).0, 0.0);
    assert_eq!(wilson(100, 100, Z_999).1, 1.0);
    assert_eq!(wilson(0, 0, Z_999), (0.0, 1.0));
}

#[test]
fn a_picture_is_well_formed_whatever_the_names() {
    let bar = |label: &str, observed| plot::Bar {
        label: label.to_owned(),
        observed,
        interval: (observed * 0.9, observed * 1.1),
        declared: Some(observed),
    };
    let bars = [bar("<gold> & \"silver\"", 0.6), bar("rare", 0.000_01), bar("none", 0.0)];
    let svg = plot::svg("a < b", "\u{1}", &bars);
    assert!(svg.contains("&lt;gold&gt; &amp; &quot;silver&quot;") && !svg.contains("<gold>"));
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    for limit in [plot::BARS_MAX, plot::BARS_MAX + 1] {
        let many = vec![bar("x", 0.5); limit];
        let svg = plot::svg("t", "s", &many);
        assert_eq!(svg.matches("text-anchor=\"end\"").count(), plot::BARS_MAX);
        assert_eq!(svg.contains("1 more entries are not drawn"), limit > plot::BARS_MAX);
    }
    assert_eq!(plot::percent(0.123_45), "12.3 %");
    assert_eq!(plot::percent(0.000_012_3), "0.00123 %");
    assert_eq!(plot::percent(1.0), "100 %");
}

#[test]
fn rows_have_a_limit() {
    let tables = |last: usize| -> Vec<TableDef> {
        let leads = (1..=64).map(|at| entry(&format!("t{at}"), Loot::Table(at), 1, (1, 1)));
        let mut tables = vec![table("root", leads.collect())];
        for at in 1..=65 {
            let count = if at == 65 { last } else { 64 };
            let mut entries: Vec<EntryDef> =
                (0..count).map(|n| item(&format!("e{n}"), 1)).collect();
            if at == 64 {
                entries[0] = entry("more", Loot::Table(65), 1, (1, 1));
            }
            tables.push(table(&format!("t{at}"), entries));
        }
        tables
    };
    let plan = plan(0, 1, 1);
    assert_eq!(plan.rows(tables(1).as_slice()).unwrap().len(), ROWS_MAX);
    let over = plan.rows(tables(2).as_slice());
    assert_eq!(over, Err(SimError::TooManyRows { actual: ROWS_MAX + 1 }));
}
