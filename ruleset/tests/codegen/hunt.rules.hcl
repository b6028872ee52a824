ruleset "time" {
  dialect = 1
  context = "hunt@1"
}
enum "zone" { values = ["meadow", "crypt", "type"] }
trigger "boss_kill" {
  fields = {
    level = int(1, 100)
    zone  = zone
    first = bool
    took  = duration("0s", "2h")
    share = decimal(-1.0, 1.0)
    born  = instant
    type  = int(-9223372036854775807, 9223372036854775807)
  }
}
trigger "empty" { fields = {} }
param "drop_bonus" {
  type    = decimal
  default = 1.25
  range   = [0.0, 5.0]
  unit    = "times"
  doc     = "multiplies */ the <chance> & \"more\" \\ \n @see {x"
}
param "where" {
  type    = zone
  default = "crypt"
}
param "on" {
  type    = bool
  default = true
}
counter "claims" {
  on     = empty
  per    = player
  window = "1m"
}
timer "night_hunt" {
  every    = "1d"
  duration = "2h"
}
rule "drop" {
  on   = boss_kill
  when = trigger.level >= 10 && rate(claims) < 5 && active(night_hunt)
  emit "drop" {
    n     = trigger.level * 2
    where = trigger.zone
    first = trigger.first
    took  = trigger.took
    share = trigger.share
    mood  = "glad"
  }
}
rule "more" {
  on = boss_kill
  emit "drop" { n = 1 }
  broadcast "dragon.spawn" {}
}
