//! The odds of what was imported against those of the document, computed from its JSON by other
//! means: by enumerating every draw of every roll.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::context::{self, ContextView};
use crate::interp;
use crate::ir::{Expr, FragmentDef, Loot, On, Program};
use crate::meta::FragmentMeta;
use crate::sim::{Plan, odds};

/// Yes-or-no questions with their answers; anything else is no.
pub(super) type World<'w> = &'w BTreeMap<String, bool>;

/// What one generation of a table gives of one item: how many on average, and the chance of none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fall {
    pub(super) items: f64,
    pub(super) none: f64,
}

pub(super) type Falls = BTreeMap<String, Fall>;

const NO: Fall = Fall { items: 0.0, none: 1.0 };

/// Both happen, independently.
fn both(a: &mut Falls, b: &Falls) {
    for (item, fall) in b {
        let sum = a.entry(item.clone()).or_insert(NO);
        *sum = Fall { items: sum.items + fall.items, none: sum.none * fall.none };
    }
}

/// One of several happens, with these chances; the rest gives nothing.
fn one_of(ways: &[(f64, Falls)]) -> Falls {
    let mut all = Falls::new();
    for (_, falls) in ways {
        for item in falls.keys() {
            all.entry(item.clone()).or_insert(Fall { items: 0.0, none: 1.0 });
        }
    }
    for (item, fall) in &mut all {
        let at = |falls: &Falls| falls.get(item).copied().unwrap_or(NO);
        fall.items = ways.iter().map(|(chance, falls)| chance * at(falls).items).sum();
        fall.none = 1.0 - ways.iter().map(|(p, falls)| p * (1.0 - at(falls).none)).sum::<f64>();
    }
    all
}

/// The document's side.
pub(super) struct Document<'d> {
    pub(super) tables: &'d BTreeMap<String, Value>,
    pub(super) world: World<'d>,
    /// Level of looting.
    pub(super) looting: f64,
}

