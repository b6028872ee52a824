# Thin air, long falls, and the best view of the storms.

param "avalanche_noise" {
  type    = int
  default = 70
  range   = [20, 100]
  unit    = "percent"
  doc     = "noise from which snow comes down"
}

param "summit_bonus" {
  type    = decimal
  default = 1.8
  range   = [1.0, 4.0]
  doc     = "multiplies what a clear summit gives"
}

param "frostbite_after" {
  type    = duration
  default = "6m"
  range   = ["1m", "30m"]
  doc     = "time in snow before frostbite sets in"
}

param "ore_vein_chance" {
  type    = decimal
  default = 0.16
  range   = [0.0, 0.5]
  doc     = "chance that a pickaxe strikes ore"
}

condition "in_peaks" { when = trigger.zone == "peaks" }
condition "snowed_in" { when = condition.in_peaks && trigger.weather == "snow" }
condition "clear_summit" { when = condition.in_peaks && trigger.weather == "clear" }

condition "vein_struck" {
  when = condition.in_peaks && trigger.tool == "pickaxe" && trigger.depth >= 3
}

condition "avalanche_risk" { when = condition.in_peaks && trigger.noise >= param.avalanche_noise }
condition "roped" { when = trigger.tool == "grapple" }
condition "mountaineer" { when = condition.in_peaks && trigger.level >= 45 }
condition "thin_air" { when = condition.in_peaks && trigger.burden > 0.9 }

rule "peaks_ore" {
  on   = dig
  when = condition.vein_struck && chance(param.ore_vein_chance)
  emit "drop" {
    table = ore_vein
    count = trigger.depth >= 10 ? 2 : 1
  }
}

rule "peaks_clear_find" {
  on   = dig
  when = condition.clear_summit && trigger.clue && chance(0.1 * param.summit_bonus)
  emit "drop" {
    table = summit_cairn
    count = 1
  }
}

rule "peaks_frozen" {
  on   = dig
  when = condition.snowed_in && trigger.tool == "shovel"
  emit "hint" {
    text = "frozen_ground"
    wait = param.frostbite_after
  }
}

rule "peaks_avalanche" {
  on   = chest_open
  when = condition.avalanche_risk && !condition.roped
  emit "hazard" {
    name  = "avalanche"
    force = trigger.noise - 10
    delay = "2s"
  }
}

rule "peaks_cache" {
  on   = chest_open
  when = condition.in_peaks && condition.roped && trigger.noise < 40
  emit "drop" {
    table = summit_cairn
    count = 1
  }
}

rule "peaks_yeti" {
  on   = monster_kill
  when = condition.snowed_in && trigger.elite
  emit "drop" {
    table = yeti_den
    count = 1
  }
}

rule "peaks_goat" {
  on   = monster_kill
  when = condition.in_peaks && !trigger.elite && chance(0.15)
  emit "drop" {
    table = mountain_game
    count = 1
  }
}

rule "peaks_thunder" {
  on   = monster_kill
  when = condition.mountaineer && trigger.weather == "storm" && trigger.role == "mage"
  emit "buff" {
    name  = "charged"
    lasts = "45s"
  }
}

rule "peaks_arrival" {
  on   = enter_zone
  when = condition.thin_air && trigger.level < 40
  emit "warning" {
    text   = "thin_air"
    burden = trigger.burden
  }
}

rule "peaks_frostbite" {
  on   = enter_zone
  when = condition.snowed_in && trigger.party == 1
  emit "debuff" {
    name  = "frostbite"
    after = param.frostbite_after
  }
}

rule "peaks_sundial" {
  on   = puzzle_solved
  when = condition.in_peaks && trigger.took <= "10m" && trigger.hints <= 1
  emit "drop" {
    table = summit_cairn
    count = 1
  }
}

rule "meteors_fall" {
  on = timer.meteor_shower
  broadcast "meteor.shower" {
    zone  = "peaks"
    count = 6 + pick(7)
  }
}

loot_table "ore_vein" {
  entry "iron_ore" {
    weight = 500
    count  = [1, 3]
  }
  entry "silver_ore" { weight = 160 }
  entry "gold_ore"   { weight = 50 }
  entry "sky_iron" {
    weight = 6
    when   = active(meteor_shower)
  }
}

loot_table "summit_cairn" {
  entry "flat_stone"   { weight = 500 }
  entry "climber_note" { weight = 200 }
  entry "eagle_egg"    { weight = 60 }
  entry "gems" {
    weight = 80
    table  = common_gems
  }
  entry "cloud_glass" {
    weight = 5
    when   = trigger.level >= 55
  }
}

loot_table "yeti_den" {
  entry "thick_fur"   { weight = 500 }
  entry "frozen_boot" { weight = 200 }
  entry "yeti_tooth"  { weight = 60 }
  entry "find" {
    weight = 30
    table  = summit_cairn
  }
}

loot_table "mountain_game" {
  entry "goat_horn" { weight = 400 }
  entry "raw_venison" {
    weight = 400
    count  = [1, 2]
  }
  entry "mountain_herb" { weight = 200 }
}

timer "meteor_shower" {
  cron     = "0 2 10-14 8 *"
  zone     = "UTC"
  duration = "3h"
  missed   = "fire"
}
