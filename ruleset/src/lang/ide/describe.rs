//! Symbols in Markdown: what was declared, with its values resolved.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::Analysis;
use crate::ir::{EnumDef, Missed, Schedule, Slot, TimerDef, Type};
use crate::lang::index::Symbol;
use crate::lang::interval::Interval;
use crate::lang::literal;
use crate::lang::scope::{Entry, Table, Trigger};
use crate::schedule::Clockwork;

/// Values of an enum, and fields of a trigger, that are listed; more are counted.
const LISTED_MAX: usize = 32;
/// Instants of a timer that are listed.
const INSTANT_COUNT: usize = 3;

impl Analysis {
    /// Everything there is to say about a symbol; `now_ms` is where a timer's instants begin.
    pub(super) fn describe(&self, symbol: Symbol, now_ms: i64) -> Option<String> {
        let scope = &self.scope;
        Some(match symbol {
            Symbol::Enum(at) => enumeration(scope.enums.get(at)?),
            Symbol::Value(at, value) => {
                let def = scope.enums.get(at)?;
                let name = def.values.get(value)?;
                format!("`\"{name}\"`, value {value} of the enum `{}`", def.name)
            }
            Symbol::Trigger(at) => self.trigger(scope.triggers.get(at)?),
            Symbol::Field(at, field) => {
                let trigger = scope.triggers.get(at)?;
                let (name, slot) = trigger.fields.get(field)?;
                let slot = slot.map_or("of unknown type".to_owned(), |slot| self.slot(slot));
                format!(
                    "```hcl\ntrigger.{name}: {slot}\n```\nfield of the trigger `{}`",
                    trigger.name
                )
            }
            Symbol::Param(at) => self.param(at)?,
            Symbol::Counter(at) => {
                let counter = scope.counters.get(at)?;
                let on = scope.triggers.get(usize::from(counter.trigger));
                let window = literal::duration_text(counter.window_ms.into());
                format!(
                    "```hcl\ncounter \"{}\"\n```\ncounts `{}` per player within {window}; `rate({})` is 0 to {}",
                    counter.name,
                    on.map_or("?", |trigger| &trigger.name),
                    counter.name,
                    counter.max
                )
            }
            Symbol::Condition(at) => self.condition(at)?,
            Symbol::Timer(at) => timer(&scope.ruleset, scope.timers.get(at)?, now_ms),
            Symbol::Table(at) => self.table(scope.tables.get(at)?),
            Symbol::Entry(at, entry) => {
                let table = scope.tables.get(at)?;
                let entry = table.entries.get(entry)?;
                let odds = odds(table, entry);
                format!(
                    "`{}`: {odds} of the rolls on `{}`{}",
                    entry.name,
                    table.name,
                    self.gives(entry)
                )
            }
            Symbol::Rule(at) => format!("```hcl\nrule \"{}\"\n```", scope.rules.get(at)?.name),
        })
    }

    /// A type with its range: `int, 1 to 100`.
    pub(super) fn slot(&self, slot: Slot) -> String {
        self.typed(slot.ty, Interval::new(slot.min, slot.max))
    }

    /// A type and the values that an expression of it may take.
    pub(super) fn typed(&self, ty: Type, range: Interval) -> String {
        let name = self.type_word(ty);
        let value = |value: i64| self.value_text(ty, value);
        if let Some(single) = range.single().filter(|_| ty != Type::Symbol) {
            return format!("{name}, always {}", value(single));
        }
        match ty {
            Type::Bool | Type::Enum(_) | Type::Symbol | Type::Instant => name,
            _ => format!("{name}, {} to {}", value(range.min), value(range.max)),
        }
    }

    /// The name of a type as it is written.
    pub(super) fn type_word(&self, ty: Type) -> String {
        match ty {
            Type::Bool => "bool".to_owned(),
            Type::Int => "int".to_owned(),
            Type::Decimal => "decimal".to_owned(),
            Type::Duration => "duration".to_owned(),
            Type::Instant => "instant".to_owned(),
            Type::Symbol => "symbol".to_owned(),
            Type::Enum(at) => {
                let def = self.scope.enums.get(usize::from(at));
                def.map_or("enum".to_owned(), |def| def.name.clone())
            }
        }
    }

