//! `cairn eval --explain`: why a rule fires or not, part by part.
//!
//! Compiled fragments hold no places and no words, so this needs the sources. It evaluates each
//! part by itself, off the hot path.

use std::fmt::Write as _;
use std::path::Path;

use cairn_ruleset::context::ContextView;
use cairn_ruleset::explain::{Explained, explain};
use cairn_ruleset::lang::{Shape, Source};
use cairn_ruleset::meta::FragmentMeta;
use cairn_ruleset::value;
use serde::Serialize;

use super::found::{Found, Judged, fields, find, is_rule, on_named, on_text};
use super::{Args, problem, request_for};
use crate::api::evaluate::{Request, refused};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::local;
use crate::cli::output::{self, Format};
use crate::compile;
use crate::live::{EvalRequest, wall_ms};
use crate::sources;
use crate::testing::{Place, words};

/// Lines of a tree for people; the rest is counted.
const LINES_MAX: usize = 400;

/// One part of an expression, for programs.
#[derive(Serialize)]
struct Node {
    text: String,
    #[serde(flatten)]
    place: Place,
    value: String,
    decides: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Node>,
}

#[derive(Serialize)]
struct Tree {
    what: String,
    #[serde(flatten)]
    root: Node,
}

#[derive(Serialize)]
struct Answer {
    name: String,
    /// What it is judged for.
    trigger: String,
    /// For what else it can be judged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_triggers: Vec<String>,
    /// At which time, by this machine's clock; absent where it was given or is not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    judged_at_ms: Option<i64>,
    /// Of `when`; true where there is none.
    holds: bool,
    decided_by: Vec<Node>,
    expressions: Vec<Tree>,
}

/// What is missing to explain what an agent runs.
pub(super) fn needs_sources(args: &Args) -> Failure {
    let name = args.rule.as_deref().unwrap_or("RULE");
    Failure::usage("an explanation needs the sources: an agent holds compiled fragments, without words and places")
        .hint(format!(
            "check out the sources of the version that `cairn status` shows as live, and run \
             `cairn eval {name} --explain --rules DIR` with the same context; the same sources \
             build to the same fragments, as the digests of `cairn build DIR` show"
        ))
}

/// Explains and prints.
///
/// # Errors
/// Exit code 2 for a name or a value that the rule set does not know, 3 when it has mistakes.
pub(super) fn run(args: &Args, dir: &Path, format: Format) -> Result<Exit, Failure> {
    let Some(name) = &args.rule else {
        return Err(Failure::usage("--explain needs the name of what to explain")
            .hint("a rule, as in `crypt_drop`; `condition.veteran`; or an entry, as in `crypt_rare.lich_crown`"));
    };
    let read = sources::read(dir).map_err(|error| local::unreadable(dir, &error))?;
    let (judged, trace) = compile::judge_sources_with_trace(read);
    let (Some(program), Some(trace)) = (&judged.program, trace) else {
        return Err(local::wrong(dir, &judged));
    };
    if !trace.complete {
        return Err(Failure::usage("the rule set is too large to be explained as a whole")
            .hint("explain it in a folder that holds fewer of its files"));
    }
    let wanted = match &args.trigger {
        None => None,
        Some(trigger) => Some(on_named(program, trigger)?),
    };
    let mut all = find(program, &trace, name, wanted)?;
    let names: Vec<String> = all.iter().map(|found| on_text(program, found.on)).collect();
    let clock_ms = wall_ms();
    // Once: what is given may stand on stdin.
    let text = request_for(args, None, names.first().map(String::as_str))?;
    let asked: Request = crate::api::body::json(text.as_bytes()).map_err(problem)?;
    let mut request: EvalRequest =
        asked.convert().map_err(|(field, reason)| Failure::usage(format!("{field}: {reason}")))?;
    request.now_ms.get_or_insert(clock_ms);
    // The first trigger that has what is given.
    let has_all = |found: &Found<'_>| {
        let fields = fields(program, found.on);
        request.context.keys().all(|name| fields.iter().any(|field| field.name == *name))
    };
    let at = all.iter().position(has_all).unwrap_or(0);
    let judged_for = Judged { trigger: names.get(at).cloned().unwrap_or_default(), at, names };
    let found = all.swap_remove(at);
    let on = found.on;
    let reads = found.reads(|_| true);
    let live = local::live(dir, false)?;
    let reads = |field| reads.fields.contains(&field);
    request.trigger = Some(judged_for.trigger.clone());
    let context = live
        .context_reading(on, &request, &reads)
        .map_err(|error| judged_for.told(problem(refused(&error))))?;
    let bytes = context.bytes().map_err(|error| Failure::internal(error.to_string()))?;
    let params = program.page(&args.place.scope()).values;
    let fragment = program.fragments.iter().find(|fragment| fragment.on == on);
    let Some(meta) = fragment.map(|fragment| FragmentMeta::of(program, fragment)) else {
        return Err(Failure::internal("no fragment has this trigger"));
    };
    let view = ContextView::new(bytes, meta.slots())
        .ok_or_else(|| Failure::internal("the context is too short"))?;
    let mut explained = Vec::new();
    for (what, part) in &found.parts {
        let tree = explain(program, &meta, part, &view, &params);
        explained.push((what.clone(), tree.map_err(|fault| Failure::internal(fault.to_string()))?));
    }
    let holds = explained.iter().find(|(what, _)| what == "when").is_none_or(|(_, e)| e.raw != 0);
    if !holds {
        // What a rule would say is of no interest when it is silent.
        explained.retain(|(what, _)| what == "when");
    }
    let explains = |what: &str| explained.iter().any(|(known, _)| known == what);
    let reads = found.reads(explains);
    let given = |timer: &u16| {
        let timer = program.timers.get(usize::from(*timer));
        timer.is_some_and(|timer| request.active.contains_key(&timer.name))
    };
    let timed = args.at.is_none() && (reads.now || !reads.timers.iter().all(given));
    let judged_at_ms = timed.then_some(clock_ms);
    let sources = &judged.sources;
    match format {
        Format::Json => {
            let decided = explained.iter().find(|(what, _)| what == "when");
            let decided = decided.map_or(Vec::new(), |(_, root)| root.deciding());
            output::json(&Answer {
                name: name.clone(),
                trigger: judged_for.trigger.clone(),
                other_triggers: judged_for.others().map(str::to_owned).collect(),
                judged_at_ms,
                holds,
                decided_by: decided.into_iter().map(|part| node(sources, part, false)).collect(),
                expressions: (explained.iter())
                    .map(|(what, root)| Tree {
                        what: what.clone(),
                        root: node(sources, root, true),
                    })
                    .collect(),
            })?;
        }
        Format::Table => {
            let mut text = show(sources, name, found.verb, holds, &explained);
            if let Some(at) = judged_at_ms.map(value::instant_text) {
                let _ =
                    write!(text, "\n\njudged at {at}, which is now; for another time: --at TIME");
            }
            // A rule has one trigger, and says which.
            if !is_rule(name) {
                let _ = write!(text, "\n\njudged for {judged_for}");
            }
            output::line(&text);
        }
    }
    Ok(Exit::Ok)
}

