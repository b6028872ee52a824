package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	rules "cairn.test/hunt/time"
)

func signed(text string) int64 {
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return value
}

func unsigned(text string) uint64 {
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return value
}

func hex(bytes []byte, errors ...error) string {
	for _, err := range errors {
		if err != nil {
			return "refused"
		}
	}
	if bytes == nil {
		return "refused"
	}
	return fmt.Sprintf("%x", bytes)
}

func boss(t []string) string {
	c := rules.NewBossKillContext()
	if c.Bytes() != nil {
		return "whole too early"
	}
	c.Seed(unsigned(t[1]))
	c.Player(unsigned(t[2]))
	c.RateClaims(unsigned(t[3]))
	c.ActiveNightHunt(t[4] == "1")
	now, level, zone := c.NowMs(signed(t[0])), c.SetLevel(signed(t[5])), c.SetZone(rules.Zone(signed(t[6])))
	first, took, share := c.SetFirst(t[7] == "1"), c.SetTook(signed(t[8])), c.SetShare(signed(t[9]))
	born, of := c.SetBorn(signed(t[10])), c.SetType(signed(t[11]))
	return hex(c.Bytes(), now, level, zone, first, took, share, born, of)
}

func empty(t []string) string {
	c := rules.NewEmptyContext()
	c.Seed(unsigned(t[1]))
	c.Player(unsigned(t[2]))
	c.RateClaims(unsigned(t[3]))
	c.ActiveNightHunt(t[4] == "1")
	now := c.NowMs(signed(t[0]))
	return hex(c.Bytes(), now)
}

func text[T any](value *T) string {
	if value == nil {
		return "-"
	}
	return fmt.Sprint(*value)
}

func outcome(t []string) string {
	values := map[string]int64{}
	for _, pair := range t {
		parts := strings.SplitN(pair, "=", 2)
		values[parts[0]] = signed(parts[1])
	}
	d, ok := rules.DecodeDropOutcome(values)
	if !ok {
		return "refused"
	}
	return fmt.Sprint(d.N, " ", text(d.Where), " ", text(d.First), " ", text(d.Took), " ", text(d.Share), " ", text(d.Mood))
}

func known[T any](value T, ok bool) string {
	if !ok {
		return "-"
	}
	return fmt.Sprint(value)
}

func params(t []string) string {
	p := rules.Params{Read: func(at uint16) (int64, bool) {
		if t[at] == "-" {
			return 0, false
		}
		return signed(t[at]), true
	}}
	return known(p.DropBonus()) + " " + known(p.Where()) + " " + known(p.On())
}

func main() {
	fmt.Println(rules.Schema, rules.ContextSchema, strings.Join(rules.ParamNames[:], ","), strings.Join(rules.ZoneNames[:], ","))
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		t := strings.Fields(lines.Text())
		switch t[0] {
		case "boss":
			fmt.Println(boss(t[1:]))
		case "empty":
			fmt.Println(empty(t[1:]))
		case "drop":
			fmt.Println(outcome(t[1:]))
		case "params":
			fmt.Println(params(t[1:]))
		default:
			if _, ok := rules.DecodeDragonSpawnEvent(nil); ok {
				fmt.Println(rules.DragonSpawnEventLabel)
			}
		}
	}
}
