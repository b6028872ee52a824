# One use of everything in dialect 1 that reaches a bundle. `cargo xtask golden` compiles it into a
# corpus of the current format and puts this text beside it; old corpora keep the text they had.
ruleset "golden_hunt" {
  dialect = 1
  context = "golden@1"
}
enum "zone" { values = ["meadow", "forest", "crypt"] }
trigger "boss_kill" {
  fields = { level = int(1, 100), zone = zone, party = int(1, 5) }
}
trigger "loot_claim" {
  fields = {
    level   = int(1, 100)
    zone    = zone
    flag    = bool
    bonus   = decimal(-5.0, 5.0)
    elapsed = duration("0s", "1h")
    seen    = instant
    debt    = int(-1000, 1000)
  }
}
param "drop_bonus" {
  type    = decimal
  default = 1.25
  range   = [0.0, 5.0]
  doc     = "multiplies the chance of a crypt drop"
  override {
    zone  = "eu-west"
    value = 1.5
  }
  override {
    zone  = "eu-west"
    shard = "newcomers"
    value = 4.75
  }
}
param "cooldown" {
  type    = duration
  default = "1m30s"
  range   = ["0s", "1h"]
  unit    = "time"
}
param "home" {
  type    = zone
  default = "forest"
  override {
    shard = "newcomers"
    value = "meadow"
  }
}
param "double_loot" {
  type    = bool
  default = false
}
param "kills" {
  type    = int
  default = 7
  range   = [1, 1000]
  override {
    zone  = "eu-west"
    value = 2
  }
  override {
    shard = "newcomers"
    value = 1
  }
}
param "opened" {
  type    = instant
  default = "2026-01-01T00:00:00Z"
  range   = ["2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"]
}
counter "claims" {
  on     = loot_claim
  per    = player
  window = "1m"
}
condition "veteran" { when = trigger.level >= 10 && trigger.zone == "crypt" && rate(claims) < 5 }
condition "cohort" { when = bucket(100) < 40 }
condition "lucky" { when = chance(0.5) || condition.cohort }
condition "even_outdoors" {
  when = trigger.level % 2 == 0 && one_of(trigger.zone, "meadow", "forest")
}
timer "night_hunt" {
  cron     = "0 20 * * FRI"
  zone     = "Europe/Paris"
  duration = "2h"
  missed   = "fire"
  jitter   = "5m"
  except   = ["2026-12-25", "2027-01-01..2027-01-03"]
}
timer "heartbeat" { every = "30s" }
loot_table "gold" {
  entry "coin" {
    weight = 1
    count  = [1, 3]
  }
}
loot_table "boss_chest" {
  rolls = [2, 3]
  entry "boss_token" { guaranteed = true }
  entry "pile" {
    weight = 900
    count  = [10, 50]
  }
  entry "purse" {
    weight = 200
    table  = gold
    count  = 2
  }
  entry "dragon_scale" {
    weight = 20
    item   = "scale"
  }
  entry "lich_crown" {
    weight = 5
    when   = trigger.level >= 40
  }
  pity "lich_crown" {
    after     = 20
    soft_from = 5
    soft_step = 10
  }
  pity "dragon_scale" { after = 6 }
}
rule "crypt_drop" {
  on   = boss_kill
  when = condition.veteran && chance(0.2 * param.drop_bonus)
  emit "drop" {
    table = boss_chest
    count = active(night_hunt) ? 2 : 1
  }
  on_fault = "fail"
}
rule "any_kill" {
  on   = boss_kill
  when = condition.even_outdoors || trigger.party >= min(4, param.kills)
  emit "score" {
    points = clamp(trigger.level * trigger.party - param.kills, 0, 300)
    lucky  = condition.lucky
  }
  emit "chest" { table = boss_chest }
}
rule "claim" {
  on   = loot_claim
  when = (
    between(trigger.elapsed, "1s", param.cooldown)
    || since(trigger.seen) > "1h" && trigger.zone == param.home
    || !(condition.lucky || trigger.flag)
  )
  emit "bonus" {
    amount = clamp(trigger.bonus * param.drop_bonus + 1, 0, 5)
    share  = trigger.bonus / 3
    steps  = max(abs(3 - trigger.level) / 7, 1) + pick(6)
    owed   = -trigger.debt % 7
    kind   = param.double_loot ? "double" : "single"
    wait   = param.cooldown * 2 - "1s"
    age    = since(param.opened)
    where  = trigger.zone
  }
  emit "more" { table = gold }
}
rule "dragon_night" {
  on = timer.night_hunt
  broadcast "dragon.spawn" {
    zone = "crypt"
    hp   = 500
    rage = pick(100)
  }
}
rule "beat" {
  on   = timer.heartbeat
  when = chance(0.25)
  broadcast "beat" { at = "now" }
}
