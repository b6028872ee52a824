#include "hunt.hpp"
#include <iostream>
#include <sstream>
#include <string>
#include <vector>
// What games include besides, and whose names must not clash with ours.
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
using namespace cairn::time;
using Words = std::vector<std::string>;

static std::string hex(const std::uint8_t* bytes, std::size_t size) {
    std::string text;
    for (std::size_t at = 0; at < size; ++at) {
        char two[3];
        std::snprintf(two, sizeof two, "%02x", bytes[at]);
        text += two;
    }
    return text;
}

template <typename Context>
static bool head(Context& c, const Words& t) {
    c.seed(std::stoull(t[2]));
    c.player(std::stoull(t[3]));
    c.rate_claims(std::stoull(t[4]));
    c.active_night_hunt(t[5] == "1");
    return c.now_ms(std::stoll(t[1]));
}

static std::string boss(const Words& t) {
    BossKillContext c;
    if (c.bytes()) return "whole too early";
    if (!head(c, t) || !c.set_level(std::stoll(t[6]))) return "refused";
    if (!c.set_zone(static_cast<Zone>(std::stoll(t[7])))) return "refused";
    if (!c.set_first(t[8] == "1") || !c.set_took(std::stoll(t[9]))) return "refused";
    if (!c.set_share(std::stoll(t[10])) || !c.set_born(std::stoll(t[11]))) return "refused";
    if (!c.set_type(std::stoll(t[12])) || !c.bytes()) return "refused";
    return hex(c.bytes()->data(), c.bytes()->size());
}

static std::string empty(const Words& t) {
    EmptyContext c;
    if (!head(c, t) || !c.bytes()) return "refused";
    return hex(c.bytes()->data(), c.bytes()->size());
}

static std::string text(std::optional<std::int64_t> value) { return value ? std::to_string(*value) : "-"; }
static std::string text(std::optional<bool> value) { return value ? (*value ? "true" : "false") : "-"; }
static std::string text(std::optional<Zone> value) {
    return value ? std::string(zone_names[static_cast<std::size_t>(*value)]) : "-";
}

static std::string outcome(const Words& t) {
    std::map<std::string_view, std::int64_t> values;
    for (std::size_t at = 1; at < t.size(); ++at) {
        const auto equals = t[at].find('=');
        values[std::string_view(t[at]).substr(0, equals)] = std::stoll(t[at].substr(equals + 1));
    }
    const auto d = DropOutcome::decode(values);
    if (!d) return "refused";
    return text(d->n) + " " + text(d->where) + " " + text(d->first) + " " + text(d->took) + " " + text(d->share) +
           " " + text(d->mood);
}

static std::string params(const Words& t) {
    const Params p([&](std::uint16_t at) -> std::optional<std::int64_t> {
        if (t[at + 1u] == "-") return std::nullopt;
        return std::stoll(t[at + 1u]);
    });
    return text(p.drop_bonus()) + " " + text(p.where()) + " " + text(p.on());
}

template <typename Names>
static std::string join(const Names& names) {
    std::string all;
    for (const auto name : names) all += (all.empty() ? "" : ",") + std::string(name);
    return all;
}

int main() {
    std::cout << schema << ' ' << context << ' ' << join(param_names) << ' ' << join(zone_names) << '\n';
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream words(line);
        Words t;
        for (std::string word; words >> word;) t.push_back(word);
        if (t[0] == "boss") std::cout << boss(t) << '\n';
        else if (t[0] == "empty") std::cout << empty(t) << '\n';
        else if (t[0] == "drop") std::cout << outcome(t) << '\n';
        else if (t[0] == "params") std::cout << params(t) << '\n';
        else std::cout << (DragonSpawnEvent::decode({}) ? DragonSpawnEvent::label : "refused") << '\n';
    }
}
