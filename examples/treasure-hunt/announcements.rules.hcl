# What one player does and every player hears. Few, dear and limited.

param "announce_value" {
  type    = int
  default = 100000
  range   = [1000, 1000000]
  unit    = "coins"
  doc     = "value from which a find is told"
}

param "announce_streak" {
  type    = int
  default = 25
  range   = [5, 100]
  unit    = "finds"
  doc     = "streak from which a find is told"
}

param "jackpot_value" {
  type    = int
  default = 750000
  range   = [10000, 1000000]
  unit    = "coins"
  doc     = "value from which a find is a jackpot"
}

condition "loud_find" { when = trigger.value >= param.announce_value }
condition "jackpot" { when = trigger.value >= param.jackpot_value }

condition "hot_streak" {
  when = trigger.streak >= param.announce_streak && trigger.streak % 5 == 0
}

condition "legendary_find" { when = trigger.rarity == "legendary" }
condition "epic_find" { when = trigger.rarity == "epic" }
condition "home_soil" { when = one_of(trigger.zone, "meadow", "forest") }
condition "citadel_find" { when = trigger.zone == "citadel" && trigger.level >= 70 }
condition "claim_calm" { when = rate(claims_hourly) < 200 }

rule "tell_legendary" {
  on   = treasure_found
  when = condition.legendary_find && condition.claim_calm
  broadcast "treasure.legendary" {
    zone  = trigger.zone
    value = trigger.value
  }
}

rule "tell_epic" {
  on   = treasure_found
  when = condition.epic_find && condition.loud_find && chance(0.5)
  broadcast "treasure.epic" {
    zone  = trigger.zone
    value = trigger.value
  }
}

rule "tell_jackpot" {
  on   = treasure_found
  when = condition.jackpot && !condition.legendary_find
  broadcast "treasure.jackpot" {
    value = trigger.value
    party = trigger.party
  }
}

rule "tell_streak" {
  on   = treasure_found
  when = condition.hot_streak && condition.claim_calm
  broadcast "hunt.streak" {
    streak = trigger.streak
    zone   = trigger.zone
  }
}

rule "tell_citadel" {
  on   = treasure_found
  when = condition.citadel_find && condition.loud_find
  broadcast "citadel.robbed" { value = trigger.value }
}

rule "home_luck" {
  on   = treasure_found
  when = condition.home_soil && one_of(trigger.rarity, "rare", "epic") && trigger.level < 20
  emit "toast" {
    text   = "beginners_luck"
    rarity = trigger.rarity
  }
}

rule "quiet_find" {
  on   = treasure_found
  when = trigger.rarity == "common" && trigger.value < 50 && trigger.streak == 0
  emit "hint" { text = "try_another_spot" }
}

rule "streak_bonus" {
  on   = treasure_found
  when = trigger.streak >= 10 && !condition.hot_streak && chance(0.1)
  emit "drop" {
    table = clue_scraps
    count = 1
  }
}

rule "first_gem_note" {
  on   = loot_claim
  when = trigger.rarity == "rare" && trigger.level < 12 && condition.honest_claim
  emit "toast" { text = "your_first_gem" }
}

rule "supply_falls" {
  on = timer.supply_drop
  broadcast "supply.drop" {
    zone   = "forest"
    crates = 1 + pick(3)
  }
}

rule "lighthouse_turns" {
  on = timer.lighthouse
  broadcast "lighthouse.beam" {
    zone    = "reef"
    bearing = pick(360)
  }
}

timer "supply_drop" {
  every    = "20m"
  duration = "5m"
  missed   = "skip"
}

timer "lighthouse" {
  every    = "5m"
  duration = "1m"
  missed   = "skip"
}
