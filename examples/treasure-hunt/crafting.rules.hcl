# The forge, the still and the loom. Quality comes from patience and the right hour.

param "masterwork_quality" {
  type    = decimal
  default = 0.92
  range   = [0.5, 1.0]
  doc     = "quality from which a piece is a masterwork"
}

param "forge_bonus" {
  type    = decimal
  default = 1.3
  range   = [1.0, 3.0]
  doc     = "multiplies masterwork odds while the great forge burns"
}

param "scrap_return" {
  type    = int
  default = 30
  range   = [0, 100]
  unit    = "percent"
  doc     = "share of materials returned from a failure"
}

param "rush_penalty" {
  type    = decimal
  default = 0.15
  range   = [0.0, 0.5]
  doc     = "quality lost to rushing"
}

param "inspiration_chance" {
  type    = decimal
  default = 0.03
  range   = [0.0, 0.2]
  doc     = "chance of an inspired piece"
}

condition "masterwork" { when = trigger.quality >= param.masterwork_quality }
condition "botched" { when = trigger.quality < 0.25 }
condition "rushed_job" { when = trigger.rushed && trigger.quality < 0.7 }
condition "forge_lit" { when = active(great_forge) }
condition "thrifty" { when = trigger.materials <= 4 * trigger.tier }
condition "apprentice" { when = trigger.level < 20 && trigger.tier >= 3 }
condition "inspired" { when = !trigger.rushed && chance(param.inspiration_chance) }
condition "grand_piece" { when = trigger.tier == 5 && condition.masterwork }

rule "craft_masterwork" {
  on   = craft
  when = condition.masterwork && !condition.grand_piece && chance(0.3 * param.forge_bonus)
  emit "drop" {
    table = artisan_marks
    count = condition.forge_lit ? 2 : 1
  }
}

rule "craft_grand" {
  on   = craft
  when = condition.grand_piece
  emit "title" { name = "grand_artisan" }
  broadcast "hunt.masterwork" {
    tier    = trigger.tier
    quality = trigger.quality
  }
}

rule "craft_botched" {
  on   = craft
  when = condition.botched
  emit "refund" { materials = trigger.materials * param.scrap_return / 100 }
  emit "drop" {
    table = workshop_scrap
    count = 1
  }
}

rule "craft_rushed" {
  on   = craft
  when = condition.rushed_job && !condition.botched
  emit "penalty" { quality = max(trigger.quality - param.rush_penalty, 0.0) }
}

rule "craft_thrifty" {
  on   = craft
  when = condition.thrifty && trigger.quality >= 0.6 && trigger.tier >= 2
  emit "credit" {
    coins  = 4 * trigger.tier
    reason = "thrift"
  }
}

rule "craft_apprentice" {
  on   = craft
  when = condition.apprentice && condition.masterwork
  emit "toast" {
    text = "the_master_raises_an_eyebrow"
    tier = trigger.tier
  }
}

rule "craft_inspired" {
  on   = craft
  when = condition.inspired && trigger.tier >= 3
  emit "drop" {
    table = artisan_marks
    count = 1
  }
}

rule "craft_night_shift" {
  on   = craft
  when = condition.forge_lit && rate(crafts) >= 5 && trigger.quality > 0.5
  emit "buff" {
    name  = "hot_iron"
    lasts = "10m"
  }
}

rule "craft_lantern_work" {
  on   = craft
  when = trigger.tool == "lantern" && active(owl_hour)
  emit "drop" {
    table = workshop_scrap
    count = 2
  }
}

rule "forge_burns" {
  on = timer.great_forge
  broadcast "forge.burns" {
    zone  = "peaks"
    bonus = param.forge_bonus
  }
}

loot_table "artisan_marks" {
  entry "copper_mark" { weight = 500 }
  entry "silver_mark" { weight = 200 }
  entry "golden_mark" { weight = 30 }
  entry "pattern_book" {
    weight = 20
    when   = trigger.level >= 25
  }
}

loot_table "workshop_scrap" {
  entry "iron_filings" {
    weight = 500
    count  = [1, 4]
  }
  entry "leather_scrap" {
    weight = 400
    count  = [1, 3]
  }
  entry "bent_nail"   { weight = 200 }
  entry "intact_core" { weight = 10 }
}

timer "great_forge" {
  cron     = "0 17 * * MON-FRI"
  zone     = "Asia/Tokyo"
  duration = "2h"
  missed   = "skip"
}
