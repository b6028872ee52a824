# What keeps the hunt fair. These rules fail loudly: a missing answer is never a free pass.

param "claim_limit" {
  type    = int
  default = 20
  range   = [2, 600]
  unit    = "claims"
  doc     = "claims a minute that a person can make"
}

param "claim_limit_hourly" {
  type    = int
  default = 400
  range   = [20, 20000]
  unit    = "claims"
  doc     = "claims an hour that a person can make"
}

param "reach" {
  type    = int
  default = 60
  range   = [5, 500]
  unit    = "paces"
  doc     = "how far an arm can reach"
}

param "teleport_reach" {
  type    = int
  default = 2000
  range   = [500, 10000]
  unit    = "paces"
  doc     = "distance that only a teleport explains"
}

param "idle_cutoff" {
  type    = duration
  default = "20m"
  range   = ["1m", "6h"]
  doc     = "idle longer than this and loot waits in the mailbox"
}

param "dig_limit" {
  type    = int
  default = 60
  range   = [5, 600]
  unit    = "digs"
  doc     = "digs in five minutes that a person can do"
}

param "bot_accuracy" {
  type    = decimal
  default = 0.995
  range   = [0.9, 1.0]
  doc     = "accuracy that no hand keeps up"
}

param "rejoin_limit" {
  type    = int
  default = 8
  range   = [2, 100]
  unit    = "joins"
  doc     = "joins in ten minutes before a pause"
}

param "low_level_jackpot" {
  type    = int
  default = 250000
  range   = [1000, 1000000]
  unit    = "coins"
  doc     = "value that no newcomer finds"
}

condition "claim_flood" { when = rate(claims) > param.claim_limit }
condition "claim_marathon" { when = rate(claims_hourly) > param.claim_limit_hourly }
condition "out_of_reach" { when = trigger.distance > param.reach }
condition "teleported" { when = trigger.distance > param.teleport_reach }
condition "asleep" { when = trigger.idle > param.idle_cutoff }
condition "dig_flood" { when = rate(digs) > param.dig_limit }
condition "inhuman_aim" { when = trigger.accuracy >= param.bot_accuracy && trigger.streak >= 40 }
condition "rejoin_storm" { when = rate(joins) > param.rejoin_limit }
condition "improbable" { when = trigger.level < 10 && trigger.value > param.low_level_jackpot }
condition "honest_claim" { when = !condition.claim_flood && !condition.out_of_reach }
condition "precious" { when = one_of(trigger.rarity, "epic", "legendary") }

rule "claim_flood_brake" {
  on   = loot_claim
  when = condition.claim_flood
  emit "hold" {
    lasts      = "30s"
    reason     = "claim_flood"
    per_minute = rate(claims)
  }
  on_fault = "fail"
}

rule "claim_marathon_review" {
  on   = loot_claim
  when = condition.claim_marathon && !condition.claim_flood
  emit "review" {
    reason   = "claim_marathon"
    per_hour = rate(claims_hourly)
  }
  on_fault = "fail"
}

rule "claim_out_of_reach" {
  on   = loot_claim
  when = condition.out_of_reach && !condition.teleported
  emit "refuse" {
    text     = "too_far_away"
    distance = trigger.distance
  }
  on_fault = "fail"
}

rule "claim_teleport" {
  on   = loot_claim
  when = condition.teleported
  emit "review" {
    reason   = "teleport"
    distance = trigger.distance
  }
  on_fault = "fail"
}

rule "claim_asleep" {
  on   = loot_claim
  when = condition.asleep && condition.honest_claim
  emit "mail" {
    text  = "found_while_resting"
    value = trigger.value
  }
}

rule "claim_improbable" {
  on   = loot_claim
  when = condition.improbable
  emit "hold" {
    lasts  = "1h"
    reason = "improbable"
  }
  emit "review" {
    reason = "improbable"
    value  = trigger.value
  }
  on_fault = "fail"
}

rule "claim_precious" {
  on   = loot_claim
  when = condition.precious && condition.honest_claim && trigger.value >= 1000
  emit "receipt" {
    rarity = trigger.rarity
    value  = trigger.value
  }
}

rule "dig_flood_brake" {
  on   = dig
  when = condition.dig_flood
  emit "hold" {
    lasts  = "20s"
    reason = "dig_flood"
  }
  on_fault = "fail"
}

rule "dig_inhuman" {
  on   = dig
  when = condition.inhuman_aim
  emit "review" {
    reason = "inhuman_aim"
    streak = trigger.streak
  }
  on_fault = "fail"
}

rule "rejoin_pause" {
  on   = player_join
  when = condition.rejoin_storm
  emit "hold" {
    lasts  = "1m"
    reason = "rejoin_storm"
  }
  on_fault = "fail"
}

rule "hasty_craft" {
  on   = craft
  when = rate(crafts) > 50 && trigger.rushed
  emit "hold" {
    lasts  = "15s"
    reason = "craft_flood"
  }
  on_fault = "fail"
}

rule "combo_review" {
  on   = monster_kill
  when = trigger.combo >= 400 && trigger.overkill < 0.1 && rate(kills) > 90
  emit "review" {
    reason = "combo"
    combo  = trigger.combo
  }
  on_fault = "fail"
}
