# The calendar of the hunt. Each of these is told once to the whole fleet.

param "festival_chance" {
  type    = decimal
  default = 0.1
  range   = [0.0, 0.5]
  doc     = "chance of a festival gift from a kill"
}

param "solstice_bonus" {
  type    = decimal
  default = 2.0
  range   = [1.0, 5.0]
  doc     = "multiplies finds at the solstices"
}

param "ghost_hour_spirits" {
  type    = int
  default = 4
  range   = [1, 40]
  doc     = "spirits that the ghost hour sends to each zone"
}

param "double_weekend_rolls" {
  type    = int
  default = 2
  range   = [1, 3]
  doc     = "rolls of a chest on a double weekend"
}

param "eclipse_darkness" {
  type    = int
  default = 80
  range   = [10, 100]
  unit    = "percent"
  doc     = "how dark an eclipse gets"
}

condition "festival" { when = active(harvest_festival) || active(lantern_festival) }
condition "solstice" { when = active(summer_solstice) || active(winter_solstice) }
condition "double_weekend" { when = active(double_weekend) }
condition "haunted" { when = active(ghost_hour) && one_of(trigger.zone, "crypt", "forest") }
condition "new_year" { when = active(new_year) }

condition "quiet_season" {
  when = !condition.festival && !condition.solstice && !condition.double_weekend
}

condition "festival_goer" { when = condition.festival && trigger.level >= 5 }
condition "solstice_dig" { when = condition.solstice && trigger.accuracy >= 0.5 }

rule "festival_gift" {
  on   = monster_kill
  when = condition.festival_goer && chance(param.festival_chance)
  emit "drop" {
    table = festival_gifts
    count = 1
  }
}

rule "ghost_drop" {
  on   = monster_kill
  when = condition.haunted && trigger.elite
  emit "drop" {
    table = ghost_lights
    count = 1
  }
}

rule "solstice_find" {
  on   = dig
  when = condition.solstice_dig && chance(0.1 * param.solstice_bonus)
  emit "drop" {
    table = sun_stones
    count = 1
  }
}

rule "quiet_season_find" {
  on   = dig
  when = condition.quiet_season && trigger.clue && trigger.streak >= 10 && chance(0.05)
  emit "drop" {
    table = clue_scraps
    count = 1
  }
}

rule "double_weekend_chest" {
  on   = chest_open
  when = condition.double_weekend && condition.supply_left
  emit "drop" {
    table = crate_goods
    count = param.double_weekend_rolls
  }
}

rule "ghost_chest" {
  on   = chest_open
  when = condition.haunted && trigger.chest == "reliquary"
  emit "drop" {
    table = ghost_lights
    count = 2
  }
}

rule "new_year_toast" {
  on   = player_join
  when = condition.new_year && trigger.login_streak >= 3
  emit "drop" {
    table = festival_gifts
    count = 2
  }
}

rule "festival_arrival" {
  on   = player_join
  when = condition.festival && trigger.level >= 5 && trigger.days_away >= 2
  emit "toast" { text = "the_lanterns_are_lit" }
}

rule "eclipse_hunter" {
  on   = boss_kill
  when = active(eclipse) && condition.worthy && trigger.boss != "bandit_king"
  emit "drop" {
    table = eclipse_shards
    count = 1
  }
}

rule "harvest_begins" {
  on = timer.harvest_festival
  broadcast "festival.harvest" {
    zone   = "meadow"
    chance = param.festival_chance
  }
}

rule "lanterns_rise" {
  on = timer.lantern_festival
  broadcast "festival.lanterns" {
    zone     = "reef"
    lanterns = 100 + pick(100)
  }
}

rule "summer_turns" {
  on = timer.summer_solstice
  broadcast "solstice.summer" { bonus = param.solstice_bonus }
}

rule "winter_turns" {
  on = timer.winter_solstice
  broadcast "solstice.winter" {
    bonus = param.solstice_bonus
    snow  = active(great_forge)
  }
}

rule "ghosts_rise" {
  on = timer.ghost_hour
  broadcast "ghost.hour" {
    zone    = "crypt"
    spirits = param.ghost_hour_spirits + pick(4)
  }
}

rule "double_weekend_begins" {
  on = timer.double_weekend
  broadcast "weekend.double" { rolls = param.double_weekend_rolls }
}

rule "year_turns" {
  on = timer.new_year
  broadcast "year.turns" { fireworks = 12 }
}

# Rare by dice: the instant decides, the same on whichever controller fires it.
rule "eclipse_falls" {
  on   = timer.eclipse
  when = chance(0.25)
  broadcast "eclipse.falls" { darkness = param.eclipse_darkness }
}

loot_table "festival_gifts" {
  entry "sugar_apple"     { weight = 500 }
  entry "paper_lantern"   { weight = 300 }
  entry "festival_ticket" { weight = 150 }
  entry "gem" {
    weight = 40
    table  = common_gems
  }
}

loot_table "ghost_lights" {
  entry "cold_candle" { weight = 500 }
  entry "ectoplasm"   { weight = 250 }
  entry "night_opal"  { weight = 20 }
  entry "crypt_find" {
    weight = 60
    table  = crypt_rare
  }
}

loot_table "sun_stones" {
  entry "warm_pebble" { weight = 600 }
  entry "amber"       { weight = 200 }
  entry "sun_stone" {
    weight = 30
    when   = active(summer_solstice)
  }
  entry "frost_stone" {
    weight = 30
    when   = active(winter_solstice)
  }
}

loot_table "eclipse_shards" {
  entry "dark_shard"  { weight = 500 }
  entry "corona_dust" { weight = 150 }
  entry "black_sun" {
    weight = 4
    when   = trigger.level >= 65
  }
}

timer "harvest_festival" {
  cron     = "0 10 20-27 9 *"
  zone     = "Europe/Vienna"
  duration = "12h"
  missed   = "fire"
}

timer "lantern_festival" {
  cron     = "0 19 15 2 *"
  zone     = "Asia/Shanghai"
  duration = "6h"
  missed   = "fire"
}

timer "summer_solstice" {
  cron     = "0 0 21 6 *"
  zone     = "UTC"
  duration = "1d"
  missed   = "fire"
}

timer "winter_solstice" {
  cron     = "0 0 21 12 *"
  zone     = "UTC"
  duration = "1d"
  missed   = "fire"
}

timer "ghost_hour" {
  cron     = "0 0 * * *"
  zone     = "Europe/London"
  duration = "1h"
  missed   = "skip"
}

timer "double_weekend" {
  cron     = "0 0 * * SAT"
  zone     = "UTC"
  duration = "2d"
  missed   = "fire"
}

timer "new_year" {
  cron     = "0 0 1 1 *"
  zone     = "Pacific/Kiritimati"
  duration = "2d"
  missed   = "fire"
}

timer "eclipse" {
  cron     = "30 11 1 */3 *"
  zone     = "Africa/Nairobi"
  duration = "20m"
  missed   = "skip"
}