fn node(sources: &[Source], part: &Explained, deep: bool) -> Node {
    let parts: &[Explained] = if deep { &part.parts } else { &[] };
    Node {
        text: words(sources, part.span),
        place: Place::of(sources, part.span),
        value: part.value.clone(),
        decides: part.decides,
        parts: parts.iter().map(|inner| node(sources, inner, true)).collect(),
    }
}

fn show(
    sources: &[Source],
    name: &str,
    verb: (&str, &str),
    holds: bool,
    explained: &[(String, Explained)],
) -> String {
    let mut text = format!("{name} {}", if holds { verb.0 } else { verb.1 });
    if let Some((_, root)) = explained.iter().find(|(what, _)| what == "when") {
        text.push_str(", decided by");
        for part in root.deciding() {
            let inputs: Vec<String> = (part.parts.iter())
                .filter(|inner| !inner.literal)
                .map(|inner| format!("{} is {}", words(sources, inner.span), inner.value))
                .collect();
            let inputs = match inputs.is_empty() {
                true => String::new(),
                false => format!(": {}", inputs.join(", ")),
            };
            let place = Place::of(sources, part.span);
            let _ = write!(
                text,
                "\n  {place}  {} is {}{inputs}",
                words(sources, part.span),
                part.value
            );
        }
    } else {
        text.push_str(": it has no `when`");
    }
    let mut lines = Vec::new();
    for (what, root) in explained.iter().filter(|(_, root)| !root.literal) {
        lines.push(String::new());
        lines.push(format!("{what}  ({})", Place::of(sources, root.span)));
        tree(sources, root, 1, &Place::of(sources, root.span), &mut lines);
    }
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    for line in &lines {
        let _ = write!(text, "\n{line}");
    }
    if more > 0 {
        let _ = write!(text, "\n… {more} more lines; -o json shows all");
    }
    text
}

/// One line per part: `→` where it decides, its words, its value, its place where that is another
/// line.
fn tree(
    sources: &[Source],
    part: &Explained,
    depth: usize,
    above: &Place,
    lines: &mut Vec<String>,
) {
    if part.literal {
        return;
    }
    let place = Place::of(sources, part.span);
    let shown = if place == *above { String::new() } else { format!("  ({place})") };
    let mark = if part.decides { '→' } else { ' ' };
    let indent = "  ".repeat(depth);
    lines.push(format!("{mark}{indent}{} = {}{shown}", words(sources, part.span), part.value));
    // A chain `a && b && c` reads as one list.
    for inner in &part.parts {
        let chained = matches!(part.shape, Shape::And | Shape::Or) && inner.shape == part.shape;
        match chained {
            true => {
                for side in &inner.parts {
                    tree(sources, side, depth + 1, &place, lines);
                }
            }
            false => tree(sources, inner, depth + 1, &place, lines),
        }
    }
}