    fn value_text(&self, ty: Type, value: i64) -> String {
        let instant =
            (ty == Type::Instant).then(|| DateTime::from_timestamp_millis(value)).flatten();
        match instant {
            Some(instant) => instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
            None => self.scope.value_text(ty, value.into()),
        }
    }

    fn trigger(&self, trigger: &Trigger) -> String {
        let mut text = format!("```hcl\ntrigger \"{}\"\n```\n", trigger.name);
        for (name, slot) in trigger.fields.iter().take(LISTED_MAX) {
            let slot = slot.map_or("of unknown type".to_owned(), |slot| self.slot(slot));
            let _ = writeln!(text, "- `{name}`: {slot}");
        }
        more(&mut text, trigger.fields.len());
        text
    }

    fn param(&self, at: usize) -> Option<String> {
        let param = self.scope.params.get(at)?;
        let unit = param.unit.as_deref().map_or(String::new(), |unit| format!(" {unit}"));
        let slot = match param.slot.ty {
            // The placeholder of a parameter whose type is wrong.
            Type::Symbol => "of unknown type".to_owned(),
            Type::Instant => {
                let [low, high] = [param.slot.min, param.slot.max];
                let text = |value| self.value_text(Type::Instant, value);
                format!("instant, {} to {}", text(low), text(high))
            }
            _ => self.slot(param.slot),
        };
        let value = self.value_text(param.slot.ty, param.value);
        let mut text =
            format!("```hcl\nparam.{}: {slot}\n```\ndefault **{value}{unit}**", param.name);
        for (index, known) in param.overrides.iter().take(LISTED_MAX).enumerate() {
            text.push_str(if index == 0 { "\n\n" } else { "\n" });
            let value = self.value_text(param.slot.ty, known.value);
            let _ = write!(text, "- in {}: **{value}{unit}**", plain(&known.scope.to_string()));
        }
        if param.overrides.len() > LISTED_MAX {
            let _ = write!(text, "\n- and {} more", param.overrides.len() - LISTED_MAX);
        }
        if !param.doc.is_empty() {
            let _ = write!(text, "\n\n{}", plain(&param.doc));
        }
        Some(text)
    }

    fn condition(&self, at: usize) -> Option<String> {
        let condition = self.scope.conditions.get(at)?;
        let when = condition.when.map_or("", |at| self.node_text(at));
        let uses = self.index.uses().filter(|(_, symbol)| *symbol == Symbol::Condition(at)).count();
        let used = match uses {
            0 => "not used".to_owned(),
            1 => "used once".to_owned(),
            uses => format!("used {uses} times"),
        };
        Some(format!("```hcl\ncondition \"{}\" {{ when = {when} }}\n```\n{used}", condition.name))
    }

