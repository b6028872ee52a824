//! Rolls by hand, rolls against a second implementation, and the promises of a pity.

use proptest::prelude::*;

use super::*;
use crate::ir::{EntryDef, PityDef};
use crate::pity::Misses;

fn entry(name: &str, loot: Loot, weight: u32, count: (u32, u32)) -> EntryDef {
    EntryDef { name: name.into(), loot, weight, count, conditional: false, guaranteed: weight == 0 }
}

fn item(name: &str, weight: u32) -> EntryDef {
    entry(name, Loot::Item(name.into()), weight, (1, 1))
}

fn table(name: &str, entries: Vec<EntryDef>) -> TableDef {
    TableDef { name: name.into(), entries, rolls: (1, 1), pities: Vec::new() }
}

fn pity(entry: u16, after: u32) -> PityDef {
    PityDef { entry, after, soft_from: 0, soft_step: 0 }
}

fn tables() -> Vec<TableDef> {
    let gems = entry("gems", Loot::Table(1), 95, (1, 3));
    vec![
        table("outer", vec![item("gold", 900), item("crown", 5), gems]),
        table("gems", vec![item("ruby", 1), item("opal", 3)]),
    ]
}

fn all(_: u16) -> u64 {
    u64::MAX
}

fn request(table: u16, count: u32, seed: u64) -> Roll<'static> {
    Roll { table, count, seed, rule_hash: 42, draw_base: 3, masks: &all }
}

/// Names and counts of what falls.
fn fall(tables: &[TableDef], roll: &Roll<'_>, misses: &mut Misses) -> Vec<(String, u32)> {
    let mut out = Vec::new();
    super::roll(tables, roll, misses.counts_mut(), &mut out).unwrap();
    out.iter().map(|drop| (drop.item.to_owned(), drop.count)).collect()
}

fn roll_once(seed: u64, mask: u64) -> Vec<(String, u32)> {
    let tables = tables();
    let masks = |table: u16| if table == 0 { mask } else { u64::MAX };
    let roll = Roll { masks: &masks, ..request(0, 1, seed) };
    fall(&tables, &roll, &mut Misses::new(tables.as_slice()))
}

fn refused(tables: &[TableDef], roll: &Roll<'_>) -> LootError {
    let mut misses = Misses::new(tables);
    super::roll(tables, roll, misses.counts_mut(), &mut Vec::new()).unwrap_err()
}

#[test]
fn distribution_follows_weights() {
    let (mut gold, mut crown, mut gems, mut ruby, mut opal) = (0u32, 0u32, 0u32, 0u32, 0u32);
    for seed in 0..100_000 {
        match roll_once(seed, u64::MAX).as_slice() {
            [(item, 1)] if item == "gold" => gold += 1,
            [(item, 1)] if item == "crown" => crown += 1,
            nested => {
                gems += 1;
                assert!((1..=3).contains(&nested.len()));
                ruby += nested.iter().filter(|(item, _)| item == "ruby").count() as u32;
                opal += nested.iter().filter(|(item, _)| item == "opal").count() as u32;
            }
        }
    }
    assert!((89_500..90_500).contains(&gold), "{gold}");
    assert!((400..600).contains(&crown), "{crown}");
    assert!((9_200..9_800).contains(&gems), "{gems}");
    let share = f64::from(ruby) / f64::from(ruby + opal);
    assert!((0.235..0.265).contains(&share), "{share}");
}

#[test]
fn masks_exclude() {
    for seed in 0..2_000 {
        assert_eq!(roll_once(seed, 0b010), [("crown".to_owned(), 1)]);
    }
    let nobody = Roll { masks: &|_| 0, ..request(0, 1, 1) };
    let expected = LootError::NothingEligible { table: 0, mask: 0 };
    assert_eq!(refused(&tables(), &nobody), expected);
}

