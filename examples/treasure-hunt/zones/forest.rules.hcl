# Fog, bandits and roots. The forest rewards those who move quietly and at night.

param "forest_fog_bonus" {
  type    = decimal
  default = 1.5
  range   = [1.0, 3.0]
  doc     = "multiplies forest drops while fog lies between the trees"
}

param "forest_ambush_noise" {
  type    = int
  default = 55
  range   = [10, 95]
  unit    = "percent"
  doc     = "noise from which a chest draws bandits"
}

param "mushroom_chance" {
  type    = decimal
  default = 0.12
  range   = [0.0, 0.4]
  doc     = "chance of mushrooms under a felled monster"
}

param "owl_hour_multiplier" {
  type    = int
  default = 2
  range   = [1, 4]
  doc     = "rolls on the owl table during owl hour"
}

param "root_depth" {
  type    = int
  default = 9
  range   = [2, 20]
  unit    = "spits"
  doc     = "depth at which roots stop a shovel"
}

condition "in_forest" { when = trigger.zone == "forest" }
condition "foggy" { when = trigger.weather == "fog" }
condition "forest_fog" { when = condition.in_forest && condition.foggy }
condition "rooted" { when = condition.in_forest && trigger.depth >= param.root_depth }
condition "root_cutter" { when = one_of(trigger.tool, "shovel", "pickaxe") }
condition "quiet_opening" { when = trigger.noise < param.forest_ambush_noise }
condition "loud_opening" { when = condition.in_forest && !condition.quiet_opening }
condition "forest_scout" { when = condition.in_forest && trigger.role == "scout" }
condition "forest_regular" { when = condition.in_forest && between(trigger.visits, 10, 200) }
condition "night_owl" { when = condition.in_forest && active(owl_hour) }

rule "forest_mushrooms" {
  on   = monster_kill
  when = condition.in_forest && chance(param.mushroom_chance)
  emit "drop" {
    table = forest_floor
    count = trigger.weather == "rain" ? 3 : 1
  }
}

rule "forest_fog_hunter" {
  on   = monster_kill
  when = condition.forest_fog && trigger.elite && chance(0.1 * param.forest_fog_bonus)
  emit "drop" {
    table = forest_rare
    count = 1
  }
}

rule "forest_owl_hunt" {
  on   = monster_kill
  when = condition.night_owl && trigger.combo >= 10
  emit "drop" {
    table = owl_hoard
    count = param.owl_hour_multiplier
  }
}

rule "forest_scout_trail" {
  on   = monster_kill
  when = condition.forest_scout && trigger.party <= 2 && chance(0.04)
  emit "reveal" {
    what   = "hidden_trail"
    radius = 40 + trigger.level
  }
}

rule "forest_ambush" {
  on   = chest_open
  when = condition.loud_opening && chance(0.35)
  emit "spawn" {
    creature = "bandit"
    count    = 1 + trigger.noise / 25
    delay    = "3s"
  }
}

rule "forest_cache" {
  on = chest_open
  when = (
    condition.in_forest
    && condition.quiet_opening
    && one_of(trigger.chest, "crate", "coffer")
  )
  emit "drop" {
    table = bandit_cache
    count = 1
  }
}

rule "forest_scout_cache" {
  on   = chest_open
  when = condition.forest_scout && condition.quiet_opening && trigger.tool == "lockpick"
  emit "drop" {
    table = forest_rare
    count = 1
  }
}

rule "forest_roots" {
  on   = dig
  when = condition.rooted && !condition.root_cutter
  emit "hint" {
    text  = "roots_in_the_way"
    depth = param.root_depth
  }
}

rule "forest_root_find" {
  on   = dig
  when = condition.rooted && condition.root_cutter && chance(0.18)
  emit "drop" {
    table = forest_rare
    count = 1
  }
}

rule "forest_fog_dig" {
  on   = dig
  when = condition.forest_fog && trigger.clue && trigger.accuracy > 0.6
  emit "drop" {
    table = forest_floor
    count = 2
  }
}

rule "forest_regular_greeting" {
  on   = enter_zone
  when = condition.forest_regular && trigger.weather == "clear"
  emit "toast" {
    text   = "the_rangers_nod"
    visits = trigger.visits
  }
}

rule "forest_heavy_steps" {
  on   = enter_zone
  when = condition.in_forest && trigger.burden > 1.2
  emit "warning" {
    text   = "heavy_steps_carry_far"
    burden = trigger.burden
  }
}

rule "forest_shrine" {
  on   = puzzle_solved
  when = condition.in_forest && trigger.took < "5m"
  emit "buff" {
    name  = "stag_spirit"
    lasts = "20m"
  }
  emit "drop" {
    table = forest_rare
    count = 1
  }
}

rule "owl_hour_opens" {
  on = timer.owl_hour
  broadcast "ambience" {
    zone = "forest"
    mood = "owls"
  }
}

loot_table "forest_floor" {
  entry "brown_cap" {
    weight = 500
    count  = [1, 4]
  }
  entry "red_cap" { weight = 200 }
  entry "truffle" { weight = 40 }
  entry "glowing_spore" {
    weight = 8
    when   = active(owl_hour)
  }
}

loot_table "forest_rare" {
  entry "oak_heart"    { weight = 300 }
  entry "ranger_token" { weight = 250 }
  entry "bandit_map"   { weight = 120 }
  entry "elven_thread" {
    weight = 60
    when   = trigger.level >= 20
  }
  entry "green_idol" {
    weight = 3
    when   = trigger.level >= 35
  }
}

loot_table "owl_hoard" {
  entry "owl_pellet"   { weight = 400 }
  entry "moon_feather" { weight = 90 }
  entry "small_bones" {
    weight = 300
    count  = [2, 5]
  }
  entry "forest_find" {
    weight = 40
    table  = forest_rare
  }
}

loot_table "bandit_cache" {
  entry "copper_coin" {
    weight = 500
    count  = [15, 60]
  }
  entry "stolen_locket" { weight = 120 }
  entry "lockpick_set"  { weight = 60 }
  entry "bandit_map"    { weight = 30 }
  entry "loot_sack" {
    weight = 20
    table  = common_gems
  }
}

timer "owl_hour" {
  cron     = "30 22 * * *"
  zone     = "Europe/Berlin"
  duration = "1h"
  missed   = "skip"
}
