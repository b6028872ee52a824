# Boss fights: first kills, clean kills, long fights, and what the fleet hears of them.

param "dragon_hp" {
  type    = int
  default = 500
  range   = [50, 50000]
  unit    = "hitpoints"
  doc     = "health of the dragon that a hunt night spawns"
}

param "boss_gold" {
  type    = int
  default = 120
  range   = [0, 10000]
  unit    = "coins"
  doc     = "gold for a boss at level 1"
}

param "boss_gold_per_level" {
  type    = int
  default = 9
  range   = [0, 500]
  unit    = "coins"
  doc     = "gold added for each level"
}

param "first_kill_bonus" {
  type    = int
  default = 3
  range   = [1, 10]
  doc     = "multiplies gold for a first kill"
}

param "clean_kill_chance" {
  type    = decimal
  default = 0.5
  range   = [0.0, 1.0]
  doc     = "chance of an extra roll when nobody died"
}

param "speed_kill" {
  type    = duration
  default = "3m"
  range   = ["20s", "20m"]
  doc     = "a kill faster than this is a speed kill"
}

param "boss_run_limit" {
  type    = int
  default = 12
  range   = [1, 100]
  unit    = "kills"
  doc     = "kills an hour after which bosses give little"
}

param "wipe_mercy" {
  type    = int
  default = 10
  range   = [1, 50]
  unit    = "deaths"
  doc     = "deaths after which a party gets a consolation"
}

param "legend_odds" {
  type    = decimal
  default = 0.004
  range   = [0.0, 0.05]
  doc     = "chance of a legendary from any boss"
}

condition "clean_kill" { when = trigger.deaths == 0 }
condition "speed_kill" { when = trigger.took < param.speed_kill }
condition "slog" { when = trigger.took > "25m" }
condition "full_party" { when = trigger.party == 5 }
condition "solo" { when = trigger.party == 1 }
condition "boss_farming" { when = rate(boss_runs) > param.boss_run_limit }
condition "fresh_hunter" { when = rate(boss_runs) <= 3 }
condition "worthy" { when = trigger.level >= 20 && !condition.boss_farming }
condition "legendary_chance" { when = condition.worthy && chance(param.legend_odds) }
condition "mercy" { when = trigger.deaths >= param.wipe_mercy && !condition.speed_kill }
condition "dragon_down" { when = trigger.boss == "dragon" }
condition "sea_boss" { when = trigger.boss == "kraken" && trigger.zone == "reef" }
condition "out_of_place" { when = trigger.boss == "lich" && trigger.zone != "crypt" }
condition "dragon_weather" { when = condition.dragon_down && trigger.weather == "storm" }

condition "underleveled" {
  when = trigger.level < 25 && one_of(trigger.boss, "dragon", "storm_roc")
}

rule "boss_purse" {
  on   = boss_kill
  when = !condition.boss_farming
  emit "credit" {
    coins  = param.boss_gold + param.boss_gold_per_level * trigger.level
    reason = "boss"
  }
}

rule "boss_first_kill" {
  on   = boss_kill
  when = trigger.first && condition.worthy
  emit "credit" {
    coins  = param.boss_gold * param.first_kill_bonus
    reason = "first_kill"
  }
  emit "drop" {
    table = first_kill_chest
    count = 1
  }
}

# The more often one kills, the less it is worth: no player is refused, farms are.
rule "boss_leftovers" {
  on   = boss_kill
  when = condition.boss_farming
  emit "drop" {
    table = boss_leftovers
    count = 1
  }
}

rule "boss_clean" {
  on   = boss_kill
  when = condition.clean_kill && condition.worthy && chance(param.clean_kill_chance)
  emit "drop" {
    table = boss_trophies
    count = 1
  }
}

rule "boss_speed" {
  on   = boss_kill
  when = condition.speed_kill && trigger.level >= 30
  emit "score" {
    board = "speed"
    took  = trigger.took
    party = trigger.party
  }
}

rule "boss_slog" {
  on   = boss_kill
  when = condition.slog && !condition.clean_kill
  emit "buff" {
    name  = "stubborn"
    lasts = "30m"
  }
}

rule "boss_mercy" {
  on   = boss_kill
  when = condition.mercy
  emit "drop" {
    table = consolation
    count = 1
  }
  emit "toast" {
    text   = "you_got_there"
    deaths = trigger.deaths
  }
}

rule "boss_legendary" {
  on   = boss_kill
  when = condition.legendary_chance
  emit "drop" {
    table = legendary_arms
    count = 1
  }
  broadcast "hunt.legendary" {
    zone  = trigger.zone
    boss  = trigger.boss
    level = trigger.level
  }
}

rule "bandit_king_falls" {
  on   = boss_kill
  when = trigger.boss == "bandit_king" && condition.fresh_hunter
  emit "drop" {
    table = bandit_throne
    count = 1
  }
}

rule "moss_giant_falls" {
  on   = boss_kill
  when = trigger.boss == "moss_giant" && trigger.zone == "forest"
  emit "drop" {
    table = moss_heart
    count = trigger.party >= 4 ? 2 : 1
  }
}

rule "kraken_falls" {
  on   = boss_kill
  when = condition.sea_boss
  emit "drop" {
    table = kraken_maw
    count = condition.anchored_hour ? 3 : 2
  }
}

rule "lich_falls" {
  on   = boss_kill
  when = trigger.boss == "lich" && condition.clean_kill
  emit "drop" {
    table = phylactery
    count = 1
  }
}