#[test]
fn hostile_tables_end() {
    let circle = [table("circle", vec![entry("self", Loot::Table(0), 1, (2, 2))])];
    assert!(matches!(refused(&circle, &request(0, 1, 1)), LootError::TooDeep { .. }));
    // Guaranteed entries go around a circle as well.
    let circle = [table("circle", vec![entry("self", Loot::Table(0), 0, (2, 2))])];
    assert!(matches!(refused(&circle, &request(0, 1, 1)), LootError::TooDeep { .. }));
    assert_eq!(refused(&tables(), &request(1, u32::MAX, 1)), LootError::TooManyRolls);
    assert_eq!(refused(&tables(), &request(9, 1, 1)), LootError::NoTable { table: 9 });
    let other = super::roll(tables().as_slice(), &request(1, 1, 1), &mut [0], &mut Vec::new());
    assert_eq!(other, Err(LootError::OtherMisses { actual_count: 1, expected_count: 0 }));
}

#[test]
fn a_call_gives_at_most_its_limit() {
    let tables = tables();
    let mut out = Vec::new();
    super::roll(tables.as_slice(), &request(1, ROLLS_MAX, 1), &mut [], &mut out).unwrap();
    assert_eq!(out.len(), ROLLS_MAX as usize);
    assert_eq!(refused(&tables, &request(1, ROLLS_MAX + 1, 1)), LootError::TooManyRolls);
}

#[test]
fn guaranteed_entries_come_once_per_request_and_first() {
    let mut chest = table("chest", vec![item("coin", 3), item("key", 0), item("gem", 1)]);
    chest.rolls = (2, 2);
    let bag = table("bag", vec![entry("chest", Loot::Table(0), 1, (3, 3))]);
    let kit = table("kit", vec![item("boots", 0), item("torch", 0)]);
    let tables = [chest, bag, kit];
    let mut none = Misses::default();
    for seed in 0..200 {
        let chest = fall(&tables, &request(0, 3, seed), &mut none);
        assert_eq!(chest.len(), 1 + 3 * 2);
        assert_eq!(chest[0].0, "key");
        assert!(chest[1..].iter().all(|(item, _)| item != "key"));
        // Each draw of the bag is one request for three rolls of the chest.
        let bag = fall(&tables, &request(1, 2, seed), &mut none);
        assert_eq!(bag.len(), 2 * (1 + 3 * 2));
        assert_eq!((bag[0].0.as_str(), bag[7].0.as_str()), ("key", "key"));
        // Nothing is drawn of a table whose entries are all guaranteed.
        let kit = fall(&tables, &request(2, 5, seed), &mut none);
        assert_eq!(kit, [("boots".to_owned(), 1), ("torch".to_owned(), 1)]);
        assert_eq!(fall(&tables, &request(0, 0, seed), &mut none), []);
        // Conditional ones may be left out, all of a kit too.
        let bare = Roll { masks: &|_| 0b101, ..request(0, 1, seed) };
        assert!(fall(&tables, &bare, &mut none).iter().all(|(item, _)| item != "key"));
        let nothing = Roll { masks: &|_| 0, ..request(2, 1, seed) };
        assert_eq!(fall(&tables, &nothing, &mut none), []);
    }
}

#[test]
fn rolls_of_a_range_are_drawn_evenly_for_each_roll_asked() {
    let mut spoils = table("spoils", vec![item("coin", 1)]);
    spoils.rolls = (0, 3);
    let tables = [spoils];
    let mut lengths = [0u32; 4];
    for seed in 0..40_000 {
        lengths[fall(&tables, &request(0, 1, seed), &mut Misses::default()).len()] += 1;
    }
    assert!(lengths.iter().all(|count| (9_600..10_400).contains(count)), "{lengths:?}");
}

