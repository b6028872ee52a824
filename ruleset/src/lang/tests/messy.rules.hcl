

// The hunt.
ruleset   "hunt"   {   # one game
  dialect=1 # the language
      context   =   "hunt@1"   # what games supply
}
enum "zone" {values=["meadow","forest",   "crypt",]}
enum "tool" {
  values = ["shovel", # digs
    "lantern"
  ]
}
trigger "kill" { fields = {level=int(1,100),zone=zone,bonus=decimal(0.0,5.0), flag = bool,} }
trigger "dig" {
  fields = {
    level = int(1,100), depth = int( 0 , 30 )


    tool=tool   // in hand
  }
}



param "factor" {
  type    = int
  default =- 5
  range = [- 10 , 10]
  doc     = "keeps   its   blanks # and \"quotes\""
}
/* Conditions
     keep their layout   */
condition "veteran" { when=trigger.level>=40 }
condition "lucky" { when = (
trigger.flag||trigger.zone=="crypt"
  # the crypt is harder
&&   !(trigger.bonus>1.5)

) }
# Loot, rarest last.
loot_table "rare" {

  entry "gold" { weight = 900 }
  entry "lich_crown" { weight = 5 } # one in two hundred
  entry "gem" {
    weight = 10
    count=[1,
3]
    # only for the old ones
    when = trigger.level >= 40
  }
}
rule "drop" {
  on = kill
  when = condition.veteran && condition.lucky && one_of(trigger.zone,
   "forest", "crypt")
  emit "drop" {
    table = rare
    count = trigger.level - 1 >= 80 ? 2:1 /* more for the strong */

  } # done
  on_fault = "skip"
}

# The end.
