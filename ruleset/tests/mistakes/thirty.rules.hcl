# Thirty mistakes. The comment above a line names the code that is reported on that line.
ruleset "thirty" {
  dialect = 1
  context = "hunt@1"
}

# C0307 values without quotes
enum "zone" { values = [meadow, forest, crypt] }

trigger "boss_kill" {
  fields = {
    level = int(1, 100)
    zone  = zone
    elite = bool
    share = decimal(0.0, 5.0)
    # C0405 a type that does not exist
    name  = string
  }
}

trigger "login" { fields = {} }

param "bonus" {
  type    = decimal
  # C0609 a default outside its range
  default = 9.5
  range   = [0.0, 5.0]
}

param "chest_count" {
  # C0202 a colon for the sign of an attribute
  type: int(1, 5)
  default = 2
}

param "tries" {
  type    = int(0, 5)
  # C0501 a number in quotes
  default = "3"
}

# C0404 a name that looks like another
param "b0nus" {
  type    = bool
  default = true
}

# C0301 a block of another language
variable "gold" {
  type    = int(1, 10)
  default = 5
}

counter "kills" {
  on     = boss_kill
  per    = player
  # C0505 a duration in words
  window = "5 minutes"
}

timer "night" {
  # C0801 an hour that does not exist
  cron     = "0 25 * * FRI"
  zone     = "Europe/Paris"
  duration = "2h"
}

timer "dawn" {
  cron = "0 6 * * *"
  # C0802 a time zone that does not exist
  zone = "Europe/Pariss"
}

# C0202 one sign of equality for two
condition "deep" { when = trigger.zone = "crypt" }

# C0103 a string that is not closed
condition "dark" { when = trigger.zone == "forest }

# C0202 a word for an operator
condition "both" { when = trigger.elite and trigger.level > 5 }

# C0606 a condition that always holds
condition "grown" { when = trigger.level >= 1 }

# C0607 a condition that never holds
condition "nobody" { when = trigger.level > 60 && trigger.level < 40 }

loot_table "chest" {
  # C0703 a weight of nothing
  entry "gold" { weight = 0 }
  # C0211 two attributes on one line
  entry "gems" { weight = 5, count = 2 }
  entry "dust" { weight = 95 }
}

# C0702 a table that may have nothing to give
loot_table "crown" {
  entry "crown" {
    weight = 1
    when   = trigger.elite
  }
}

rule "drop" {
  on   = boss_kill
  # C0406 a field with a slip of the pen
  when = trigger.levle >= 10
  emit "drop" { table = chest }
}

# C0403 a name that is taken
rule "drop" {
  on   = boss_kill
  # C0101 quotes of a word processor
  when = trigger.zone == “crypt”
  emit "drop" { table = chest }
}

rule "average" {
  on = boss_kill
  # C0602 a divisor that can be zero
  emit "average" { value = 100 / (trigger.level - 50) }
}

rule "huge" {
  on = boss_kill
  # C0601 a product without bounds
  emit "huge" { value = trigger.level * 999999999999999999 }
}

rule "lucky" {
  on   = boss_kill
  # C0603 a chance above one
  when = chance(param.bonus)
  emit "lucky" {}
}

rule "branches" {
  on = boss_kill
  # C0203 a statement of another language
  if trigger.level > 5 {
    emit "a" {}
  } else {
    emit "b" {}
  }
}

rule "greeting" {
  on   = login
  # C0407 a condition that needs a field of another trigger
  when = condition.both
  emit "hello" {}
}

rule "dragon" {
  on = timer.night
  # C0903 an answer where nobody asked
  emit "dragon" {}
}

# C0901 a rule that does nothing
rule "idle" {
  on = boss_kill
}

# C0204 a block without its end
rule "open" {
  on   = boss_kill
  when = trigger.level > 70
  emit "a" {}

rule "last" {
  on   = boss_kill
  # C0408 a function that does not exist
  when = random() < 0.5
  emit "a" {}
}