    fn table(&self, table: &Table) -> String {
        let mut text = format!("```hcl\nloot_table \"{}\"\n```\n", table.name);
        let conditional = table.entries.iter().any(|entry| entry.when.is_some());
        text.push_str("| entry | odds |");
        text.push_str(if conditional { " when | \n|---|---:|---|\n" } else { "\n|---|---:|\n" });
        for entry in &table.entries {
            let gives = self.gives(entry);
            let _ = write!(text, "| `{}`{gives} | {} |", entry.name, odds(table, entry));
            if conditional {
                let when = entry.when.map_or(String::new(), |at| {
                    format!("`{}`", plain(self.node_text(at)).replace('|', "\\|"))
                });
                let _ = write!(text, " {when} |");
            }
            text.push('\n');
        }
        if conditional {
            text.push_str("\nodds while every entry is eligible\n");
        }
        match table.rolls {
            (1, 1) => {}
            (few, many) if few == many => {
                let _ = write!(text, "\n{many} draws for each roll\n");
            }
            (few, many) => {
                let _ = write!(text, "\n{few} to {many} draws for each roll\n");
            }
        }
        for pity in &table.pities {
            if let Some(entry) = table.entries.get(usize::from(pity.entry)) {
                let _ = write!(text, "\n`{}` after {} misses\n", entry.name, pity.after);
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn gives(&self, entry: &Entry) -> String {
        let (few, many) = entry.count;
        let count = match (few, many) {
            (1, 1) => String::new(),
            (few, many) if few == many => format!(" × {few}"),
            (few, many) => format!(" × {few} to {many}"),
        };
        match (entry.table.and_then(|at| self.scope.tables.get(at)), &entry.item) {
            (Some(table), _) => format!(" rolls `{}`{count}", table.name),
            (None, Some(item)) if *item != entry.name => format!(" gives `{item}`{count}"),
            _ => count,
        }
    }

    fn node_text(&self, at: crate::lang::session::At) -> &str {
        let Some(tree) = self.trees.get(at.file as usize) else { return "" };
        let (start, end) = tree.bytes(at.node);
        self.slice(crate::lang::Span { file: at.file, start, end })
    }
}

fn enumeration(def: &EnumDef) -> String {
    let shown: Vec<String> =
        def.values.iter().take(LISTED_MAX).map(|value| format!("`\"{value}\"`")).collect();
    let mut text = format!("```hcl\nenum \"{}\"\n```\n{}", def.name, shown.join(", "));
    more(&mut text, def.values.len());
    text
}

fn more(text: &mut String, count: usize) {
    if count > LISTED_MAX {
        let _ = write!(text, " and {} more", count - LISTED_MAX);
    }
}

fn timer(ruleset: &str, timer: &TimerDef, now_ms: i64) -> String {
    let (schedule, zone) = match &timer.schedule {
        Schedule::Cron { expression, zone } => (format!("`{expression}` in {zone}"), zone.as_str()),
        Schedule::Every { period_ms } => {
            (format!("every {}", literal::duration_text((*period_ms).into())), "UTC")
        }
    };
    let mut text = format!("```hcl\ntimer \"{}\"\n```\n{schedule}", timer.name);
    if timer.duration_ms > 0 {
        let _ = write!(text, ", active for {}", literal::duration_text(timer.duration_ms.into()));
    }
    if timer.jitter_ms > 0 {
        let _ =
            write!(text, ", moved by less than {}", literal::duration_text(timer.jitter_ms.into()));
    }
    text.push_str(match timer.missed {
        Missed::Fire => ", missed instants are fired late\n",
        Missed::Skip => ", missed instants are skipped\n",
    });
    let Ok(clockwork) = Clockwork::new(ruleset, timer) else { return text };
    let zone: chrono_tz::Tz = zone.parse().unwrap_or(chrono_tz::UTC);
    let mut at = now_ms;
    for _ in 0..INSTANT_COUNT {
        let Some(next) = clockwork.next_after(at) else { break };
        at = next;
        if let Some(instant) = DateTime::<Utc>::from_timestamp_millis(next) {
            let local = instant.with_timezone(&zone);
            let _ = write!(text, "\n- {}", local.format("%a %Y-%m-%d %H:%M:%S %Z"));
        }
    }
    text
}

/// The share of an entry while all are eligible, in percent with four significant decimals.
fn odds(table: &Table, entry: &Entry) -> String {
    if entry.guaranteed {
        return "always".to_owned();
    }
    let sum: u64 = table.entries.iter().map(|entry| u64::from(entry.weight)).sum();
    percent(u64::from(entry.weight), sum)
}

pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "?".to_owned();
    }
    // Millionths of a percent: exact for the eye, and no float decides a digit.
    let millionths = (u128::from(part) * 100_000_000 + u128::from(whole) / 2) / u128::from(whole);
    // Four digits from the first that is not zero, two after the point at least.
    let digits = millionths.to_string().len();
    let keep = digits.saturating_sub(4).min(4) as u32;
    let unit = 10_u128.pow(keep);
    let rounded = (millionths + unit / 2) / unit * unit;
    let decimals = format!("{:06}", rounded % 1_000_000);
    let decimals = decimals.trim_end_matches('0');
    let whole = rounded / 1_000_000;
    if decimals.is_empty() { format!("{whole} %") } else { format!("{whole}.{decimals} %") }
}

/// One line that cannot end a fence or a table.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('`', "'")
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn odds_are_percent_to_four_digits() {
        for (part, whole, expected) in [
            (1, 4, "25 %"),
            (1, 3, "33.33 %"),
            (5, 1_000, "0.5 %"),
            (1, 1_000_000, "0.0001 %"),
            (12_345, 1_000_000, "1.235 %"),
            (1, 1, "100 %"),
            (1, 0, "?"),
        ] {
            assert_eq!(percent(part, whole), expected);
        }
    }
}
