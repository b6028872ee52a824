# Quests: tiers, standing, and the pages that add up to a map.

param "quest_coins" {
  type    = int
  default = 80
  range   = [0, 5000]
  unit    = "coins"
  doc     = "coins for a quest of tier 1"
}

param "flawless_factor" {
  type    = int
  default = 2
  range   = [1, 5]
  doc     = "multiplies coins of a flawless quest"
}

param "ladder_points" {
  type    = int
  default = 10
  range   = [0, 500]
  unit    = "points"
  doc     = "ladder points for each tier"
}

param "grudge" {
  type    = int
  default = -300
  range   = [-1000, 0]
  doc     = "reputation under which townsfolk hold back"
}

param "quick_quest" {
  type    = duration
  default = "25m"
  range   = ["1m", "6h"]
  doc     = "a quest done faster earns a quick-hand bonus"
}

condition "high_tier" { when = trigger.tier >= 4 }
condition "quick_hand" { when = trigger.took < param.quick_quest }
condition "liked" { when = trigger.reputation >= 250 }
condition "hero" { when = trigger.reputation >= 800 && trigger.level >= 50 }
condition "shunned" { when = trigger.reputation < param.grudge }
condition "ladder_open" { when = !active(ladder_freeze) }
condition "stale_quest" { when = trigger.took > "7d" }
condition "zone_errand" { when = one_of(trigger.zone, "meadow", "forest") && trigger.tier <= 2 }
condition "deep_errand" { when = one_of(trigger.zone, "crypt", "citadel") && condition.high_tier }

rule "quest_pay" {
  on   = quest_done
  when = !condition.shunned
  emit "credit" {
    coins  = param.quest_coins * trigger.tier
    reason = "quest"
  }
}

rule "quest_flawless" {
  on   = quest_done
  when = trigger.flawless && !condition.stale_quest
  emit "credit" {
    coins  = param.quest_coins * trigger.tier * (param.flawless_factor - 1)
    reason = "flawless"
  }
}

rule "quest_quick" {
  on   = quest_done
  when = condition.quick_hand && trigger.tier >= 2
  emit "buff" {
    name  = "quick_hand"
    lasts = "1h"
  }
}

rule "quest_ladder" {
  on   = quest_done
  when = condition.ladder_open && trigger.tier >= 2
  emit "ladder" { points = param.ladder_points * trigger.tier }
}

rule "quest_errand" {
  on   = quest_done
  when = condition.zone_errand && chance(0.3)
  emit "drop" {
    table = errand_basket
    count = 1
  }
}

rule "quest_deep" {
  on   = quest_done
  when = condition.deep_errand
  emit "drop" {
    table = quest_relics
    count = trigger.flawless ? 2 : 1
  }
}

rule "quest_liked" {
  on   = quest_done
  when = condition.liked && !condition.hero && chance(0.2)
  emit "drop" {
    table = errand_basket
    count = 2
  }
}

rule "quest_hero" {
  on   = quest_done
  when = condition.hero && condition.high_tier
  emit "title" { name = "hero_of_the_hunt" }
  broadcast "hunt.hero" {
    zone = trigger.zone
    tier = trigger.tier
  }
}

rule "quest_shunned" {
  on   = quest_done
  when = condition.shunned
  emit "toast" {
    text       = "they_shut_the_door"
    reputation = trigger.reputation
  }
}

rule "quest_stale" {
  on   = quest_done
  when = condition.stale_quest && !trigger.flawless
  emit "toast" { text = "better_late" }
}

rule "quest_map_page" {
  on   = quest_done
  when = trigger.tier == 5 || condition.quick_hand && trigger.tier >= 3
  emit "drop" {
    table = map_pages
    count = 1
  }
}

rule "puzzle_quest_hint" {
  on   = puzzle_solved
  when = trigger.attempts > 20 && trigger.hints < 5
  emit "hint" {
    text     = "ask_the_sphinx"
    attempts = trigger.attempts
  }
}

rule "puzzle_record" {
  on   = puzzle_solved
  when = trigger.took < "30s" && trigger.attempts == 1 && trigger.level >= 20
  emit "score" {
    board = "riddles"
    took  = trigger.took
  }
}

rule "puzzle_marathon" {
  on   = puzzle_solved
  when = trigger.took > "1h" && trigger.hints == 0
  emit "title" { name = "patient" }
}

rule "ladder_freezes" {
  on = timer.ladder_freeze
  broadcast "ladder.freeze" { points = param.ladder_points }
}

loot_table "errand_basket" {
  entry "bread" {
    weight = 400
    count  = [1, 2]
  }
  entry "copper_coin" {
    weight = 400
    count  = [10, 30]
  }
  entry "knitted_scarf" { weight = 100 }
  entry "clue" {
    weight = 80
    table  = clue_scraps
  }
}

loot_table "quest_relics" {
  entry "old_seal"   { weight = 400 }
  entry "royal_writ" { weight = 150 }
  entry "relic" {
    weight = 200
    table  = reliquary_relics
  }
  entry "gem" {
    weight = 120
    table  = fine_gems
  }
}

loot_table "map_pages" {
  entry "torn_page"   { weight = 600 }
  entry "inked_page"  { weight = 250 }
  entry "cipher_page" { weight = 100 }
  entry "master_page" {
    weight = 5
    when   = trigger.level >= 60
  }
}

timer "ladder_freeze" {
  cron     = "0 23 * * SUN"
  zone     = "UTC"
  duration = "1h"
  missed   = "fire"
}
