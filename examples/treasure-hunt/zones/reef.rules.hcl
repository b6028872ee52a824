# The reef breathes with the tide: what lies bare at low tide is under water at high.

param "low_tide_bonus" {
  type    = decimal
  default = 2.0
  range   = [1.0, 5.0]
  doc     = "multiplies reef finds while the tide is out"
}

param "pearl_chance" {
  type    = decimal
  default = 0.03
  range   = [0.0, 0.15]
  doc     = "chance that an oyster holds a pearl"
}

param "storm_wreck_chance" {
  type    = decimal
  default = 0.25
  range   = [0.0, 0.8]
  doc     = "chance that a storm has washed a wreck ashore"
}

param "reef_breath" {
  type    = duration
  default = "45s"
  range   = ["10s", "3m"]
  doc     = "how long a digger stays under without a grapple"
}

param "tide_height" {
  type    = int
  default = 4
  range   = [0, 12]
  unit    = "fathoms"
  doc     = "depth of water told with each tide tick"
}

condition "in_reef" { when = trigger.zone == "reef" }
condition "low_tide" { when = condition.in_reef && active(ebb) }
condition "stormy_reef" { when = condition.in_reef && trigger.weather == "storm" }
condition "reef_deep" { when = condition.in_reef && trigger.depth >= 12 }
condition "anchored" { when = trigger.tool == "grapple" }
condition "oyster_bed" { when = condition.in_reef && between(trigger.depth, 2, 6) }
condition "reef_veteran" { when = condition.in_reef && trigger.level >= 30 }

condition "wreck_season" {
  when = condition.stormy_reef || condition.in_reef && active(storm_front)
}

rule "reef_low_tide" {
  on   = dig
  when = condition.low_tide && chance(0.15 * param.low_tide_bonus)
  emit "drop" {
    table = tide_pools
    count = 2
  }
}

rule "reef_high_tide" {
  on   = dig
  when = condition.in_reef && !active(ebb) && !condition.reef_deep && chance(0.12)
  emit "drop" {
    table = tide_pools
    count = 1
  }
}

rule "reef_oyster" {
  on   = dig
  when = condition.oyster_bed && chance(param.pearl_chance)
  emit "drop" {
    table = pearls
    count = 1
  }
}

rule "reef_undertow" {
  on   = dig
  when = condition.reef_deep && !condition.anchored
  emit "warning" {
    text   = "undertow"
    breath = param.reef_breath
  }
}

rule "reef_deep_find" {
  on   = dig
  when = condition.reef_deep && condition.anchored && trigger.accuracy >= 0.5 && chance(0.22)
  emit "drop" {
    table = sunken_hold
    count = 1
  }
}

rule "reef_wreck" {
  on   = enter_zone
  when = condition.wreck_season && chance(param.storm_wreck_chance)
  emit "spawn" {
    creature = "stranded_wreck"
    lifetime = "15m"
  }
}

rule "reef_first_swim" {
  on   = enter_zone
  when = condition.in_reef && trigger.visits == 0
  emit "hint" {
    text   = "mind_the_tide"
    height = param.tide_height
  }
}

rule "reef_overloaded" {
  on   = enter_zone
  when = condition.in_reef && trigger.burden >= 1.5
  emit "warning" {
    text   = "you_will_sink"
    burden = trigger.burden
  }
}

rule "reef_crab" {
  on   = monster_kill
  when = condition.in_reef && !trigger.elite && chance(0.1)
  emit "drop" {
    table = tide_pools
    count = 1
  }
}

rule "reef_siren" {
  on   = monster_kill
  when = condition.reef_veteran && trigger.elite && condition.foggy
  emit "drop" {
    table = siren_gifts
    count = 1
  }
  emit "toast" { text = "the_song_ends" }
}

rule "reef_mage_current" {
  on   = monster_kill
  when = condition.in_reef && trigger.role == "mage" && trigger.combo % 25 == 24
  emit "buff" {
    name  = "swift_current"
    lasts = "2m"
  }
}

rule "reef_hold" {
  on = chest_open
  when = (
    condition.in_reef
    && one_of(trigger.chest, "coffer", "vault")
    && trigger.tool != "bare_hands"
  )
  emit "drop" {
    table = sunken_hold
    count = trigger.chest == "vault" ? 2 : 1
  }
}

# One per second for the whole fleet: clients move the water line by it.
rule "tide_moves" {
  on = timer.tide_tick
  broadcast "tide.tick" {
    zone   = "reef"
    height = param.tide_height
    ebbing = active(ebb)
  }
}

rule "ebb_begins" {
  on = timer.ebb
  broadcast "tide.ebb" {
    zone  = "reef"
    bonus = param.low_tide_bonus
  }
}

rule "storm_front_lands" {
  on = timer.storm_front
  broadcast "weather.front" {
    zone     = "reef"
    weather  = "storm"
    severity = 2 + pick(3)
  }
}

loot_table "tide_pools" {
  entry "seashell" {
    weight = 500
    count  = [1, 5]
  }
  entry "driftwood" { weight = 250 }
  entry "sea_glass" { weight = 120 }
  entry "starfish"  { weight = 80 }
  entry "message_bottle" {
    weight = 10
    table  = clue_scraps
  }
}

loot_table "pearls" {
  entry "white_pearl" { weight = 800 }
  entry "pink_pearl"  { weight = 150 }
  entry "black_pearl" {
    weight = 20
    when   = trigger.level >= 25
  }
}

loot_table "sunken_hold" {
  entry "silver_coin" {
    weight = 400
    count  = [5, 20]
  }
  entry "rum_barrel"      { weight = 200 }
  entry "ship_biscuit"    { weight = 180 }
  entry "navigator_chart" { weight = 40 }
  entry "gems" {
    weight = 60
    table  = common_gems
  }
  entry "captain_seal" {
    weight = 4
    when   = trigger.level >= 40
  }
}

loot_table "siren_gifts" {
  entry "coral_comb" { weight = 300 }
  entry "sea_silk"   { weight = 120 }
  entry "pearl" {
    weight = 40
    table  = pearls
  }
}

timer "tide_tick" {
  every  = "1s"
  missed = "fire"
}

timer "ebb" {
  every    = "6h"
  duration = "90m"
  missed   = "skip"
}

timer "storm_front" {
  cron     = "15 3,15 * * *"
  zone     = "Atlantic/Azores"
  duration = "45m"
  missed   = "skip"
}
