# Below the chapel. The dead keep good things, and count who takes them.

param "drop_bonus" {
  type    = decimal
  default = 1.25
  range   = [0.0, 5.0]
  doc     = "multiplies the chance of a crypt drop"
}

param "crypt_curse_chance" {
  type    = decimal
  default = 0.06
  range   = [0.0, 0.3]
  doc     = "chance that a reliquary curses whoever opens it"
}

param "crypt_lantern_radius" {
  type    = int
  default = 12
  range   = [4, 40]
  unit    = "paces"
  doc     = "how far a lantern lights the crypt"
}

param "restless_after" {
  type    = int
  default = 8
  range   = [2, 50]
  unit    = "chests"
  doc     = "chests opened in ten minutes that wake the dead"
}

param "bone_price" {
  type    = int
  default = 3
  range   = [0, 50]
  unit    = "coins"
  doc     = "what the sexton pays for a bone"
}

condition "in_crypt" { when = trigger.zone == "crypt" }
condition "veteran" { when = trigger.level >= 10 && trigger.zone == "crypt" && rate(claims) < 5 }
condition "lantern_lit" { when = trigger.tool == "lantern" }

condition "grave_robber" {
  when = condition.in_crypt && rate(chests_opened) >= param.restless_after
}

condition "holy_vessel" { when = trigger.chest == "reliquary" }

condition "cursed_opening" {
  when = condition.in_crypt && condition.holy_vessel && trigger.role != "warden"
}

condition "deep_grave" { when = condition.in_crypt && trigger.depth >= 6 }
condition "consecrated" { when = condition.in_crypt && active(vespers) }
condition "crypt_elite" { when = condition.in_crypt && trigger.elite }
condition "undertaker" { when = condition.in_crypt && trigger.role == "delver" }

rule "crypt_drop" {
  on   = boss_kill
  when = condition.veteran && chance(0.05 * param.drop_bonus)
  emit "drop" {
    table = crypt_rare
    count = active(night_hunt) ? 2 : 1
  }
  on_fault = "skip"
}

rule "crypt_bones" {
  on   = monster_kill
  when = condition.in_crypt && chance(0.3)
  emit "drop" {
    table = ossuary
    count = condition.undertaker ? 2 : 1
  }
  emit "credit" { coins = param.bone_price * trigger.party }
}

rule "crypt_elite_drop" {
  on   = monster_kill
  when = condition.crypt_elite && chance(0.04 * param.drop_bonus)
  emit "drop" {
    table = crypt_rare
    count = 1
  }
}

rule "crypt_vespers_rest" {
  on   = monster_kill
  when = condition.consecrated && trigger.role == "warden"
  emit "heal" {
    hitpoints = 5 + trigger.level / 10
    source    = "vespers"
  }
}

rule "crypt_overkill" {
  on   = monster_kill
  when = condition.in_crypt && trigger.overkill >= 3.0 && trigger.combo > 20
  emit "toast" {
    text  = "let_them_rest"
    combo = trigger.combo
  }
}

rule "crypt_curse" {
  on   = chest_open
  when = condition.cursed_opening && chance(param.crypt_curse_chance)
  emit "curse" {
    name  = "dead_mans_hand"
    lasts = "10m"
  }
}

rule "crypt_reliquary" {
  on   = chest_open
  when = condition.in_crypt && condition.holy_vessel
  emit "drop" {
    table = reliquary_relics
    count = 1
  }
}

rule "crypt_coffer" {
  on   = chest_open
  when = condition.in_crypt && trigger.chest == "coffer" && !trigger.trapped
  emit "drop" {
    table = ossuary
    count = 2
  }
}

rule "crypt_restless" {
  on   = chest_open
  when = condition.grave_robber
  emit "spawn" {
    creature = "revenant"
    count    = min(rate(chests_opened) / 4, 6)
    delay    = "5s"
  }
}

rule "crypt_lantern" {
  on   = chest_open
  when = condition.in_crypt && condition.lantern_lit && trigger.noise < 20
  emit "reveal" {
    what   = "wall_niche"
    radius = param.crypt_lantern_radius
  }
}

rule "crypt_grave" {
  on   = dig
  when = condition.deep_grave && trigger.tool == "shovel" && chance(0.2)
  emit "drop" {
    table = grave_goods
    count = 1
  }
}

rule "crypt_grave_fog" {
  on   = dig
  when = condition.deep_grave && condition.foggy && trigger.streak >= 3
  emit "spawn" {
    creature = "will_o_wisp"
    lifetime = "2m"
  }
}

rule "crypt_inscription" {
  on   = puzzle_solved
  when = condition.in_crypt && trigger.attempts <= 3
  emit "drop" {
    table = reliquary_relics
    count = trigger.party >= 3 ? 2 : 1
  }
}

rule "crypt_threshold" {
  on   = enter_zone
  when = condition.in_crypt && trigger.level < 10
  emit "warning" {
    text  = "not_yet"
    level = trigger.level
  }
}

rule "dragon_night" {
  on = timer.night_hunt
  broadcast "dragon.spawn" {
    zone       = "crypt"
    hp         = param.dragon_hp
    table_hint = "dragon_hoard"
  }
}

rule "vespers_bell" {
  on = timer.vespers
  broadcast "bell.vespers" {
    zone  = "crypt"
    tolls = 7
  }
}

loot_table "crypt_rare" {
  entry "gold_pile"    { weight = 900 }
  entry "grave_silk"   { weight = 300 }
  entry "saint_finger" { weight = 90 }
  entry "night_opal" {
    weight = 30
    when   = active(night_hunt)
  }
  entry "lich_crown" {
    weight = 5
    when   = trigger.level >= 40
  }
  pity "lich_crown" { after = 400 }
}

loot_table "ossuary" {
  entry "knuckle_bone" {
    weight = 600
    count  = [1, 4]
  }
  entry "jaw_bone"    { weight = 200 }
  entry "coffin_nail" { weight = 200 }
  entry "bone_flute"  { weight = 12 }
}

loot_table "reliquary_relics" {
  entry "prayer_bead" { weight = 400 }
  entry "votive_candle" {
    weight = 300
    count  = [1, 3]
  }
  entry "silver_cross" { weight = 90 }
  entry "relic" {
    weight = 20
    table  = crypt_rare
  }
  entry "martyr_crown" {
    weight = 2
    when   = trigger.level >= 50
  }
  # Nobody opens a thousand reliquaries for nothing.
  pity "martyr_crown" {
    after     = 600
    soft_from = 400
    soft_step = 2
  }
}

loot_table "grave_goods" {
  entry "burial_coin" {
    weight = 500
    count  = 2
  }
  entry "rusted_blade"  { weight = 200 }
  entry "mourning_ring" { weight = 80 }
  entry "crypt_find" {
    weight = 15
    table  = crypt_rare
  }
}

timer "night_hunt" {
  cron     = "0 20 * * FRI"
  zone     = "Europe/Paris"
  duration = "2h"
  missed   = "fire"
}

timer "vespers" {
  cron     = "0 18 * * *"
  zone     = "Europe/Rome"
  duration = "30m"
  missed   = "skip"
}
