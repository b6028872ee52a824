//! Loot tables in a plan: odds by draw and by roll, with pity.

use super::*;

#[test]
fn loot_is_told_as_odds() {
    says(
        "entry \"sword\" { weight = 20 }",
        "entry \"sword\" { weight = 35 }\n  entry \"axe\" { weight = 10 }",
        &[
            "loot_table crypt_rare | sword | 1.99 % → 3.398 %",
            "loot_table crypt_rare | axe | - → 0.9709 %",
        ],
    );
    let doubled = BASE
        .replace("weight = 980", "weight = 1960")
        .replace("weight = 20 ", "weight = 40 ")
        .replace("weight = 5\n", "weight = 10\n");
    assert_eq!(between(BASE, &doubled, true).changes, [], "the same odds in other numbers");
}

/// A chest whose crown comes with the third draw at last, and a box that gives two such chests.
const DROUGHT: &str = r#"
ruleset "hunt" {
  dialect = 1
  context = "hunt@1"
}
trigger "kill" { fields = {} }
loot_table "chest" {
  entry "gold" { weight = 3 }
  entry "crown" { weight = 1 }
  pity "crown" { after = 2 }
}
loot_table "box" {
  entry "ticket" { guaranteed = true }
  entry "two" {
    weight = 1
    table  = chest
    count  = 2
  }
}
loot_table "apart" {
  rolls = 2
  entry "coin" { weight = 1 }
}
rule "drop" {
  on = kill
  emit "drop" { table = box }
}
"#;

#[test]
fn a_pity_is_told_by_what_it_does_to_the_odds() {
    // One and the same as `cairn sim` declares.
    let share = |text: &str, name: &str| {
        let tables = contents(text, true).tables;
        let table = tables.iter().position(|table| table.name == name).unwrap() as u16;
        let plan = crate::sim::Plan {
            table,
            hash: 0,
            runs: 1_000_000,
            rolls_per_player: 1_000,
            seed: 7,
            masks: Vec::new(),
        };
        let rows = plan.rows(tables.as_slice()).unwrap();
        let odds = crate::sim::odds::declared(tables.as_slice(), &plan, &rows).unwrap().unwrap();
        odds.last().unwrap().share * 100.0
    };
    let edited = DROUGHT.replace("after = 2", "after = 1");
    let found = told(DROUGHT, &edited);
    let (was, is) = (share(DROUGHT, "chest"), share(&edited, "chest"));
    // By hand, for many rolls: misses 0, 1, 2 in the proportions 16, 12, 9; 16 of 37 give it.
    assert!((was - 43.24).abs() < 0.05 && (is - 57.14).abs() < 0.05, "{was} {is}");
    // The box changes through the chest: a crown in two chests, now every time.
    assert_eq!(
        found,
        [
            "loot_table box | through loot_table chest | - → -",
            "loot_table box | chest.gold per roll | 89.19 %, 1.135 on average → 85.73 %",
            "loot_table box | chest.crown per roll | 75.65 %, 0.8646 on average → 100.0 %, 1.143 \
             on average",
            "loot_table chest | crown pity | after 2 misses → after 1 miss",
            "loot_table chest | gold per roll | 56.78 % → 42.88 %",
            "loot_table chest | crown per roll | 43.22 % → 57.12 %",
        ]
    );
    assert_eq!(format!("{was:.2} {is:.2}"), "43.22 57.12");
}

#[test]
fn draws_and_weights_of_a_table_that_draws_twice_are_told_per_roll() {
    let more = DROUGHT.replace("rolls = 2\n", "rolls = [2, 3]\n").replace(
        "entry \"coin\" { weight = 1 }",
        "entry \"coin\" { weight = 1 }\n  entry \"gem\" { weight = 1 }",
    );
    assert_eq!(
        told(DROUGHT, &more),
        [
            "loot_table apart | draws | 2 → 2 to 3",
            "loot_table apart | coin per draw | 100.0 % → 50.0 %",
            "loot_table apart | gem per draw | - → 50.0 %",
            "loot_table apart | coin per roll | 100.0 %, 2 on average → 81.25 %, 1.25 on average",
            "loot_table apart | gem per roll | - → 81.25 %, 1.25 on average",
        ]
    );
    // One draw is one roll: it is told once.
    assert!(lines(&says("weight = 980", "weight = 500", &[])).iter().all(|l| !l.contains(" per ")));
}

#[test]
fn odds_that_would_take_too_long_are_left_out_and_said_to_be() {
    let pities: String = (0..4).map(|n| format!("  pity \"p{n}\" {{ after = 900 }}\n")).collect();
    let entries: String = (0..4).map(|n| format!("  entry \"p{n}\" {{ weight = 1 }}\n")).collect();
    let many = DROUGHT.replace(
        "  rolls = 2\n  entry \"coin\" { weight = 1 }\n",
        &format!("  entry \"coin\" {{ weight = 1 }}\n{entries}{pities}"),
    );
    let found = told(&many, &many.replace("after = 900", "after = 901"));
    assert_eq!(
        found.last().unwrap(),
        "loot_table apart | odds per roll are not compared: the pities combine to too many states \
         | - → -"
    );
}
