#![deny(warnings)]
mod hunt;
use hunt::*;
use std::io::BufRead;

fn boss(t: &[&str]) -> Option<String> {
    let mut c = BossKillContext::new();
    if c.bytes().is_some() {
        return Some("whole too early".into());
    }
    c.seed(t[1].parse().unwrap()).player(t[2].parse().unwrap());
    c.rate_claims(t[3].parse().unwrap()).active_night_hunt(t[4] == "1");
    let n = |at: usize| t[at].parse::<i64>().unwrap();
    c.now_ms(n(0)).ok()?.set_level(n(5)).ok()?.set_zone(Zone::from_raw(n(6))?);
    c.set_first(t[7] == "1").set_took(n(8)).ok()?.set_share(n(9)).ok()?;
    c.set_born(n(10)).ok()?.set_type(n(11)).ok()?;
    Some(c.bytes()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn empty(t: &[&str]) -> Option<String> {
    let mut c = EmptyContext::new();
    c.seed(t[1].parse().unwrap()).player(t[2].parse().unwrap());
    c.rate_claims(t[3].parse().unwrap()).active_night_hunt(t[4] == "1");
    c.now_ms(t[0].parse().unwrap()).ok()?;
    Some(c.bytes()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn text<T: ToString>(value: Option<T>) -> String {
    value.map_or("-".into(), |value| value.to_string())
}

fn outcome(t: &[&str]) -> Option<String> {
    let pairs = t.iter().map(|pair| pair.split_once('=').unwrap());
    let d = DropOutcome::decode(pairs.map(|(name, raw)| (name, raw.parse().unwrap())))?;
    let (n, place) = (text(d.n), text(d.where_.map(Zone::name)));
    Some(format!("{n} {place} {} {} {} {}", text(d.first), text(d.took), text(d.share), text(d.mood)))
}

fn params(t: &[&str]) -> Option<String> {
    let p = Params(|at: u16| t[usize::from(at)].parse().ok());
    Some(format!("{} {} {}", text(p.drop_bonus()), text(p.where_().map(Zone::name)), text(p.on())))
}

fn main() {
    println!("{SCHEMA} {CONTEXT} {} {}", PARAMS.join(","), Zone::ALL.map(Zone::name).join(","));
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let t: Vec<&str> = line.split_whitespace().collect();
        let answer = match t[0] {
            "boss" => boss(&t[1..]),
            "empty" => empty(&t[1..]),
            "drop" => outcome(&t[1..]),
            "params" => params(&t[1..]),
            _ => DragonSpawnEvent::decode([]).map(|_| DragonSpawnEvent::NAME.into()),
        };
        println!("{}", answer.unwrap_or_else(|| "refused".into()));
    }
}