# A lich outside the crypt has been lured: players get nothing, the team gets told.
rule "lich_lured" {
  on   = boss_kill
  when = condition.out_of_place
  emit "review" {
    reason = "lured_boss"
    zone   = trigger.zone
  }
  on_fault = "fail"
}

rule "storm_roc_falls" {
  on   = boss_kill
  when = trigger.boss == "storm_roc" && one_of(trigger.weather, "storm", "rain")
  emit "drop" {
    table = roc_nest
    count = 1
  }
}

rule "dragon_falls" {
  on   = boss_kill
  when = condition.dragon_down
  emit "drop" {
    table = dragon_hoard
    count = condition.full_party ? 4 : 2
  }
  broadcast "dragon.slain" {
    zone  = trigger.zone
    party = trigger.party
    took  = trigger.took
  }
}

rule "dragon_falls_in_storm" {
  on   = boss_kill
  when = condition.dragon_weather && trigger.level >= 60
  emit "drop" {
    table = storm_scales
    count = 1
  }
}

rule "dragon_solo" {
  on   = boss_kill
  when = condition.dragon_down && condition.solo && trigger.level < 95
  emit "title" { name = "dragonsbane" }
  broadcast "hunt.feat" {
    feat  = "dragon_alone"
    level = trigger.level
  }
}

rule "giant_killer" {
  on   = boss_kill
  when = condition.underleveled && condition.clean_kill
  emit "title" { name = "giant_killer" }
}

loot_table "first_kill_chest" {
  rolls = [1, 2]
  entry "slayer_ribbon" { guaranteed = true }
  entry "boss_trophy" {
    weight = 500
    table  = boss_trophies
  }
  entry "gold_pile" {
    weight = 300
    count  = [2, 4]
  }
  entry "hunter_cloak" { weight = 100 }
}

loot_table "boss_trophies" {
  entry "boss_fang" { weight = 400 }
  entry "boss_hide" { weight = 350 }
  entry "boss_eye"  { weight = 120 }
  entry "gems" {
    weight = 100
    table  = fine_gems
  }
  entry "trophy_mount" {
    weight = 8
    when   = trigger.level >= 30
  }
  pity "trophy_mount" { after = 250 }
}

loot_table "boss_leftovers" {
  entry "copper_coin" {
    weight = 700
    count  = [5, 15]
  }
  entry "torn_hide" { weight = 300 }
}

loot_table "consolation" {
  entry "bandage" {
    weight = 500
    count  = [3, 6]
  }
  entry "healing_draught" {
    weight = 300
    count  = 2
  }
  entry "silver_coin" {
    weight = 150
    count  = [2, 5]
  }
}

loot_table "bandit_throne" {
  entry "stolen_crown"  { weight = 60 }
  entry "bandit_ledger" { weight = 200 }
  entry "silver_coin" {
    weight = 500
    count  = [20, 50]
  }
  entry "cache" {
    weight = 200
    table  = bandit_cache
  }
}

loot_table "moss_heart" {
  entry "living_bark" { weight = 500 }
  entry "moss_core"   { weight = 120 }
  entry "floor" {
    weight = 300
    table  = forest_floor
    count  = 2
  }
}

loot_table "kraken_maw" {
  entry "kraken_ink"       { weight = 500 }
  entry "swallowed_anchor" { weight = 120 }
  entry "pearl" {
    weight = 200
    table  = pearls
  }
  entry "hold" {
    weight = 150
    table  = sunken_hold
  }
}

loot_table "phylactery" {
  entry "soul_shard" { weight = 500 }
  entry "grave_silk" { weight = 300 }
  entry "crypt_find" {
    weight = 180
    table  = crypt_rare
  }
  entry "lich_heart" {
    weight = 6
    when   = trigger.level >= 50
  }
}

loot_table "roc_nest" {
  entry "storm_feather" {
    weight = 500
    count  = [1, 3]
  }
  entry "roc_egg" { weight = 60 }
  entry "shiny_things" {
    weight = 240
    table  = fine_gems
  }
}

loot_table "dragon_hoard" {
  entry "gold_bar" {
    weight = 500
    count  = [1, 3]
  }
  entry "dragon_scale" { weight = 300 }
  entry "gems" {
    weight = 250
    table  = fine_gems
  }
  entry "arms" {
    weight = 20
    table  = legendary_arms
  }
  entry "dragon_egg" {
    weight = 1
    when   = trigger.level >= 75
  }
}

loot_table "storm_scales" {
  entry "charged_scale" { weight = 500 }
  entry "thunder_heart" { weight = 40 }
}

loot_table "legendary_arms" {
  entry "sunforged_blade"  { weight = 100 }
  entry "warden_aegis"     { weight = 100 }
  entry "tidecaller_staff" { weight = 100 }
  entry "nightglass_bow"   { weight = 100 }
  entry "worldroot_spear" {
    weight = 25
    when   = trigger.level >= 80
  }
}

timer "anchored_watch" {
  cron     = "0 4,16 * * *"
  zone     = "Pacific/Auckland"
  duration = "1h"
  missed   = "skip"
}

condition "anchored_hour" { when = active(anchored_watch) }

rule "kraken_stirs" {
  on = timer.anchored_watch
  broadcast "kraken.stirs" {
    zone = "reef"
    arms = 6 + pick(5)
  }
}
