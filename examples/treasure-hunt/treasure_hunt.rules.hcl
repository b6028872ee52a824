# What the game supplies, and the few words that every file shares.

ruleset "treasure_hunt" {
  dialect = 1
  context = "hunt@3"
}

enum "zone" { values = ["meadow", "forest", "reef", "crypt", "peaks", "citadel"] }
enum "weather" { values = ["clear", "rain", "fog", "storm", "snow"] }
enum "rarity" { values = ["common", "uncommon", "rare", "epic", "legendary"] }
enum "boss" { values = ["bandit_king", "moss_giant", "kraken", "lich", "storm_roc", "dragon"] }
enum "chest" { values = ["crate", "coffer", "reliquary", "mimic", "vault"] }
enum "tool" { values = ["bare_hands", "shovel", "pickaxe", "lockpick", "lantern", "grapple"] }
enum "role" { values = ["scout", "warden", "mage", "delver"] }

# A boss falls. `took` runs from the first blow, `deaths` counts the whole party's.
trigger "boss_kill" {
  fields = {
    level   = int(1, 100)
    zone    = zone
    boss    = boss
    role    = role
    party   = int(1, 5)
    took    = duration("0s", "2h")
    deaths  = int(0, 50)
    first   = bool
    weather = weather
  }
}

trigger "monster_kill" {
  fields = {
    level    = int(1, 100)
    zone     = zone
    elite    = bool
    role     = role
    party    = int(1, 5)
    combo    = int(0, 500)
    overkill = decimal(0.0, 10.0)
    weather  = weather
  }
}

trigger "chest_open" {
  fields = {
    level        = int(1, 100)
    zone         = zone
    chest        = chest
    tool         = tool
    role         = role
    noise        = int(0, 100)
    trapped      = bool
    opened_today = int(0, 1000)
  }
}

trigger "dig" {
  fields = {
    level    = int(1, 100)
    zone     = zone
    tool     = tool
    depth    = int(0, 30)
    accuracy = decimal(0.0, 1.0)
    clue     = bool
    streak   = int(0, 100)
    weather  = weather
  }
}

trigger "puzzle_solved" {
  fields = {
    level    = int(1, 100)
    zone     = zone
    attempts = int(1, 100)
    hints    = int(0, 5)
    took     = duration("0s", "4h")
    party    = int(1, 5)
  }
}

trigger "quest_done" {
  fields = {
    level      = int(1, 100)
    zone       = zone
    tier       = int(1, 5)
    took       = duration("0s", "30d")
    party      = int(1, 5)
    flawless   = bool
    reputation = int(-1000, 1000)
  }
}

# Somebody digs up, opens or is given something worth telling others.
trigger "treasure_found" {
  fields = {
    level  = int(1, 100)
    zone   = zone
    rarity = rarity
    value  = int(0, 1000000)
    streak = int(0, 100)
    party  = int(1, 5)
  }
}

trigger "loot_claim" {
  fields = {
    level    = int(1, 100)
    zone     = zone
    rarity   = rarity
    value    = int(0, 1000000)
    distance = int(0, 10000)
    idle     = duration("0s", "1d")
  }
}

trigger "trade" {
  fields = {
    level        = int(1, 100)
    value        = int(0, 1000000)
    fair_value   = int(1, 1000000)
    same_partner = int(0, 500)
    account_age  = duration("0s", "3650d")
  }
}

trigger "craft" {
  fields = {
    level     = int(1, 100)
    tier      = int(1, 5)
    quality   = decimal(0.0, 1.0)
    tool      = tool
    materials = int(1, 60)
    rushed    = bool
  }
}

trigger "enter_zone" {
  fields = {
    level   = int(1, 100)
    zone    = zone
    party   = int(1, 5)
    weather = weather
    visits  = int(0, 100000)
    burden  = decimal(0.0, 2.0)
  }
}

trigger "player_join" {
  fields = {
    level        = int(1, 100)
    account_age  = duration("0s", "3650d")
    days_away    = int(0, 3650)
    login_streak = int(0, 3650)
    zone         = zone
  }
}

# How often one player does something, over a sliding window.
counter "claims" {
  on     = loot_claim
  per    = player
  window = "1m"
}

counter "claims_hourly" {
  on     = loot_claim
  per    = player
  window = "1h"
}

counter "trades" {
  on     = trade
  per    = player
  window = "10m"
}

counter "digs" {
  on     = dig
  per    = player
  window = "5m"
}

counter "chests_opened" {
  on     = chest_open
  per    = player
  window = "10m"
}

counter "boss_runs" {
  on     = boss_kill
  per    = player
  window = "1h"
}

counter "kills" {
  on     = monster_kill
  per    = player
  window = "1m"
}

counter "crafts" {
  on     = craft
  per    = player
  window = "10m"
}

counter "joins" {
  on     = player_join
  per    = player
  window = "10m"
}
