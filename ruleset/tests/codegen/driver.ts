import {
  BossKillContext, CONTEXT, DragonSpawnEventLabel, EmptyContext, PARAMS, Params, SCHEMA, Zone,
  decodeDragonSpawnEvent, decodeDropOutcome,
} from "./hunt.js";
declare const console: { log(text: string): void };
declare const process: { env: Record<string, string | undefined> };

const hex = (bytes: Uint8Array | undefined): string => {
  if (bytes === undefined) throw new RangeError();
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
};

function head(c: BossKillContext | EmptyContext, t: string[]): void {
  c.seed(BigInt(t[2]!)).player(BigInt(t[3]!)).rateClaims(BigInt(t[4]!)).activeNightHunt(t[5] === "1");
  c.nowMs(BigInt(t[1]!));
}

function boss(t: string[]): string {
  const c = new BossKillContext();
  if (c.bytes() !== undefined) return "whole too early";
  head(c, t);
  c.setLevel(BigInt(t[6]!)).setZone(Zone[Number(t[7])] as Zone).setFirst(t[8] === "1");
  c.setTook(BigInt(t[9]!)).setShare(BigInt(t[10]!)).setBorn(BigInt(t[11]!)).setType(BigInt(t[12]!));
  return hex(c.bytes());
}

function empty(t: string[]): string {
  const c = new EmptyContext();
  head(c, t);
  return hex(c.bytes());
}

function outcome(t: string[]): string {
  const pairs = t.slice(1).map((pair) => pair.split("=") as [string, string]);
  const d = decodeDropOutcome(new Map(pairs.map(([name, raw]) => [name, BigInt(raw)])));
  if (d === undefined) return "refused";
  return [d.n, d.where, d.first, d.took, d.share, d.mood].map((value) => String(value ?? "-")).join(" ");
}

function params(t: string[]): string {
  const p = new Params((at) => (t[at + 1] === "-" ? undefined : BigInt(t[at + 1]!)));
  return [p.dropBonus(), p.where(), p.on()].map((value) => String(value ?? "-")).join(" ");
}

function answer(t: string[]): string {
  try {
    switch (t[0]) {
      case "boss": return boss(t);
      case "empty": return empty(t);
      case "drop": return outcome(t);
      case "params": return params(t);
      default: return decodeDragonSpawnEvent(new Map()) ? DragonSpawnEventLabel : "refused";
    }
  } catch (error) {
    if (error instanceof RangeError) return "refused";
    throw error;
  }
}

console.log(`${SCHEMA} ${CONTEXT} ${PARAMS.join(",")} ${Zone.join(",")}`);
for (const line of process.env["LINES"]!.trim().split("\n")) console.log(answer(line.split(" ")));
// A negative count would be a huge one.
let caught = 0;
for (const wrong of [-1n, 2n ** 64n]) {
  for (const set of ["seed", "player", "rateClaims", "nowMs"] as const) {
    try { new EmptyContext()[set](wrong); } catch (error) { caught += error instanceof RangeError ? 1 : 0; }
  }
}
if (caught !== 8) throw new Error(`${caught} of 8 wrong values were refused`);
