using System;
using System.Collections.Generic;
using Cairn.Generated.Time;

static class Program
{
    static string Hex(byte[] bytes)
    {
        return bytes == null ? "refused" : BitConverter.ToString(bytes).Replace("-", "").ToLowerInvariant();
    }

    static string Boss(string[] t)
    {
        var c = new BossKillContext();
        if (c.Bytes() != null) return "whole too early";
        c.Seed(ulong.Parse(t[2]));
        c.Player(ulong.Parse(t[3]));
        c.RateClaims(ulong.Parse(t[4]));
        c.ActiveNightHunt(t[5] == "1");
        if (!c.NowMs(long.Parse(t[1])) || !c.SetLevel(long.Parse(t[6]))) return "refused";
        if (!c.SetZone(unchecked((Zone)long.Parse(t[7]))) || !c.SetFirst(t[8] == "1")) return "refused";
        if (!c.SetTook(long.Parse(t[9])) || !c.SetShare(long.Parse(t[10]))) return "refused";
        if (!c.SetBorn(long.Parse(t[11])) || !c.SetType(long.Parse(t[12]))) return "refused";
        return Hex(c.Bytes());
    }

    static string Empty(string[] t)
    {
        var c = new EmptyContext();
        c.Seed(ulong.Parse(t[2]));
        c.Player(ulong.Parse(t[3]));
        c.RateClaims(ulong.Parse(t[4]));
        c.ActiveNightHunt(t[5] == "1");
        return c.NowMs(long.Parse(t[1])) ? Hex(c.Bytes()) : "refused";
    }

    static string Text(long? value) { return value == null ? "-" : value.ToString(); }
    static string Text(bool? value) { return value == null ? "-" : value.Value ? "true" : "false"; }
    static string Text(Zone? value) { return value == null ? "-" : ZoneNames.All[(int)value.Value]; }

    static string Outcome(string[] t)
    {
        var values = new Dictionary<string, long>();
        for (int at = 1; at < t.Length; ++at)
        {
            var parts = t[at].Split('=');
            values[parts[0]] = long.Parse(parts[1]);
        }
        var d = DropOutcome.TryDecode(values);
        if (d == null) return "refused";
        return string.Join(" ", Text(d.N), Text(d.Where), Text(d.First), Text(d.Took), Text(d.Share), Text(d.Mood));
    }

    static string Parameters(string[] t)
    {
        var p = new Params((ushort at, out long raw) =>
        {
            raw = 0;
            return t[at + 1] != "-" && long.TryParse(t[at + 1], out raw);
        });
        return string.Join(" ", Text(p.DropBonus()), Text(p.Where()), Text(p.On()));
    }

    static void Main()
    {
        Console.WriteLine(string.Join(" ", Schema.Hash, Schema.Context, string.Join(",", Params.Names), string.Join(",", ZoneNames.All)));
        for (string line; (line = Console.ReadLine()) != null;)
        {
            var t = line.Split(' ');
            switch (t[0])
            {
                case "boss": Console.WriteLine(Boss(t)); break;
                case "empty": Console.WriteLine(Empty(t)); break;
                case "drop": Console.WriteLine(Outcome(t)); break;
                case "params": Console.WriteLine(Parameters(t)); break;
                default:
                    Console.WriteLine(DragonSpawnEvent.TryDecode(new Dictionary<string, long>()) == null ? "refused" : DragonSpawnEvent.Label);
                    break;
            }
        }
    }
}
