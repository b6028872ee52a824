# Hunting together: shares, mentors, and prizes that need more than one pair of hands.

param "party_share" {
  type    = decimal
  default = 0.1
  range   = [0.0, 0.5]
  doc     = "extra experience for each companion"
}

param "trio_chance" {
  type    = decimal
  default = 0.08
  range   = [0.0, 0.4]
  doc     = "chance of the trio purse"
}

param "raid_level" {
  type    = int
  default = 50
  range   = [10, 100]
  doc     = "level from which a full party counts as a raid"
}

param "companion_heal" {
  type    = int
  default = 8
  range   = [0, 100]
  unit    = "hitpoints"
  doc     = "what a warden gives the party for an elite"
}

condition "duo" { when = trigger.party == 2 }
condition "trio" { when = trigger.party == 3 }
condition "company" { when = trigger.party >= 4 }
condition "raid" { when = trigger.party == 5 && trigger.level >= param.raid_level }
condition "warden_lead" { when = trigger.role == "warden" && condition.company }
condition "long_combo" { when = trigger.combo >= 50 }
condition "party_hour" { when = active(fellowship_hour) }
condition "fair_fight" { when = trigger.overkill < 2.0 }

rule "party_experience" {
  on   = monster_kill
  when = trigger.party >= 2 && condition.fair_fight
  emit "experience" {
    points = 10 + trigger.level
    share  = param.party_share * (trigger.party - 1)
  }
}

rule "duo_spark" {
  on   = monster_kill
  when = condition.duo && trigger.combo % 20 == 19
  emit "buff" {
    name  = "in_step"
    lasts = "1m"
  }
}

rule "trio_purse" {
  on   = monster_kill
  when = condition.trio && trigger.elite && chance(param.trio_chance)
  emit "drop" {
    table = party_purse
    count = 3
  }
}

rule "warden_heals" {
  on   = monster_kill
  when = condition.warden_lead && trigger.elite
  emit "heal" {
    hitpoints = param.companion_heal * trigger.party
    source    = "warden"
  }
}

rule "company_combo" {
  on   = monster_kill
  when = condition.company && condition.long_combo && rate(kills) < 60
  emit "drop" {
    table = party_purse
    count = 1
  }
}

rule "fellowship_bonus" {
  on   = monster_kill
  when = condition.party_hour && trigger.party >= 2 && chance(0.06)
  emit "drop" {
    table = fellowship_gifts
    count = 1
  }
}

rule "raid_roll" {
  on   = boss_kill
  when = condition.raid && !condition.boss_farming
  emit "drop" {
    table = raid_cache
    count = condition.clean_kill ? 3 : 2
  }
}

rule "raid_record" {
  on   = boss_kill
  when = condition.raid && trigger.took < "8m" && trigger.deaths <= 2
  broadcast "hunt.record" {
    boss = trigger.boss
    took = trigger.took
  }
}

rule "party_riddle" {
  on   = puzzle_solved
  when = condition.company && trigger.hints == 0 && trigger.attempts <= 10
  emit "drop" {
    table = party_purse
    count = trigger.party
  }
}

rule "party_quest" {
  on   = quest_done
  when = trigger.party >= 2 && trigger.flawless && trigger.took < "2h"
  emit "experience" {
    points = 200 * trigger.tier
    share  = param.party_share
  }
}

rule "marching_together" {
  on   = enter_zone
  when = condition.company && condition.party_hour
  emit "buff" {
    name  = "marching_song"
    lasts = "15m"
  }
}

rule "shared_find" {
  on   = treasure_found
  when = trigger.party >= 3 && trigger.value >= 5000
  emit "split" {
    value = trigger.value / trigger.party
    party = trigger.party
  }
}

rule "fellowship_opens" {
  on = timer.fellowship_hour
  broadcast "fellowship.hour" { share = param.party_share }
}

loot_table "party_purse" {
  entry "silver_coin" {
    weight = 500
    count  = [3, 9]
  }
  entry "shared_meal"  { weight = 300 }
  entry "banner_cloth" { weight = 120 }
  entry "gem" {
    weight = 60
    table  = common_gems
  }
}

loot_table "fellowship_gifts" {
  entry "carved_token" { weight = 400 }
  entry "spiced_cider" {
    weight = 300
    count  = 2
  }
  entry "purse" {
    weight = 150
    table  = party_purse
  }
}

loot_table "raid_cache" {
  entry "gold_pile" {
    weight = 500
    count  = [1, 2]
  }
  entry "raid_sigil" { weight = 200 }
  entry "trophy" {
    weight = 200
    table  = boss_trophies
  }
  entry "arms" {
    weight = 6
    table  = legendary_arms
  }
}

timer "fellowship_hour" {
  cron     = "0 20 * * WED"
  zone     = "America/Los_Angeles"
  duration = "1h"
  missed   = "skip"
}
