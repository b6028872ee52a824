# The last zone. Gates open on a timetable; inside, everything is counted.

param "gate_toll" {
  type    = int
  default = 250
  range   = [0, 5000]
  unit    = "coins"
  doc     = "paid to enter while the gates stand open"
}

param "guard_patience" {
  type    = int
  default = 3
  range   = [1, 20]
  unit    = "chests"
  doc     = "chests opened in ten minutes before the guard comes"
}

param "throne_bonus" {
  type    = decimal
  default = 1.0
  range   = [0.5, 3.0]
  doc     = "multiplies drops in the throne room"
}

param "heist_level" {
  type    = int
  default = 70
  range   = [40, 100]
  doc     = "level from which the vault may be tried"
}

condition "in_citadel" { when = trigger.zone == "citadel" }
condition "gates_open" { when = active(gate_hours) }
condition "heist_ready" { when = condition.in_citadel && trigger.level >= param.heist_level }

condition "guard_called" {
  when = condition.in_citadel && rate(chests_opened) > param.guard_patience
}

condition "silent_heist" {
  when = condition.heist_ready && trigger.noise <= 15 && trigger.tool == "lockpick"
}

condition "courtier" { when = condition.in_citadel && trigger.reputation >= 400 }
condition "outlaw" { when = condition.in_citadel && trigger.reputation <= -400 }

rule "citadel_toll" {
  on   = enter_zone
  when = condition.in_citadel && condition.gates_open
  emit "charge" {
    coins  = param.gate_toll
    reason = "gate_toll"
  }
}

rule "citadel_wall" {
  on   = enter_zone
  when = condition.in_citadel && !condition.gates_open && trigger.level < 80
  emit "refuse" { text = "the_gates_are_shut" }
}

rule "citadel_vault" {
  on   = chest_open
  when = condition.silent_heist && trigger.chest == "vault"
  emit "drop" {
    table = royal_vault
    count = 1
  }
}

rule "citadel_clumsy" {
  on   = chest_open
  when = condition.heist_ready && trigger.chest == "vault" && trigger.noise > 15
  emit "alarm" { guards = 2 + trigger.noise / 20 }
}

rule "citadel_guard" {
  on   = chest_open
  when = condition.guard_called
  emit "spawn" {
    creature = "royal_guard"
    count    = 2
    delay    = "4s"
  }
}

rule "citadel_throne" {
  on   = monster_kill
  when = condition.in_citadel && trigger.elite && chance(0.15 * param.throne_bonus)
  emit "drop" {
    table = throne_room
    count = 1
  }
}

rule "citadel_service" {
  on   = quest_done
  when = condition.courtier && trigger.tier >= 3
  emit "drop" {
    table = throne_room
    count = trigger.flawless ? 2 : 1
  }
}

rule "citadel_contraband" {
  on   = quest_done
  when = condition.outlaw
  emit "drop" {
    table = smuggler_stash
    count = 1
  }
}

rule "citadel_lock" {
  on   = puzzle_solved
  when = condition.in_citadel && trigger.attempts == 1
  emit "reveal" {
    what   = "secret_passage"
    radius = 30
  }
}

rule "gates_swing" {
  on = timer.gate_hours
  broadcast "citadel.gates" {
    open = true
    toll = param.gate_toll
  }
}

loot_table "royal_vault" {
  entry "gold_bar" {
    weight = 500
    count  = [1, 2]
  }
  entry "crown_jewel"  { weight = 40 }
  entry "state_secret" { weight = 60 }
  entry "gems" {
    weight = 200
    table  = fine_gems
  }
  entry "dragon_seal" {
    weight = 2
    when   = trigger.level >= 90
  }
}

loot_table "throne_room" {
  entry "silk_banner" { weight = 400 }
  entry "gold_goblet" { weight = 250 }
  entry "royal_writ"  { weight = 60 }
  entry "gems" {
    weight = 90
    table  = common_gems
  }
}

loot_table "smuggler_stash" {
  entry "contraband" {
    weight = 500
    count  = [1, 3]
  }
  entry "forged_writ" { weight = 150 }
  entry "poison_vial" { weight = 80 }
  entry "cache" {
    weight = 60
    table  = bandit_cache
  }
}

timer "gate_hours" {
  cron     = "0 8,20 * * *"
  zone     = "Europe/London"
  duration = "3h"
  missed   = "skip"
}