/// The bound is sharp, an entry that is not eligible neither counts nor comes, and the state goes
/// in and out.
#[test]
fn a_pity_ends_every_drought() {
    let mut rare = table("rare", vec![item("gold", 1_000_000_000), item("crown", 1)]);
    rare.pities = vec![pity(1, 50)];
    let tables = [rare];
    let mut misses = Misses::new(tables.as_slice());
    let crown = ("crown".to_owned(), 1);
    for life in 0..3 {
        let before = fall(&tables, &request(0, 50, life), &mut misses);
        assert!(!before.contains(&crown));
        assert_eq!(misses.counts_mut(), [50]);
        let without = Roll { masks: &|_| 0b01, ..request(0, 1_000, life) };
        assert!(!fall(&tables, &without, &mut misses).contains(&crown));
        assert_eq!(misses.counts_mut(), [50]);
        assert_eq!(fall(&tables, &request(0, 1, life), &mut misses)[0], crown);
        assert_eq!(misses.counts_mut(), [0]);
    }
    // Misses of a version that waited longer are simply enough, and never overflow.
    misses.counts_mut()[0] = MISSES_MAX;
    assert_eq!(fall(&tables, &request(0, 1, 9), &mut misses)[0], crown);
}

#[test]
fn pities_that_are_due_together_follow_one_another_as_declared() {
    let mut rare =
        table("rare", vec![item("gold", 1_000_000_000), item("a", 1), item("b", 1), item("c", 1)]);
    rare.pities = vec![pity(3, 3), pity(1, 3), pity(2, 3)];
    let tables = [rare];
    let mut misses = Misses::new(tables.as_slice());
    let drops = fall(&tables, &request(0, 9, 1), &mut misses);
    let names: Vec<&str> = drops.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["gold", "gold", "gold", "c", "a", "b", "gold", "c", "a"]);
}

/// The chance of the `n`-th draw after `n` misses is (weight + extra) / (sum + extra), by counting.
#[test]
fn soft_pity_adds_its_steps_exactly() {
    let mut rare = table("rare", vec![item("gold", 90), item("crown", 10)]);
    rare.pities = vec![PityDef { entry: 1, after: 6, soft_from: 3, soft_step: 40 }];
    let tables = [rare];
    for (missed, extra) in [(0, 0), (2, 0), (3, 40), (4, 80), (5, 120)] {
        let mut crowns = 0;
        for seed in 0..50_000 {
            let mut misses = Misses::new(tables.as_slice());
            misses.counts_mut()[0] = missed;
            let crown = fall(&tables, &request(0, 1, seed), &mut misses)[0].0 == "crown";
            assert_eq!(misses.counts_mut(), [if crown { 0 } else { missed + 1 }]);
            crowns += u32::from(crown);
        }
        let p = f64::from(10 + extra) / f64::from(100 + extra);
        let sigma = (50_000.0 * p * (1.0 - p)).sqrt();
        let off = (f64::from(crowns) - 50_000.0 * p).abs();
        assert!(off < 4.0 * sigma, "{missed} misses: {crowns}, expected {}", 50_000.0 * p);
    }
}

/// A second implementation, for comparison alone: it lays every unit of weight out as one ticket.
struct Oracle<'a> {
    tables: &'a [TableDef],
    masks: &'a [u64],
    seed: u64,
    hash: u64,
    draw: u32,
    /// Misses by table and entry.
    misses: Vec<Vec<u32>>,
    out: Vec<(usize, usize, u32)>,
}

