# Tables that others refer to. A weight here moves drops everywhere: change it with care.

loot_table "clue_scraps" {
  entry "torn_page"        { weight = 500 }
  entry "charcoal_rubbing" { weight = 300 }
  entry "coded_note"       { weight = 120 }
  entry "treasure_map" {
    weight = 10
    when   = trigger.level >= 15
  }
}

loot_table "common_gems" {
  entry "quartz"   { weight = 400 }
  entry "amethyst" { weight = 300 }
  entry "garnet"   { weight = 200 }
  entry "finer" {
    weight = 60
    table  = fine_gems
  }
}

loot_table "fine_gems" {
  entry "topaz"    { weight = 400 }
  entry "sapphire" { weight = 200 }
  entry "ruby"     { weight = 120 }
  entry "emerald"  { weight = 80 }
  entry "star_diamond" {
    weight = 4
    when   = trigger.level >= 30
  }
}
