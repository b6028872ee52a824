//! Loot tables: entries, weights, rolls, nesting.

use super::constant::{self, shorten};
use super::declare::{label, named, reference, unique};
use super::index::Symbol;
use super::limits::*;
use super::names::Names;
use super::scope::{Entry, Scope, Table, Worst};
use super::session::{At, Session};
use super::shape::{self, Block, Schema};
use super::tree::NodeKind;
use super::{Code, Diagnostic, Span, pity};

pub(super) const TABLE: Schema = Schema {
    kind: "loot_table",
    labels: 1,
    required: &[],
    optional: &["rolls", "deprecated"],
    open: false,
    blocks: &["entry", "pity"],
};

pub(super) const ENTRY: Schema = Schema {
    kind: "entry",
    labels: 1,
    required: &[],
    optional: &["weight", "item", "table", "count", "when", "guaranteed"],
    open: false,
    blocks: &[],
};

/// Reads all loot tables: their names first, because entries refer to tables declared later.
pub(super) fn tables(session: &mut Session<'_>, found: &[At], scope: &mut Scope) {
    let mut blocks: Vec<Block> = Vec::new();
    let mut nameless: Vec<Block> = Vec::new();
    for &at in found {
        let block = shape::read(session, at, &TABLE);
        let index = scope.tables.len();
        let names = &mut scope.table_names;
        if let Some(name) = label(session, &block, "loot_table", names, index, TABLE_COUNT_MAX) {
            scope.tables.push(Table {
                name,
                entries: Vec::new(),
                rolls: (1, 1),
                pities: Vec::new(),
                worst: Worst::default(),
            });
            blocks.push(block);
        } else if index < TABLE_COUNT_MAX {
            nameless.push(block);
        }
    }
    for block in nameless {
        // An index that no table has.
        let index = TABLE_COUNT_MAX + scope.nameless.tables;
        let entries = entries(session, index, &block, scope, &mut Vec::new());
        rolls(session, &block, &entries);
        pity::pities(session, index, &block, &entries);
        scope.nameless.entries.extend(entries.iter().filter_map(|entry| entry.when));
        scope.nameless.tables += 1;
    }
    // Where each reference to a table is written, per table and entry.
    let mut references: Vec<Vec<(usize, Span)>> = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let mut edges = Vec::new();
        let entries = entries(session, index, block, scope, &mut edges);
        let rolls = rolls(session, block, &entries);
        let pities = pity::pities(session, index, block, &entries);
        if let Some(table) = scope.tables.get_mut(index) {
            (table.entries, table.rolls, table.pities) = (entries, rolls, pities);
        }
        references.push(edges);
    }
    nesting(session, scope, &references);
}