impl Oracle<'_> {
    fn number(&mut self, n: u64) -> u64 {
        let bits = rng::draw(self.seed, self.hash, self.draw);
        self.draw += 1;
        u64::try_from((u128::from(bits >> 32) * u128::from(n)) >> 32).unwrap()
    }

    fn ranged(&mut self, (few, many): (u32, u32)) -> u32 {
        if few == many { few } else { few + self.number(u64::from(many - few + 1)) as u32 }
    }

    fn give(&mut self, at: usize, index: usize) {
        let entry = &self.tables[at].entries[index];
        let count = self.ranged(entry.count);
        match entry.loot {
            Loot::Item(_) => self.out.push((at, index, count)),
            Loot::Table(inner) => self.request(usize::from(inner), count),
        }
    }

    fn request(&mut self, at: usize, count: u32) {
        if count == 0 {
            return;
        }
        let table = &self.tables[at];
        let eligible = |index: usize| self.masks[at] >> index & 1 == 1;
        let open: Vec<bool> = (0..table.entries.len()).map(eligible).collect();
        for (index, open) in open.iter().enumerate() {
            if *open && table.entries[index].guaranteed {
                self.give(at, index);
            }
        }
        if table.entries.iter().all(|entry| entry.guaranteed) {
            return;
        }
        for _ in 0..count {
            for _ in 0..self.ranged(table.rolls) {
                let mut tickets = Vec::new();
                let mut forced = None;
                for (index, entry) in table.entries.iter().enumerate().filter(|(i, _)| open[*i]) {
                    let mut weight = entry.weight;
                    let missed = self.misses[at][index];
                    let pity = table.pities.iter().find(|p| usize::from(p.entry) == index);
                    if let Some(pity) = pity
                        && missed >= pity.soft_from
                        && missed < pity.after
                    {
                        weight += pity.soft_step * (missed - pity.soft_from + 1);
                    }
                    tickets.extend(std::iter::repeat_n(index, weight as usize));
                }
                for pity in table.pities.iter().rev() {
                    let index = usize::from(pity.entry);
                    if open[index] && self.misses[at][index] >= pity.after {
                        forced = Some(index);
                    }
                }
                let ticket = self.number(tickets.len() as u64) as usize;
                let index = forced.unwrap_or_else(|| tickets[ticket]);
                for pity in &table.pities {
                    let missed = &mut self.misses[at][usize::from(pity.entry)];
                    if usize::from(pity.entry) == index {
                        *missed = 0;
                    } else if open[usize::from(pity.entry)] {
                        *missed += 1;
                    }
                }
                self.give(at, index);
            }
        }
    }
}

/// Tables of which each may lead to the ones after it; with masks under which all can be rolled.
fn any_tables() -> impl Strategy<Value = (Vec<TableDef>, Vec<u64>)> {
    let entry = (0u32..6, 1u32..3, 0u32..3, any::<bool>(), 0u16..4);
    let pity = (0u16..5, 0u32..6, 0u32..4, 0u32..5);
    let one = (
        prop::collection::vec(entry, 1..6),
        (0u32..2, 1u32..3),
        prop::collection::vec(pity, 0..4),
        any::<u64>(),
    );
    prop::collection::vec(one, 1..4).prop_map(|drawn| {
        let mut tables = Vec::new();
        let mut masks = Vec::new();
        let count = drawn.len();
        for (at, (entries, (few, more), pities, mask)) in drawn.into_iter().enumerate() {
            let entries: Vec<EntryDef> = entries
                .into_iter()
                .enumerate()
                .map(|(index, (weight, few, more, nested, inner))| {
                    let inner = at + 1 + usize::from(inner);
                    let loot = match nested && inner < count {
                        true => Loot::Table(inner as u16),
                        false => Loot::Item(format!("{at}.{index}")),
                    };
                    // The first is weighted and, below, eligible.
                    let weight = if index == 0 { weight + 1 } else { weight };
                    super::tests::entry(&format!("{at}.{index}"), loot, weight, (few, few + more))
                })
                .collect();
            let weighted: Vec<u16> = (0..entries.len() as u16)
                .filter(|index| !entries[usize::from(*index)].guaranteed)
                .collect();
            let mut of_table: Vec<PityDef> = Vec::new();
            let least = pities.len() as u32;
            for (entry, after, soft_from, soft_step) in pities {
                let entry = weighted[usize::from(entry) % weighted.len()];
                if of_table.iter().all(|known| known.entry != entry) {
                    let after = after + least;
                    let soft_from = soft_from.min(after - 1);
                    of_table.push(PityDef { entry, after, soft_from, soft_step });
                }
            }
            masks.push(mask | 1);
            let name = format!("table_{at}");
            tables.push(TableDef { name, entries, rolls: (few, few + more), pities: of_table });
        }
        (tables, masks)
    })
}

