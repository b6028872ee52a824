# What a boss gives, to whom, and what the fleet hears of it.

test "the purse grows with the level" {
  on      = boss_kill
  trigger = { boss = "moss_giant", zone = "meadow", deaths = 1 }
  cases = [
    { name = "level 1", trigger = { level = 1 }, payload = { coins = 129 } },
    { name = "level 50", trigger = { level = 50 }, payload = { coins = 570 } },
    { name = "level 100", trigger = { level = 100 }, payload = { coins = 1020 } },
    { name = "a generous season", params = { boss_gold = 1000 }, payload = { coins = 1009 } },
  ]
  expect "credit" {
    rule    = boss_purse
    payload = { reason = "boss" }
  }
}

test "farming bosses gives leftovers and no purse" {
  on        = boss_kill
  trigger   = { level = 50, boss = "kraken", zone = "meadow", deaths = 1 }
  rates     = { boss_runs = 13 }
  fired     = [boss_leftovers]
  not_fired = [boss_purse]
  expect "drop" {
    rule     = boss_leftovers
    rolls    = 1
    eligible = [copper_coin, torn_hide]
  }
}

test "the twelfth kill of an hour is not yet farming" {
  on        = boss_kill
  trigger   = { level = 50 }
  rates     = { boss_runs = 12 }
  fired     = [boss_purse]
  not_fired = [boss_leftovers]
}

test "a first kill pays three times and gives a chest" {
  on      = boss_kill
  trigger = { level = 20, first = true, deaths = 1 }
  fired   = [boss_first_kill]
  expect "credit" {
    rule    = boss_first_kill
    payload = { coins = 360, reason = "first_kill" }
  }
  expect "drop" {
    rule  = boss_first_kill
    rolls = 1
  }
}

test "a beginner's first kill is no first kill" {
  on        = boss_kill
  trigger   = { level = 19, first = true }
  not_fired = [boss_first_kill]
}

test "a trophy mount needs level 30" {
  on      = boss_kill
  trigger = { first = true, deaths = 1 }
  cases = [
    { name = "level 29", trigger = { level = 29 }, not_eligible = [boss_trophies.trophy_mount] },
    { name = "level 30", trigger = { level = 30 }, eligible = [boss_trophies.trophy_mount] },
  ]
  expect "drop" { rule = boss_first_kill }
}

test "a fast kill counts from level 30" {
  on      = boss_kill
  trigger = { took = "2m59s", deaths = 1, party = 3 }
  cases = [
    { name = "level 29", trigger = { level = 29 }, not_fired = [boss_speed] },
    { name = "level 30", trigger = { level = 30 }, fired = [boss_speed] },
    { name = "a second slower", trigger = { level = 30, took = "3m" }, not_fired = [boss_speed] },
  ]
}

test "who dies often gets something for it" {
  on      = boss_kill
  trigger = { level = 5, deaths = 10, took = "40m" }
  fired   = [boss_mercy, boss_slog]
  expect "toast" {
    rule    = boss_mercy
    payload = { text = "you_got_there", deaths = 10 }
  }
  expect "drop" {
    rule     = boss_mercy
    eligible = [bandage, healing_draught, silver_coin]
  }
}

test "a lich in its crypt gives its phylactery" {
  on        = boss_kill
  trigger   = { boss = "lich", zone = "crypt", level = 45, took = "6m" }
  fired     = [lich_falls]
  not_fired = [lich_lured]
  expect "drop" {
    rule  = lich_falls
    rolls = 1
  }
}

test "a lich that was lured out of its crypt is told to the team" {
  on      = boss_kill
  trigger = { boss = "lich", level = 45, took = "6m", deaths = 1 }
  fired   = [lich_lured]
  cases = [
    { trigger = { zone = "meadow" }, payload = { zone = "meadow" } },
    { trigger = { zone = "citadel" }, payload = { zone = "citadel" } },
  ]
  expect "review" { payload = { reason = "lured_boss" } }
}

test "a kraken is a boss of the sea" {
  on      = boss_kill
  trigger = { boss = "kraken", level = 30, deaths = 1 }
  cases = [
    { name = "in the reef", trigger = { zone = "reef" }, fired = [kraken_falls] },
    { name = "on land", trigger = { zone = "peaks" }, not_fired = [kraken_falls] },
  ]
}

test "a dragon is told to everybody and gives a full party twice as much" {
  on      = boss_kill
  trigger = { boss = "dragon", zone = "peaks", level = 96, took = "22m", deaths = 3 }
  fired   = [dragon_falls]
  cases = [
    { name = "four", trigger = { party = 4 }, payload = { party = 4 } },
    { name = "five", trigger = { party = 5 }, payload = { party = 5 } },
  ]
  expect "dragon.slain" {
    payload = { zone = "peaks", took = "22m" }
  }
}

test "the hoard of a full party is rolled four times" {
  on      = boss_kill
  trigger = { boss = "dragon", zone = "peaks", level = 96, deaths = 3 }
  cases = [
    { trigger = { party = 4 }, rolls = 2 },
    { trigger = { party = 5 }, rolls = 4 },
  ]
  expect "drop" { rule = dragon_falls }
}

test "a dragon in a storm loses scales from level 60" {
  on      = boss_kill
  trigger = { boss = "dragon", weather = "storm", deaths = 1, party = 2 }
  cases = [
    { name = "level 59", trigger = { level = 59 }, not_fired = [dragon_falls_in_storm] },
    { name = "level 60", trigger = { level = 60 }, fired = [dragon_falls_in_storm] },
    { name = "in the rain", trigger = { level = 60, weather = "rain" }, not_fired = [dragon_falls_in_storm] },
  ]
}

test "whoever kills a dragon alone gets a title" {
  on      = boss_kill
  trigger = { boss = "dragon", level = 94, party = 1, deaths = 2 }
  fired   = [dragon_solo]
  expect "title" {
    payload = { name = "dragonsbane" }
  }
  expect "hunt.feat" {
    payload = { feat = "dragon_alone", level = 94 }
  }
}

test "no legendary falls when its odds are zero" {
  on        = boss_kill
  trigger   = { level = 100, deaths = 1 }
  params    = { legend_odds = 0 }
  not_fired = [boss_legendary]
  cases     = [{ seed = 1 }, { seed = 2 }, { seed = 3 }, { seed = 1000003 }]
}
