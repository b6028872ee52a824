# Chests everywhere: mimics, traps, lucky openings, and a daily supply that runs dry.

param "mimic_bite" {
  type    = int
  default = 25
  range   = [1, 500]
  unit    = "hitpoints"
  doc     = "what a mimic takes from a careless hand"
}

param "trap_spot_level" {
  type    = int
  default = 18
  range   = [1, 100]
  doc     = "level from which delvers spot traps"
}

param "lucky_open_chance" {
  type    = decimal
  default = 0.05
  range   = [0.0, 0.2]
  doc     = "chance that a chest holds twice as much"
}

param "daily_chests" {
  type    = int
  default = 40
  range   = [5, 500]
  unit    = "chests"
  doc     = "chests a day that give in full"
}

param "lockpick_break_chance" {
  type    = decimal
  default = 0.15
  range   = [0.0, 0.6]
  doc     = "chance that a lockpick breaks in a vault"
}

condition "mimic" { when = trigger.chest == "mimic" }
condition "supply_left" { when = trigger.opened_today < param.daily_chests }

condition "trap_spotter" {
  when = trigger.role == "delver" && trigger.level >= param.trap_spot_level
}

condition "trap_sprung" { when = trigger.trapped && !condition.trap_spotter }
condition "locked" { when = one_of(trigger.chest, "coffer", "vault") }
condition "has_lockpick" { when = trigger.tool == "lockpick" }
condition "crowbar_job" { when = condition.locked && one_of(trigger.tool, "pickaxe", "shovel") }
condition "lucky_open" { when = condition.supply_left && chance(param.lucky_open_chance) }
condition "chest_rush" { when = rate(chests_opened) >= 20 }
condition "low_level_vault" { when = trigger.chest == "vault" && trigger.level < 35 }

rule "crate_open" {
  on   = chest_open
  when = trigger.chest == "crate" && condition.supply_left
  emit "drop" {
    table = crate_goods
    count = condition.lucky_open ? 2 : 1
  }
}

rule "coffer_open" {
  on   = chest_open
  when = trigger.chest == "coffer" && condition.has_lockpick && condition.supply_left
  emit "drop" {
    table = coffer_goods
    count = condition.lucky_open ? 2 : 1
  }
}

rule "vault_open" {
  on   = chest_open
  when = trigger.chest == "vault" && condition.has_lockpick && !condition.low_level_vault
  emit "drop" {
    table = vault_goods
    count = 1
  }
}

rule "vault_too_early" {
  on   = chest_open
  when = condition.low_level_vault
  emit "hint" {
    text  = "come_back_stronger"
    level = 35
  }
}

rule "lockpick_breaks" {
  on   = chest_open
  when = trigger.chest == "vault" && condition.has_lockpick && chance(param.lockpick_break_chance)
  emit "consume" { item = "lockpick" }
}

rule "crowbar_dents" {
  on   = chest_open
  when = condition.crowbar_job && chance(0.4)
  emit "drop" {
    table = broken_goods
    count = 1
  }
}

rule "mimic_bites" {
  on   = chest_open
  when = condition.mimic && !condition.trap_spotter
  emit "damage" {
    hitpoints = param.mimic_bite
    source    = "mimic"
  }
}

rule "mimic_spotted" {
  on   = chest_open
  when = condition.mimic && condition.trap_spotter
  emit "drop" {
    table = mimic_guts
    count = 1
  }
}

rule "trap_fires" {
  on   = chest_open
  when = condition.trap_sprung && !condition.mimic
  emit "damage" {
    hitpoints = 10 + trigger.level / 2
    source    = "trap"
  }
}

rule "trap_disarmed" {
  on   = chest_open
  when = trigger.trapped && condition.trap_spotter && trigger.noise < 50
  emit "credit" {
    coins  = 5 * trigger.level
    reason = "disarmed"
  }
}

rule "supply_dry" {
  on   = chest_open
  when = !condition.supply_left && trigger.opened_today % 10 == 0
  emit "hint" {
    text   = "picked_clean"
    opened = trigger.opened_today
  }
}

rule "chest_rush_review" {
  on   = chest_open
  when = condition.chest_rush
  emit "review" {
    reason          = "chest_rush"
    per_ten_minutes = rate(chests_opened)
  }
  on_fault = "fail"
}

rule "fleet_night_chest" {
  on   = chest_open
  when = active(treasure_fleet) && condition.supply_left && chance(0.1)
  emit "drop" {
    table = sunken_hold
    count = 1
  }
}

loot_table "crate_goods" {
  entry "copper_coin" {
    weight = 500
    count  = [3, 12]
  }
  entry "rope"     { weight = 200 }
  entry "lamp_oil" { weight = 180 }
  entry "ration" {
    weight = 200
    count  = [1, 3]
  }
  entry "clue" {
    weight = 30
    table  = clue_scraps
  }
}

loot_table "coffer_goods" {
  entry "silver_coin" {
    weight = 500
    count  = [2, 8]
  }
  entry "velvet_pouch" { weight = 120 }
  entry "gems" {
    weight = 140
    table  = common_gems
  }
  entry "treasure_map" {
    weight = 12
    when   = trigger.level >= 15
  }
}

loot_table "vault_goods" {
  entry "gold_pile" {
    weight = 500
    count  = [1, 3]
  }
  entry "gems" {
    weight = 250
    table  = fine_gems
  }
  entry "deed" { weight = 30 }
  entry "arms" {
    weight = 3
    table  = legendary_arms
  }
}

loot_table "broken_goods" {
  entry "splinters" { weight = 600 }
  entry "bent_coin" {
    weight = 250
    count  = [1, 5]
  }
  entry "dented_cup" { weight = 120 }
}

loot_table "mimic_guts" {
  entry "mimic_tooth"   { weight = 500 }
  entry "sticky_tongue" { weight = 200 }
  entry "swallowed_purse" {
    weight = 200
    count  = [1, 2]
  }
  entry "coffer" {
    weight = 60
    table  = coffer_goods
  }
}

timer "treasure_fleet" {
  cron     = "0 21 * * SAT"
  zone     = "America/New_York"
  duration = "2h"
  missed   = "fire"
}

rule "treasure_fleet_sails" {
  on = timer.treasure_fleet
  broadcast "fleet.sails" {
    zone  = "reef"
    ships = 3 + pick(3)
  }
}
