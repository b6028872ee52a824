# The first hours decide who stays. Help is generous here and fades with level.

param "newcomer_level" {
  type    = int
  default = 12
  range   = [3, 30]
  doc     = "below this level a player counts as new"
}

param "welcome_coins" {
  type    = int
  default = 100
  range   = [0, 2000]
  unit    = "coins"
  doc     = "coins in the welcome purse"
  # The newest region: whoever comes early finds more in it, the most on the shard that opened first.
  override {
    zone  = "sa-east"
    value = 150
  }
  override {
    zone  = "sa-east"
    shard = "sa-east-1"
    value = 250
  }
}

param "comeback_days" {
  type    = int
  default = 14
  range   = [3, 365]
  unit    = "days"
  doc     = "days away after which somebody is welcomed back"
}

param "streak_chest_every" {
  type    = int
  default = 7
  range   = [2, 60]
  unit    = "days"
  doc     = "login days between streak chests"
}

param "rescue_combo" {
  type    = int
  default = 3
  range   = [1, 20]
  unit    = "kills"
  doc     = "combo at which a newcomer gets a helping hand"
}

condition "newcomer" { when = trigger.level < param.newcomer_level }
condition "first_day" { when = trigger.account_age < "1d" }
condition "long_away" { when = trigger.days_away >= param.comeback_days }
condition "very_long_away" { when = trigger.days_away >= 180 && trigger.level >= 20 }

condition "streak_due" {
  when = trigger.login_streak > 0 && trigger.login_streak % param.streak_chest_every == 0
}

condition "anniversary" {
  when = trigger.account_age >= "365d" && trigger.login_streak % 365 == 0
}

condition "lonely_newcomer" { when = condition.newcomer && trigger.party == 1 }

condition "lost_newcomer" {
  when = condition.newcomer && one_of(trigger.zone, "crypt", "citadel", "peaks")
}

rule "welcome_purse" {
  on   = player_join
  when = condition.newcomer && condition.first_day
  emit "credit" {
    coins  = param.welcome_coins
    reason = "welcome"
  }
  emit "drop" {
    table = starter_kit
    count = 1
  }
}

rule "welcome_back" {
  on   = player_join
  when = condition.long_away && !condition.very_long_away
  emit "drop" {
    table = comeback_parcel
    count = 1
  }
}

rule "welcome_home" {
  on   = player_join
  when = condition.very_long_away
  emit "drop" {
    table = comeback_parcel
    count = 3
  }
  emit "toast" {
    text = "we_kept_your_seat"
    days = trigger.days_away
  }
}

rule "streak_chest" {
  on   = player_join
  when = condition.streak_due && trigger.days_away <= 1
  emit "drop" {
    table = streak_chest
    count = min(1 + trigger.login_streak / 30, 4)
  }
}

rule "anniversary_cake" {
  on   = player_join
  when = condition.anniversary && trigger.login_streak > 0
  emit "drop" {
    table = festival_gifts
    count = 5
  }
}

rule "evening_greeting" {
  on   = player_join
  when = active(fellowship_hour) && !condition.first_day && trigger.level >= 10
  emit "toast" { text = "find_a_party" }
}

rule "newcomer_lantern" {
  on   = enter_zone
  when = condition.lost_newcomer && trigger.visits < 2
  emit "grant" {
    item  = "lantern"
    lasts = "30m"
  }
}

rule "newcomer_escort" {
  on   = enter_zone
  when = condition.lonely_newcomer && trigger.zone != "meadow" && active(ranger_patrol)
  emit "escort" { lasts = "10m" }
}

rule "newcomer_rescue" {
  on   = monster_kill
  when = condition.lonely_newcomer && trigger.combo == param.rescue_combo
  emit "heal" {
    hitpoints = 20
    source    = "helping_hand"
  }
}

rule "newcomer_elite" {
  on   = monster_kill
  when = condition.newcomer && trigger.elite
  emit "drop" {
    table = starter_kit
    count = 1
  }
  emit "toast" { text = "that_was_big" }
}

rule "newcomer_first_dig" {
  on   = dig
  when = condition.newcomer && trigger.streak == 0 && trigger.depth <= 2
  emit "drop" {
    table = meadow_soil
    count = 1
  }
}

rule "newcomer_first_craft" {
  on   = craft
  when = condition.newcomer && trigger.tier == 1 && trigger.quality >= 0.2
  emit "toast" { text = "made_by_hand" }
}

rule "newcomer_trade_advice" {
  on   = trade
  when = trigger.level < param.newcomer_level && condition.gift_like
  emit "confirm" {
    text = "prices_explained"
    fair = trigger.fair_value
  }
}

rule "patrol_sets_out" {
  on = timer.ranger_patrol
  broadcast "patrol.sets_out" {
    zone    = "forest"
    rangers = 2 + pick(3)
  }
}

loot_table "starter_kit" {
  entry "shovel" { weight = 300 }
  entry "bandage" {
    weight = 300
    count  = 3
  }
  entry "ration" {
    weight = 300
    count  = [2, 4]
  }
  entry "lucky_clover" { weight = 10 }
}

loot_table "comeback_parcel" {
  entry "healing_draught" {
    weight = 300
    count  = [2, 4]
  }
  entry "silver_coin" {
    weight = 300
    count  = [10, 20]
  }
  entry "kit" {
    weight = 200
    table  = starter_kit
  }
  entry "treasure_map" {
    weight = 30
    when   = trigger.level >= 15
  }
}

loot_table "streak_chest" {
  entry "silver_coin" {
    weight = 500
    count  = [3, 8]
  }
  entry "gem" {
    weight = 150
    table  = common_gems
  }
  entry "festival_ticket" { weight = 100 }
}

timer "ranger_patrol" {
  every    = "2h"
  duration = "40m"
  missed   = "skip"
  jitter   = "10m"
}
