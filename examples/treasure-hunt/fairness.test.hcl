# What a person cannot do.

test "out of reach is refused, far out of reach is looked at" {
  on = loot_claim
  cases = [
    { name = "a step too far", trigger = { distance = 200 }, fired = [claim_out_of_reach], not_fired = [claim_teleport] },
    { name = "another map", trigger = { distance = 10000 }, fired = [claim_teleport], not_fired = [claim_out_of_reach] },
    { name = "at one's feet", trigger = { distance = 0 }, not_fired = [claim_out_of_reach, claim_teleport] },
  ]
}

test "who was asleep finds it in the mailbox" {
  on      = loot_claim
  trigger = { idle = "20m1s", value = 350 }
  expect "mail" {
    payload = { text = "found_while_resting", value = 350 }
  }
}

test "a newcomer does not find a jackpot" {
  on      = loot_claim
  trigger = { level = 9, value = 250001 }
  fired   = [claim_improbable]
  expect "hold" {
    rule    = claim_improbable
    payload = { lasts = "1h", reason = "improbable" }
  }
}