fn bare(value: &Value) -> &str {
    let text = value.as_str().unwrap_or("");
    text.strip_prefix("minecraft:").unwrap_or(text)
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Whole numbers with their chances.
fn numbers(value: &Value) -> Vec<(i64, f64)> {
    let round = |value: &Value| (value.as_f64().unwrap() + 0.5).floor() as i64;
    if value.is_number() {
        return vec![(round(value), 1.0)];
    }
    if let (Some(tries), Some(chance)) = (value["n"].as_i64(), value["p"].as_f64()) {
        let mut all = vec![(0, 1.0)];
        for _ in 0..tries {
            let mut next: BTreeMap<i64, f64> = BTreeMap::new();
            for (count, p) in all {
                *next.entry(count).or_default() += p * (1.0 - chance);
                *next.entry(count + 1).or_default() += p * chance;
            }
            all = next.into_iter().collect();
        }
        return all;
    }
    let (low, high) = (round(&value["min"]), round(&value["max"]));
    let high = high.max(low);
    (low..=high).map(|n| (n, 1.0 / (high - low + 1) as f64)).collect()
}

/// What the entries of a pool draw: chances by the address of their condition.
type Draws = BTreeMap<*const Value, bool>;

impl Document<'_> {
    pub(super) fn table(&self, id: &str) -> Falls {
        let mut all = Falls::new();
        for pool in list(&self.tables[id], "pools") {
            both(&mut all, &self.pool(pool));
        }
        all
    }

    fn pool(&self, pool: &Value) -> Falls {
        let roll = self.roll(pool);
        let mut ways = Vec::new();
        for (rolls, chance) in numbers(&pool["rolls"]) {
            let mut falls = Falls::new();
            for _ in 0..rolls {
                both(&mut falls, &roll);
            }
            ways.push((chance, falls));
        }
        let rolled = one_of(&ways);
        let mut ways = Vec::new();
        self.each_draw(list(pool, "conditions"), &mut |chance, draws| {
            if list(pool, "conditions").iter().all(|cond| self.holds(cond, draws)) {
                ways.push((chance, rolled.clone()));
            }
        });
        one_of(&ways)
    }

    /// One roll.
    fn roll(&self, pool: &Value) -> Falls {
        let mut ways = Vec::new();
        self.each_draw(list(pool, "entries"), &mut |chance, draws| {
            let mut open = Vec::new();
            for entry in list(pool, "entries") {
                self.expand(entry, draws, &mut open);
            }
            let weight = |entry: &Value| entry["weight"].as_f64().unwrap_or(1.0);
            let sum: f64 = open.iter().map(|entry| weight(entry)).sum();
            for entry in open.into_iter().filter(|entry| weight(entry) > 0.0) {
                ways.push((chance * weight(entry) / sum, self.gives(entry)));
            }
        });
        one_of(&ways)
    }

    fn expand<'v>(&self, entry: &'v Value, draws: &Draws, open: &mut Vec<&'v Value>) -> bool {
        if !list(entry, "conditions").iter().all(|cond| self.holds(cond, draws)) {
            return false;
        }
        match bare(&entry["type"]) {
            "group" => {
                for child in list(entry, "children") {
                    self.expand(child, draws, open);
                }
                true
            }
            "alternatives" => {
                list(entry, "children").iter().any(|child| self.expand(child, draws, open))
            }
            "sequence" => {
                list(entry, "children").iter().all(|child| self.expand(child, draws, open))
            }
            _ => {
                open.push(entry);
                true
            }
        }
    }

    fn gives(&self, entry: &Value) -> Falls {
        let name = entry.get("name").or(entry.get("value")).map_or("", bare);
        match bare(&entry["type"]) {
            "loot_table" => self.table(name),
            "item" => {
                let mut counts = vec![(1, 1.0)];
                for function in list(entry, "functions") {
                    if bare(&function["function"]) == "set_count" {
                        counts = numbers(&function["count"]);
                    }
                }
                let some = |n: i64| if n > 0 { n as f64 } else { 0.0 };
                let items = counts.iter().map(|(n, p)| p * some(*n)).sum();
                let none = counts.iter().filter(|(n, _)| *n <= 0).map(|(_, p)| p).sum();
                Falls::from([(name.to_owned(), Fall { items, none })])
            }
            _ => Falls::new(),
        }
    }

    /// Every combination of the chances below, with its own chance.
    fn each_draw(&self, values: &[Value], see: &mut dyn FnMut(f64, &Draws)) {
        fn find<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
            if bare(&value["condition"]).starts_with("random_chance") {
                found.push(value);
            }
            for key in ["conditions", "children", "terms"] {
                list(value, key).iter().for_each(|inner| find(inner, found));
            }
            if let Some(term) = value.get("term") {
                find(term, found);
            }
        }
        let mut found = Vec::new();
        values.iter().for_each(|value| find(value, &mut found));
        for bits in 0..1_usize << found.len() {
            let mut chance = 1.0;
            let mut draws = Draws::new();
            for (at, condition) in found.iter().enumerate() {
                let yes = bits >> at & 1 == 1;
                let level = condition["looting_multiplier"].as_f64().unwrap_or(0.0) * self.looting;
                let p = (condition["chance"].as_f64().unwrap() + level).clamp(0.0, 1.0);
                chance *= if yes { p } else { 1.0 - p };
                draws.insert(std::ptr::from_ref(*condition), yes);
            }
            see(chance, &draws);
        }
    }

    fn holds(&self, cond: &Value, draws: &Draws) -> bool {
        match bare(&cond["condition"]) {
            "inverted" => !self.holds(&cond["term"], draws),
            "all_of" => list(cond, "terms").iter().all(|term| self.holds(term, draws)),
            "any_of" => list(cond, "terms").iter().any(|term| self.holds(term, draws)),
            name if name.starts_with("random_chance") => draws[&std::ptr::from_ref(cond)],
            name => self.world.get(name).copied().unwrap_or(false),
        }
    }
}

/// Our side: the rules on one trigger, with the odds that the tables declare.
pub(super) fn ours(program: &Program, trigger: &str, world: World<'_>, looting: i64) -> Falls {
    let mut all = Falls::new();
    let Some(index) = program.triggers.iter().position(|def| def.name == trigger) else {
        return all;
    };
    let fields: Vec<i64> = program.triggers[index]
        .fields
        .iter()
        .map(|field| match field.name.as_str() {
            "looting" => looting,
            name => i64::from(world.get(name).copied().unwrap_or(false)),
        })
        .collect();
    for fragment in program.fragments.iter().filter(|def| def.on == On::Trigger(index as u16)) {
        let asked = Asked::new(program, fragment, index, &fields);
        for rule in &fragment.rules {
            let fires = asked.chance(&rule.when);
            for outcome in &rule.outcomes {
                let loot = outcome.loot.as_ref().unwrap();
                assert_eq!(asked.value(&loot.count), 1);
                both(&mut all, &one_of(&[(fires, asked.falls(loot.table))]));
            }
        }
    }
    all.remove("nothing");
    all
}

struct Asked<'p> {
    program: &'p Program,
    meta: FragmentMeta,
    context: Vec<u8>,
    masks: Vec<u64>,
}

