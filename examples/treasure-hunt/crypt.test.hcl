# The crypt by day and by night. Friday, 20 November 2026, 20:00 in Paris is 19:00 UTC.

test "a veteran may find something in the crypt" {
  on      = boss_kill
  trigger = { level = 10, zone = "crypt", boss = "moss_giant", deaths = 1 }
  params  = { drop_bonus = 5.0 }
  cases = [
    { name = "this seed does", seed = 5, fired = [crypt_drop] },
    { name = "this one does not", seed = 1, not_fired = [crypt_drop] },
    { name = "not below level 10", seed = 5, trigger = { level = 9 }, not_fired = [crypt_drop] },
    { name = "not with five claims", seed = 5, rates = { claims = 5 }, not_fired = [crypt_drop] },
    { name = "not without odds", seed = 5, params = { drop_bonus = 0 }, not_fired = [crypt_drop] },
  ]
}

test "night opal falls in a hunt night alone" {
  on      = boss_kill
  trigger = { level = 10, zone = "crypt", boss = "moss_giant", deaths = 1 }
  params  = { drop_bonus = 5.0 }
  seed    = 5
  cases = [
    { name = "a minute before", now = "2026-11-20T18:59:00Z", rolls = 1, not_eligible = [night_opal] },
    { name = "from eight o'clock", now = "2026-11-20T19:00:00Z", rolls = 2, eligible = [night_opal] },
    { name = "until ten", now = "2026-11-20T20:59:59Z", rolls = 2, eligible = [night_opal] },
    { name = "and then no more", now = "2026-11-20T21:00:00Z", rolls = 1, not_eligible = [night_opal] },
    { name = "not on a Thursday", now = "2026-11-19T19:30:00Z", rolls = 1, not_eligible = [night_opal] },
  ]
  expect "drop" { rule = crypt_drop }
}

test "a lich crown needs level 40" {
  on      = boss_kill
  trigger = { zone = "crypt", boss = "moss_giant", deaths = 1 }
  params  = { drop_bonus = 5.0 }
  seed    = 5
  cases = [
    { trigger = { level = 39 }, not_eligible = [lich_crown] },
    { trigger = { level = 40 }, eligible = [lich_crown] },
  ]
  expect "drop" { rule = crypt_drop }
}

test "the sexton pays for bones by the head" {
  on      = monster_kill
  trigger = { zone = "crypt", party = 4, level = 12 }
  seed    = 5
  fired   = [crypt_bones]
  expect "credit" {
    rule    = crypt_bones
    payload = { coins = 12 }
  }
}

test "vespers heal wardens" {
  on      = monster_kill
  trigger = { zone = "crypt", role = "warden", level = 55 }
  cases = [
    { name = "while the bell rings", active = { vespers = true }, fired = [crypt_vespers_rest] },
    { name = "not after", active = { vespers = false }, not_fired = [crypt_vespers_rest] },
    { name = "not mages", active = { vespers = true }, trigger = { role = "mage" }, not_fired = [crypt_vespers_rest] },
  ]
}

test "the healing grows with the level" {
  on      = monster_kill
  trigger = { zone = "crypt", role = "warden", level = 55 }
  active  = { vespers = true }
  expect "heal" {
    rule    = crypt_vespers_rest
    payload = { hitpoints = 10, source = "vespers" }
  }
}

test "who opens too many chests wakes the dead" {
  on      = chest_open
  trigger = { zone = "crypt", chest = "crate" }
  cases = [
    { name = "eight", rates = { chests_opened = 8 }, payload = { count = 2 } },
    { name = "forty", rates = { chests_opened = 40 }, payload = { count = 6 } },
  ]
  expect "spawn" {
    rule    = crypt_restless
    payload = { creature = "revenant", delay = "5s" }
  }
}

test "seven chests wake nobody" {
  on        = chest_open
  trigger   = { zone = "crypt" }
  rates     = { chests_opened = 7 }
  not_fired = [crypt_restless]
}

test "a riddle of the crypt gives three friends two relics" {
  on      = puzzle_solved
  trigger = { zone = "crypt", attempts = 3, level = 50 }
  cases = [
    { trigger = { party = 2 }, rolls = 1, eligible = [martyr_crown] },
    { trigger = { party = 3 }, rolls = 2, eligible = [martyr_crown] },
    { trigger = { party = 3, level = 49 }, rolls = 2, not_eligible = [martyr_crown] },
  ]
  expect "drop" { rule = crypt_inscription }
}

test "a hunt night begins with a dragon" {
  on            = timer.night_hunt
  now           = "2026-11-20T19:00:00Z"
  fired_exactly = [dragon_night]
  cases = [
    { payload = { hp = 500 } },
    { name = "a hard one", params = { dragon_hp = 50000 }, payload = { hp = 50000 } },
  ]
  expect "dragon.spawn" {
    payload = { zone = "crypt", table_hint = "dragon_hoard" }
  }
}

test "the vespers bell tolls seven times" {
  on = timer.vespers
  expect "bell.vespers" { payload = { tolls = 7 } }
}