fn entries(
    session: &mut Session<'_>,
    table: usize,
    block: &Block,
    scope: &Scope,
    edges: &mut Vec<(usize, Span)>,
) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut seen = Names::default();
    let blocks: Vec<At> =
        block.blocks.iter().filter(|(kind, _)| *kind == "entry").map(|(_, at)| *at).collect();
    if blocks.is_empty() && !block.damaged {
        session.report(
            Diagnostic::error(Code::EmptyTable, block.header, "this loot table has no entries")
                .cause("a roll on it would have nothing to give")
                .help("add `entry \"name\" { weight = 1 }`"),
        );
        return entries;
    }
    if let Some(over) = blocks.get(ENTRY_COUNT_MAX) {
        session.error(
            Code::TooMany,
            *over,
            format!("entry {} of this loot table, limit {ENTRY_COUNT_MAX}", ENTRY_COUNT_MAX + 1),
            "which entries are eligible is one bit each of 64",
            "move some entries to a table of their own and refer to it with `table = …`",
        );
    }
    let mut sum = 0_u64;
    for at in blocks.into_iter().take(ENTRY_COUNT_MAX) {
        let inner = shape::read(session, at, &ENTRY);
        let mut entry = Entry {
            name: String::new(),
            item: None,
            table: None,
            weight: 1,
            count: (1, 1),
            when: inner.value("when"),
            guaranteed: false,
            broken: false,
        };
        if let Some(at) = inner.value("guaranteed") {
            match constant::boolean(session, at, "`guaranteed`") {
                Some(guaranteed) => entry.guaranteed = guaranteed,
                None => entry.broken = true,
            }
        }
        if let Some(label) = inner.labels.first() {
            let (name, span) = (session.string(*label), session.span(*label));
            entry.broken |= !named(session, span, &name, "entry")
                || !unique(session, span, &name, "entry", &mut seen, entries.len());
            session.declares(*label, Symbol::Entry(table, entries.len()));
            entry.name = name;
        }
        match inner.value("weight") {
            Some(at) if entry.guaranteed => {
                session.error(
                    Code::GuaranteedWeight,
                    at,
                    "a guaranteed entry with a `weight`",
                    "it is given with every request, so it takes no part in the draw",
                    "remove `weight`, or remove `guaranteed`",
                );
                entry.broken = true;
            }
            None if entry.guaranteed => entry.weight = 0,
            None => {
                // What `guaranteed` says may be what could not be read.
                if !inner.damaged && !entry.broken {
                    session.report(
                        Diagnostic::error(
                            Code::MissingAttribute,
                            inner.header,
                            "this `entry` has no `weight`",
                        )
                        .cause("an entry is drawn in proportion to its weight")
                        .help("add `weight = 1`, or `guaranteed = true` to give it every time"),
                    );
                }
                entry.broken = true;
            }
            Some(at) => match weight(session, at, inner.value("when").is_some()) {
                None => entry.broken = true,
                Some(weight) => {
                    entry.weight = weight;
                    let before = sum;
                    sum += u64::from(weight);
                    if before <= WEIGHT_SUM_MAX && sum > WEIGHT_SUM_MAX {
                        session.error(
                            Code::WeightTooLarge,
                            at,
                            format!("with this entry the weights add up to {sum}, limit {WEIGHT_SUM_MAX}"),
                            "a roll is one number of 32 bits",
                            "divide all weights of the table by the same number",
                        );
                    }
                }
            },
        }
        gives(session, &inner, scope, &mut entry, edges);
        entries.push(entry);
    }
    let draws = entries.iter().any(|entry| !entry.guaranteed);
    let always = |entry: &Entry| entry.when.is_none() && entry.guaranteed != draws;
    if !entries.iter().any(always) && !block.damaged {
        let kind = if entries.iter().any(|entry| entry.guaranteed != draws) && draws {
            "weighted entry"
        } else {
            "entry"
        };
        session.report(
            Diagnostic::error(
                Code::NoUnconditionalEntry,
                block.header,
                format!("every {kind} of this loot table has a `when`"),
            )
            .cause("when no condition holds, a roll would have nothing to give")
            .help("add an entry without `when`, for example `entry \"nothing\" { weight = 1 }`"),
        );
    }
    entries
}

/// `rolls = N` or `rolls = [fewest, most]`.
fn rolls(session: &mut Session<'_>, block: &Block, entries: &[Entry]) -> (u32, u32) {
    let Some(at) = block.value("rolls") else { return (1, 1) };
    let Some((low, high)) = ends(session, at, "rolls") else { return (1, 1) };
    let bounded = |value: i64| u32::try_from(value).ok().filter(|n| *n <= TABLE_ROLLS_MAX);
    let (Some(few), Some(many)) = (bounded(low), bounded(high).filter(|many| *many > 0)) else {
        session.error(
            Code::RollsRange,
            at,
            format!(
                "{low} to {high} rolls, allowed are 0 to {TABLE_ROLLS_MAX}, the most at least 1"
            ),
            "so many entries are drawn for each roll that is asked for",
            "change the numbers, or ask for more rolls with `count` in the outcome",
        );
        return (1, 1);
    };
    if few > many {
        session.error(
            Code::RollsRange,
            at,
            format!("{few} to {many} rolls"),
            "the fewest come first",
            format!("write `rolls = [{many}, {few}]`"),
        );
        session.fix(at, Some(format!("[{many}, {few}]")));
        return (1, 1);
    }
    if !entries.is_empty() && entries.iter().all(|entry| entry.guaranteed) {
        session.error(
            Code::RollsOfNothing,
            at,
            "`rolls` where every entry is guaranteed",
            "guaranteed entries are given once per request; the rolls would draw nothing",
            "remove `rolls`, or add an entry with a `weight`",
        );
    }
    (few, many)
}

