# Coins in, coins out. Whatever looks like laundering is slowed, never silently eaten.

param "trade_tax" {
  type    = decimal
  default = 0.05
  range   = [0.0, 0.3]
  doc     = "share of a trade's value that the market keeps"
}

param "market_day_tax" {
  type    = decimal
  default = 0.01
  range   = [0.0, 0.3]
  doc     = "the same on market day"
}

param "generous_factor" {
  type    = int
  default = 4
  range   = [2, 50]
  doc     = "a price this many times the fair value is a gift"
}

param "new_account" {
  type    = duration
  default = "3d"
  range   = ["1h", "30d"]
  doc     = "accounts younger than this trade under watch"
}

param "trade_hold" {
  type    = duration
  default = "10m"
  range   = ["0s", "1d"]
  doc     = "how long a watched trade waits"
}

param "partner_limit" {
  type    = int
  default = 15
  range   = [2, 200]
  unit    = "trades"
  doc     = "trades with one partner that start a review"
}

param "big_trade" {
  type    = int
  default = 50000
  range   = [100, 1000000]
  unit    = "coins"
  doc     = "value from which the ledger notes a trade"
}

param "merchant_discount" {
  type    = decimal
  default = 0.1
  range   = [0.0, 0.5]
  doc     = "discount while the wandering merchant is in town"
}

condition "market_open" { when = active(market_day) }
condition "gift_like" { when = trigger.value >= param.generous_factor * trigger.fair_value }
condition "steal_like" { when = trigger.value * param.generous_factor <= trigger.fair_value }
condition "young_account" { when = trigger.account_age < param.new_account }
condition "same_hands" { when = trigger.same_partner >= param.partner_limit }
condition "big_deal" { when = trigger.value >= param.big_trade }
condition "trade_storm" { when = rate(trades) > 30 }
condition "steady_trader" { when = rate(trades) <= 10 && trigger.account_age > "90d" }

condition "washing" {
  when = condition.same_hands && (condition.gift_like || condition.steal_like)
}

rule "market_tax" {
  on   = trade
  when = !condition.market_open && trigger.value >= 100
  emit "charge" {
    share  = param.trade_tax
    reason = "market_tax"
  }
}

rule "market_day_relief" {
  on   = trade
  when = condition.market_open && trigger.value >= 100
  emit "charge" {
    share  = param.market_day_tax
    reason = "market_day"
  }
}

rule "watched_trade" {
  on   = trade
  when = condition.young_account && condition.big_deal
  emit "hold" {
    lasts  = param.trade_hold
    reason = "young_account"
  }
}

rule "gift_notice" {
  on   = trade
  when = condition.gift_like && !condition.young_account && condition.big_deal
  emit "confirm" {
    text   = "are_you_sure"
    factor = param.generous_factor
  }
}

rule "gift_to_stranger" {
  on   = trade
  when = condition.gift_like && condition.young_account
  emit "review" {
    reason = "gift_to_new_account"
    value  = trigger.value
  }
}

rule "washing_review" {
  on   = trade
  when = condition.washing
  emit "review" {
    reason = "washing"
    trades = trigger.same_partner
  }
  emit "hold" {
    lasts  = param.trade_hold * 6
    reason = "review"
  }
  on_fault = "fail"
}

rule "trade_storm_brake" {
  on   = trade
  when = condition.trade_storm
  emit "hold" {
    lasts  = "1m"
    reason = "too_fast"
  }
  on_fault = "fail"
}

rule "ledger_entry" {
  on   = trade
  when = condition.big_deal && !condition.washing
  emit "ledger" {
    value = trigger.value
    fair  = trigger.fair_value
  }
}

rule "steady_trader_perk" {
  on   = trade
  when = condition.steady_trader && condition.market_open && chance(0.02)
  emit "drop" {
    table = trader_thanks
    count = 1
  }
}

rule "merchant_in_town" {
  on   = trade
  when = active(wandering_merchant) && !condition.trade_storm
  emit "discount" { share = param.merchant_discount }
}

rule "market_opens" {
  on = timer.market_day
  broadcast "market.day" { tax = param.market_day_tax }
}

rule "merchant_arrives" {
  on = timer.wandering_merchant
  broadcast "merchant.arrives" {
    discount = param.merchant_discount
    stall    = 1 + pick(6)
  }
}

rule "auction_starts" {
  on = timer.auction_bell
  broadcast "auction.bell" { lots = 10 + pick(20) }
}

loot_table "trader_thanks" {
  entry "sealed_letter" { weight = 400 }
  entry "fine_wine"     { weight = 300 }
  entry "silver_coin" {
    weight = 250
    count  = [5, 10]
  }
  entry "gem" {
    weight = 80
    table  = fine_gems
  }
}

timer "market_day" {
  cron     = "0 9 * * SUN"
  zone     = "Europe/Madrid"
  duration = "10h"
  missed   = "fire"
  except   = ["2026-12-27", "2027-01-03", "2027-03-28"]
}

timer "wandering_merchant" {
  every    = "45m"
  duration = "10m"
  missed   = "skip"
}

timer "auction_bell" {
  cron     = "0 19 * * TUE,THU"
  zone     = "America/Chicago"
  duration = "1h"
  missed   = "fire"
}