impl<'p> Asked<'p> {
    fn new(
        program: &'p Program,
        fragment: &FragmentDef,
        trigger: usize,
        fields: &[i64],
    ) -> Asked<'p> {
        let mut context = Vec::new();
        context::write(&mut context, trigger as u32, 0, 0, 0, fields);
        let meta = FragmentMeta::of(program, fragment);
        let mut asked =
            Asked { program, meta, context, masks: vec![u64::MAX; program.tables.len()] };
        for mask in &fragment.masks {
            let bits = mask.entries.iter().enumerate();
            let bits = bits.fold(0, |bits, (at, entry)| bits | (asked.value(entry) as u64) << at);
            asked.masks[usize::from(mask.table)] = bits;
        }
        asked
    }

    fn value(&self, expr: &Expr) -> i64 {
        let view = ContextView::new(&self.context, self.meta.slots()).unwrap();
        interp::value(expr, &self.meta, &view, &[]).unwrap()
    }

    /// The chance that an expression holds, over all its draws.
    fn chance(&self, expr: &Expr) -> f64 {
        let mut draws = Vec::new();
        chances(expr, &mut draws);
        let mut sum = 0.0;
        for bits in 0..1_usize << draws.len() {
            let mut p = 1.0;
            for (at, (_, chance)) in draws.iter().enumerate() {
                let one = self.value(chance) as f64 / 1e6;
                p *= if bits >> at & 1 == 1 { one } else { 1.0 - one };
            }
            let fixed = fixed(expr, &|draw| {
                let at = draws.iter().position(|(of, _)| *of == draw).unwrap();
                bits >> at & 1 == 1
            });
            sum += p * self.value(&fixed) as f64;
        }
        sum
    }

    /// One request for one roll of a table. Averages are those that `sim` declares.
    fn falls(&self, table: u16) -> Falls {
        let plan = Plan {
            table,
            hash: 0,
            runs: 1,
            rolls_per_player: 1,
            seed: 0,
            masks: self.masks.clone(),
        };
        let tables = self.program.tables.as_slice();
        let rows = plan.rows(tables).unwrap();
        let declared = odds::declared(tables, &plan, &rows).unwrap().unwrap();
        let mut all = Falls::new();
        for ((of, entry), declared) in rows.iter().zip(declared) {
            let entry = &self.program.tables[usize::from(*of)].entries[usize::from(*entry)];
            let Loot::Item(item) = &entry.loot else { continue };
            all.entry(item.clone()).or_insert(Fall { items: 0.0, none: 1.0 }).items +=
                declared.items;
        }
        for (item, fall) in &mut all {
            fall.none = self.none(table, 1, item);
        }
        all
    }

    /// The chance that a request gives none of an item.
    fn none(&self, table: u16, rolls: u32, item: &str) -> f64 {
        let def = &self.program.tables[usize::from(table)];
        let open = |at: &usize| self.masks[usize::from(table)] >> at & 1 == 1;
        let entry = |at: usize| -> f64 {
            let entry = &def.entries[at];
            match &entry.loot {
                Loot::Item(name) => f64::from(u8::from(name != item)),
                Loot::Table(inner) => {
                    let (few, many) = entry.count;
                    let each = 1.0 / f64::from(many - few + 1);
                    (few..=many).map(|rolls| each * self.none(*inner, rolls, item)).sum()
                }
            }
        };
        let indices = || (0..def.entries.len()).filter(open);
        let sure: f64 = indices().filter(|at| def.entries[*at].guaranteed).map(entry).product();
        let weight = |at: &usize| f64::from(def.entries[*at].weight);
        let sum: f64 = indices().map(|at| weight(&at)).sum();
        if sum == 0.0 {
            return sure;
        }
        let draw: f64 = indices().map(|at| weight(&at) / sum * entry(at)).sum();
        let (few, many) = def.rolls;
        let each = 1.0 / f64::from(many - few + 1);
        let roll: f64 = (few..=many).map(|n| each * draw.powi(n as i32)).sum();
        sure * roll.powi(rolls as i32)
    }
}

fn chances<'e>(expr: &'e Expr, found: &mut Vec<(u32, &'e Expr)>) {
    match expr {
        Expr::Chance { p, draw, .. } => found.push((*draw, p)),
        Expr::Not(inner) => chances(inner, found),
        Expr::Binary(_, a, b) => {
            chances(a, found);
            chances(b, found);
        }
        _ => {}
    }
}

fn fixed(expr: &Expr, of: &impl Fn(u32) -> bool) -> Expr {
    match expr {
        Expr::Chance { draw, .. } => Expr::Const(of(*draw).into()),
        Expr::Not(inner) => Expr::Not(Box::new(fixed(inner, of))),
        Expr::Binary(op, a, b) => Expr::Binary(*op, Box::new(fixed(a, of)), Box::new(fixed(b, of))),
        other => other.clone(),
    }
}

/// Whether two sides say the same; how they differ when not.
pub(super) fn differ(ours: &Falls, theirs: &Falls) -> Option<String> {
    let names = ours.keys().chain(theirs.keys());
    names.into_iter().find_map(|item| {
        let (a, b) = (ours.get(item).unwrap_or(&NO), theirs.get(item).unwrap_or(&NO));
        let far = |a: f64, b: f64| (a - b).abs() > 1e-9 * (1.0 + a.abs());
        (far(a.items, b.items) || far(a.none, b.none))
            .then(|| format!("{item}: {a:?} instead of {b:?}"))
    })
}
