# The first zone: generous, forgiving, and where everyone learns to dig.

param "meadow_dig_bonus" {
  type    = decimal
  default = 1.0
  range   = [0.0, 4.0]
  doc     = "multiplies the chance of a find in the meadow"
}

param "meadow_max_depth" {
  type    = int
  default = 6
  range   = [1, 12]
  unit    = "spits"
  doc     = "how deep meadow soil goes before it is bedrock"
}

param "picnic_heal" {
  type    = int
  default = 15
  range   = [0, 100]
  unit    = "hitpoints"
  doc     = "health given to those who rest at a picnic"
}

param "butterfly_chance" {
  type    = decimal
  default = 0.02
  range   = [0.0, 0.1]
  doc     = "chance that a dig in clear weather stirs up a golden butterfly"
}

condition "in_meadow" { when = trigger.zone == "meadow" }
condition "soft_soil" { when = condition.in_meadow && trigger.depth <= param.meadow_max_depth }
condition "meadow_novice" { when = condition.in_meadow && trigger.level < 15 }
condition "sunny_dig" { when = condition.in_meadow && trigger.weather == "clear" }
condition "muddy_dig" { when = condition.in_meadow && one_of(trigger.weather, "rain", "storm") }
condition "careful_dig" { when = trigger.accuracy >= 0.8 }
condition "meadow_pack" { when = condition.in_meadow && trigger.elite && trigger.combo >= 5 }

rule "meadow_find" {
  on   = dig
  when = condition.soft_soil && chance(0.2 * param.meadow_dig_bonus)
  emit "drop" {
    table = meadow_soil
    count = trigger.clue ? 2 : 1
  }
}

# Rain loosens the ground: worse aim is forgiven.
rule "meadow_mud_find" {
  on   = dig
  when = condition.muddy_dig && condition.soft_soil && trigger.accuracy >= 0.4 && chance(0.15)
  emit "drop" {
    table = meadow_soil
    count = 1
  }
}

rule "meadow_butterfly" {
  on   = dig
  when = condition.sunny_dig && chance(param.butterfly_chance)
  emit "spawn" {
    creature = "golden_butterfly"
    lifetime = "90s"
  }
}

rule "meadow_bedrock" {
  on   = dig
  when = condition.in_meadow && trigger.depth > param.meadow_max_depth
  emit "hint" {
    text  = "bedrock"
    depth = param.meadow_max_depth
  }
}

rule "meadow_lesson" {
  on   = dig
  when = condition.meadow_novice && !condition.careful_dig && trigger.streak == 0
  emit "hint" {
    text     = "aim_before_digging"
    accuracy = trigger.accuracy
  }
}

rule "meadow_clover" {
  on   = monster_kill
  when = condition.in_meadow && !trigger.elite && chance(0.08)
  emit "drop" {
    table = meadow_critters
    count = 1
  }
}

rule "meadow_pack_leader" {
  on   = monster_kill
  when = condition.meadow_pack && rate(kills) < 40
  emit "drop" {
    table = meadow_critters
    count = 2 + pick(2)
  }
}

rule "meadow_picnic" {
  on   = enter_zone
  when = condition.meadow_novice && active(noon_picnic)
  emit "heal" {
    hitpoints = param.picnic_heal
    source    = "picnic"
  }
}

rule "meadow_old_friend" {
  on   = enter_zone
  when = condition.in_meadow && trigger.level >= 60 && trigger.visits < 3
  emit "toast" { text = "the_meadow_remembers" }
}

rule "meadow_riddle" {
  on   = puzzle_solved
  when = condition.in_meadow && trigger.hints == 0
  emit "drop" {
    table = riddle_purse
    count = trigger.attempts == 1 ? 2 : 1
  }
}

loot_table "meadow_soil" {
  entry "copper_coin" {
    weight = 500
    count  = [2, 6]
  }
  entry "clay_marble" { weight = 220 }
  entry "old_button"  { weight = 160 }
  entry "bent_spoon"  { weight = 90 }
  entry "clue" {
    weight = 24
    table  = clue_scraps
  }
  entry "silver_ring" {
    weight = 6
    when   = trigger.level >= 5
  }
}

loot_table "meadow_critters" {
  entry "rabbit_foot" { weight = 300 }
  entry "down_feather" {
    weight = 300
    count  = [1, 3]
  }
  entry "honeycomb"    { weight = 200 }
  entry "lucky_clover" { weight = 20 }
  entry "bee_queen_amber" {
    weight = 2
    when   = trigger.level >= 8
  }
}

loot_table "riddle_purse" {
  entry "copper_coin" {
    weight = 400
    count  = [10, 25]
  }
  entry "silver_coin" {
    weight = 100
    count  = [1, 4]
  }
  entry "clue" {
    weight = 50
    table  = clue_scraps
  }
}

timer "noon_picnic" {
  cron     = "0 12 * * *"
  zone     = "Europe/Paris"
  duration = "1h"
  missed   = "skip"
}