fn weight(session: &mut Session<'_>, at: At, conditional: bool) -> Option<u32> {
    if constant::is_decimal(session, at) {
        let shown = shorten(session.text(at));
        session.error(
            Code::WrongShape,
            at,
            format!("`weight` is `{shown}`, not a whole number"),
            "a weight is a whole number; what counts is its part of the sum of all",
            "multiply all weights of the table by the same number, until each is whole",
        );
        return None;
    }
    let value = constant::integer(session, at, "`weight`")?;
    if value < 0 {
        session.error(
            Code::ZeroWeight,
            at,
            format!("the weight {value} is outside 1 to {WEIGHT_SUM_MAX}"),
            "a weight is how often an entry is drawn beside the others",
            "write a whole number from 1; a larger one is drawn more often",
        );
        return None;
    }
    if value == 0 && conditional {
        session.error(
            Code::ZeroWeight,
            at,
            "a weight of 0: the entry would never be given",
            "its `when` says when it takes part, its weight how often it is drawn then",
            "write `weight = 1`, or more",
        );
        session.fix(at, Some("1".to_owned()));
        return None;
    }
    if value == 0 {
        session.error(
            Code::ZeroWeight,
            at,
            "a weight of 0: the entry would never be given",
            "weights are shares of the whole, at least 1",
            "write `weight = 1`, or more; an entry that is never to fall is left out of the table",
        );
        return None;
    }
    let fits = u32::try_from(value).ok().filter(|weight| u64::from(*weight) <= WEIGHT_SUM_MAX);
    if fits.is_none() {
        session.error(
            Code::WeightTooLarge,
            at,
            format!("the weight {value} is outside 1 to {WEIGHT_SUM_MAX}"),
            "a roll is one number of 32 bits",
            "divide all weights of the table by the same number",
        );
    }
    fits
}

fn gives(
    session: &mut Session<'_>,
    block: &Block,
    scope: &Scope,
    entry: &mut Entry,
    edges: &mut Vec<(usize, Span)>,
) {
    if let Some(at) = block.value("count") {
        match count(session, at) {
            Some(count) => entry.count = count,
            None => entry.broken = true,
        }
    }
    match (block.value("item"), block.value("table")) {
        (Some(item), Some(table)) => {
            let (item, table) = (session.span(item), session.span(table));
            session.report(
                Diagnostic::error(
                    Code::ItemAndTable,
                    table,
                    "an entry with both `item` and `table`",
                )
                .label(item, "the item is given here")
                .cause("an entry gives an item or rolls on another table")
                .help("remove one, or make two entries"),
            );
            entry.broken = true;
        }
        (None, Some(at)) => match reference(session, at, "loot_table", &scope.table_names) {
            Some(table) => {
                edges.push((table, session.span(at)));
                entry.table = Some(table);
            }
            None => entry.broken = true,
        },
        (Some(at), None) => {
            let item = constant::text(session, at, "`item`");
            let span = session.span(at);
            match item {
                Some(item) if named(session, span, &item, "item") => entry.item = Some(item),
                _ => entry.broken = true,
            }
        }
        (None, None) => entry.item = Some(entry.name.clone()),
    }
}

/// The two ends of `N` or `[fewest, most]`.
fn ends(session: &mut Session<'_>, at: At, name: &str) -> Option<(i64, i64)> {
    let list = session.kind(at) == NodeKind::List;
    let ends = if list { session.children(at) } else { Vec::new() };
    let dashed = if list { None } else { constant::span_of(session, at) };
    let [low, high] = ends[..] else {
        if !list && dashed.is_none() {
            let both = constant::integer(session, at, &format!("`{name}`"))?;
            return Some((both, both));
        }
        let shown = shorten(session.text(at));
        session.error(
            Code::WrongShape,
            at,
            format!("`{name}` is `{shown}`, not a number or a range of two"),
            "it is fixed or lies between two numbers, both included",
            match dashed {
                Some((low, high)) => format!("write `{name} = [{low}, {high}]`"),
                None => format!("write `{name} = 3` or `{name} = [1, 3]`"),
            },
        );
        return None;
    };
    let low = constant::integer(session, low, "the fewest")?;
    Some((low, constant::integer(session, high, "the most")?))
}