/// Misses by table and entry, from the one count per pity.
fn by_entry(tables: &[TableDef], misses: &Misses) -> Vec<Vec<u32>> {
    let mut found: Vec<Vec<u32>> =
        tables.iter().map(|table| vec![0; table.entries.len()]).collect();
    for (table, entry, count) in misses.iter(tables) {
        let at = tables.iter().position(|known| known.name == table).unwrap();
        let index = tables[at].entries.iter().position(|known| known.name == entry).unwrap();
        found[at][index] = count;
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_roll_is_the_oracles(
        (tables, masks) in any_tables(),
        seed in any::<u64>(),
        counts in prop::collection::vec(0u32..4, 1..6),
    ) {
        let mut misses = Misses::new(tables.as_slice());
        let mut oracle = Oracle {
            tables: &tables,
            masks: &masks,
            seed,
            hash: 42,
            draw: 3,
            misses: by_entry(&tables, &misses),
            out: Vec::new(),
        };
        for count in counts {
            let of = |table: u16| masks[usize::from(table)];
            let roll = Roll { masks: &of, ..request(0, count, seed) };
            let mut out = Vec::new();
            super::roll(tables.as_slice(), &roll, misses.counts_mut(), &mut out).unwrap();
            let found: Vec<_> = (out.iter())
                .map(|drop| (usize::from(drop.table), usize::from(drop.entry), drop.count))
                .collect();
            (oracle.draw, oracle.out) = (3, Vec::new());
            oracle.request(0, count);
            prop_assert_eq!(&found, &oracle.out);
            prop_assert_eq!(by_entry(&tables, &misses), oracle.misses.clone());
        }
    }

    /// Never more misses in a row than declared, plus one for each pity declared before.
    #[test]
    fn no_drought_is_longer_than_its_pity(
        (tables, masks) in any_tables(),
        seeds in prop::collection::vec(any::<u64>(), 1..40),
    ) {
        let mut misses = Misses::new(tables.as_slice());
        for seed in seeds {
            let of = |table: u16| masks[usize::from(table)];
            let roll = Roll { masks: &of, ..request(0, 2, seed) };
            super::roll(tables.as_slice(), &roll, misses.counts_mut(), &mut Vec::new()).unwrap();
            let missed = by_entry(&tables, &misses);
            for (table, missed) in tables.iter().zip(missed) {
                for (before, pity) in table.pities.iter().enumerate() {
                    let missed = missed[usize::from(pity.entry)];
                    prop_assert!(missed <= pity.after + before as u32, "{missed} {pity:?}");
                }
            }
        }
    }

    /// A state that goes out as names and comes in again is the state that stayed.
    #[test]
    fn a_state_survives_every_split_into_requests(
        (tables, masks) in any_tables(),
        seeds in prop::collection::vec((any::<u64>(), any::<bool>()), 1..20),
    ) {
        let tables = tables.as_slice();
        let (mut kept, mut sent) = (Misses::new(tables), Misses::new(tables));
        for (seed, store) in seeds {
            let of = |table: u16| masks[usize::from(table)];
            let roll = Roll { masks: &of, ..request(0, 1, seed) };
            prop_assert_eq!(fall(tables, &roll, &mut kept), fall(tables, &roll, &mut sent));
            if store {
                let stored: Vec<(String, String, u32)> = (sent.iter(tables))
                    .map(|(table, entry, count)| (table.to_owned(), entry.to_owned(), count))
                    .collect();
                sent = Misses::new(tables);
                for (table, entry, count) in stored {
                    sent.set(tables, &table, &entry, count.into()).unwrap();
                }
            }
            prop_assert_eq!(&kept, &sent);
        }
    }
}
