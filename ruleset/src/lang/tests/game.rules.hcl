# The example of the language's design, with one use of everything beside it.
ruleset "treasure_hunt" {
  dialect = 1
  context = "hunt@3"            # append-only schema of what games supply
}
enum "zone" { values = ["meadow", "forest", "crypt"] }
trigger "boss_kill" {           # what happens in a game instance
  fields = { level = int(1, 100), zone = zone, party = int(1, 5) }
}
trigger "loot_claim" {
  fields = {
    level   = int(1, 100)
    zone    = zone
    flag    = bool
    bonus   = decimal(0.0, 5.0)
    elapsed = duration("0s", "1h")
    seen    = instant
  }
}
param "drop_bonus" {
  type    = decimal
  default = 1.25
  range   = [0.0, 5.0]
  doc     = "multiplies the chance of a crypt drop"
  override {                      # where these games run decides
    zone  = "eu-west"
    value = 1.5
  }
  override {
    zone  = "eu-west"
    shard = "eu-west-7"
    value = 2.0
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
}
param "double_loot" {
  type    = bool
  default = false
}
counter "claims" {              # velocity: a sliding window kept beside the game
  on     = loot_claim
  per    = player
  window = "1m"
}
/* conditions are expanded
   where they are used */
condition "veteran" { when = trigger.level >= 10 && trigger.zone == "crypt" && rate(claims) < 5 }
condition "lucky" { when = chance(0.5) || condition.cohort }
condition "cohort" { when = bucket(100) < 10 }
condition "unused" {
  when = (trigger.level % 2 == 0
    && !one_of(trigger.zone, "meadow", "forest"))
}
timer "night_hunt" {
  cron     = "0 20 * * FRI"
  zone     = "Europe/Paris"
  duration = "2h"
}
timer "tick" {
  every  = "1s"
  missed = "fire"
}
loot_table "gold" {
  entry "coin" {
    weight = 1
    count  = [1, 3]
  }
}
loot_table "crypt_rare" {
  entry "gold_pile"  { weight = 900 }
  entry "purse" {
    weight = 50
    table  = gold
    count  = 2
  }
  entry "lich_crown" {
    weight = 5
    when   = trigger.level >= 40
  }
}
rule "crypt_drop" {
  on   = boss_kill
  when = condition.veteran && chance(0.05 * param.drop_bonus)
  emit "drop" {                 # an outcome, returned to the caller
    table = crypt_rare
    count = active(night_hunt) ? 2 : 1
  }
  on_fault = "skip"
}
rule "claim" {
  on   = loot_claim
  when = (
    between(trigger.elapsed, "1s", param.cooldown)
    && since(trigger.seen) > "1h" && trigger.zone == param.home
    && (condition.lucky || trigger.flag)
  )
  emit "bonus" {
    amount = clamp(trigger.bonus * param.drop_bonus + 1, 0, 10)
    share  = trigger.bonus / 2
    steps  = max(abs(3 - trigger.level) / 7, 1) + pick(6)
    kind   = param.double_loot ? "double" : "single"
    wait   = param.cooldown * 2 - "1s"
    where  = trigger.zone
  }
  emit "again" { table = crypt_rare }
  emit "more" { table = gold }
}
rule "dragon_night" {
  on = timer.night_hunt
  broadcast "dragon.spawn" {    # a cluster event, once for the whole fleet
    zone = "crypt"
    hp   = 500
  }
}