/// `N` or `[fewest, most]` of what an entry gives.
fn count(session: &mut Session<'_>, at: At) -> Option<(u32, u32)> {
    let (low, high) = ends(session, at, "count")?;
    let bounded =
        |value: i64| u32::try_from(value).ok().filter(|n| (1..=ENTRY_ITEMS_MAX).contains(n));
    match (bounded(low), bounded(high)) {
        (Some(low), Some(high)) if low <= high => Some((low, high)),
        (Some(low), Some(high)) => {
            session.error(
                Code::EntryCount,
                at,
                format!("a count from {low} to {high} holds nothing"),
                "the fewest come first",
                format!("swap the two: write `[{high}, {low}]`"),
            );
            session.fix(at, Some(format!("[{high}, {low}]")));
            None
        }
        _ => {
            session.error(
                Code::EntryCount,
                at,
                format!("a count from {low} to {high}, allowed are 1 to {ENTRY_ITEMS_MAX}"),
                "an entry that is drawn gives something, the fewest first",
                "change the count; an entry that gives nothing is an item such as \"nothing\"",
            );
            None
        }
    }
}

/// Cycles, depth and the worst case of draws, in one walk without recursion.
fn nesting(session: &mut Session<'_>, scope: &mut Scope, references: &[Vec<(usize, Span)>]) {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let count = scope.tables.len();
    let mut state = vec![State::New; count];
    let mut depth = vec![1_u32; count];
    for root in 0..count {
        if state[root] != State::New {
            continue;
        }
        let mut stack: Vec<(usize, usize)> = vec![(root, 0)];
        state[root] = State::Open;
        while let Some((table, edge)) = stack.pop() {
            let edges = references.get(table).map_or(&[][..], Vec::as_slice);
            if let Some(&(inner, span)) = edges.get(edge) {
                stack.push((table, edge + 1));
                match state[inner] {
                    State::New => {
                        state[inner] = State::Open;
                        stack.push((inner, 0));
                    }
                    State::Open => {
                        let path: Vec<&str> = (stack.iter().map(|(table, _)| *table))
                            .skip_while(|table| *table != inner)
                            .take(8)
                            .filter_map(|table| scope.tables.get(table))
                            .map(|table| table.name.as_str())
                            .collect();
                        let name = &scope.tables[inner].name;
                        let mut diagnostic = Diagnostic::error(
                            Code::TableCycle,
                            span,
                            format!(
                                "loot tables contain each other: {} → {name}",
                                path.join(" → ")
                            ),
                        )
                        .cause("a roll on any of them might never end")
                        .help("give an item here, or a table that does not lead back");
                        let links = stack.iter().skip_while(|(table, _)| *table != inner).take(8);
                        for &(from, next) in links {
                            // The stack holds the edge after the one that was taken.
                            let edges = references.get(from).map_or(&[][..], Vec::as_slice);
                            let taken = edges.get(next.wrapping_sub(1));
                            if let Some(&(to, place)) = taken.filter(|(_, place)| *place != span) {
                                let (from, to) = (&scope.tables[from].name, &scope.tables[to].name);
                                diagnostic =
                                    diagnostic.label(place, format!("{from} rolls on {to} here"));
                            }
                        }
                        session.report(diagnostic);
                    }
                    State::Done => {}
                }
                continue;
            }
            state[table] = State::Done;
            let (mut given, mut drawn) = (0_u64, 0_u64);
            for entry in &scope.tables[table].entries {
                let mut cost = 1_u64;
                if let Some(inner) = entry.table.filter(|inner| state[*inner] == State::Done) {
                    depth[table] = depth[table].max(depth[inner].saturating_add(1));
                    let inner = scope.tables[inner].worst.of(entry.count.1.into());
                    cost = cost.saturating_add(inner);
                }
                match entry.guaranteed {
                    true => given = given.saturating_add(cost),
                    false => drawn = drawn.max(cost),
                }
            }
            let roll = drawn.saturating_mul(scope.tables[table].rolls.1.into());
            scope.tables[table].worst = Worst { request: given, roll };
            if depth[table] == TABLE_DEPTH_MAX + 1
                && let Some((_, span)) = edges.first()
            {
                session.report(
                    Diagnostic::error(
                        Code::NestingTooDeep,
                        *span,
                        format!("loot tables are nested deeper than {TABLE_DEPTH_MAX} here"),
                    )
                    .cause("the cost of a roll is bounded")
                    .help("put the items of an inner table into the outer one"),
                );
            }
        }
    }
}
