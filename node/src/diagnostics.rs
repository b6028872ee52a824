//! The compiler's findings for people (file, line, caret, code, cause, fix) and for programs.

use std::io::IsTerminal as _;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use cairn_ruleset::lang::{Code, Diagnostic, Severity, Source, Span};
use serde::Serialize;

/// Lines of source shown around what is marked.
const CONTEXT_LINE_COUNT: usize = 1;
/// Longest piece of source handed to the renderer for one mark. A longer one (a file that is one
/// line) is cut around the mark, so that a finding costs no more than this to print.
const WINDOW_BYTES_MAX: usize = 4_096;

/// Codes that [`explain`] names; who mends these sees the rest in the next run.
const EXPLAINED_COUNT_MAX: usize = 4;

/// Errors and warnings in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many errors there are.
    pub errors: usize,
    /// How many warnings there are.
    pub warnings: usize,
}

impl Tally {
    /// Counts.
    pub fn of(diagnostics: &[Diagnostic]) -> Tally {
        let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
        Tally { errors, warnings: diagnostics.len() - errors }
    }

    /// `3 errors, 1 warning`.
    pub fn show(self) -> String {
        format!("{}, {}", plural(self.errors, "error"), plural(self.warnings, "warning"))
    }
}

/// `1 rule`, `2 rules`.
pub fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// A place in a source file, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, relative to the rule set.
    pub file: String,
    /// Line of the first character.
    pub line: usize,
    /// Column of the first character, in characters.
    pub column: usize,
    /// Line of the end.
    pub end_line: usize,
    /// Column after the last character.
    pub end_column: usize,
}

/// A finding as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `C0101`.
    pub code: String,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// Other places that matter, each with a note.
    pub labels: Vec<Label>,
    /// Why it is wrong.
    pub cause: String,
    /// What to do.
    pub fix: String,
}

/// A secondary place of a [`Finding`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What it has to do with the finding.
    pub message: String,
}

/// The findings as plain values.
pub fn findings(sources: &[Source], diagnostics: &[Diagnostic]) -> Vec<Finding> {
    let place = |span: Span| place(sources, span);
    diagnostics
        .iter()
        .map(|found| Finding {
            code: found.code.to_string(),
            severity: word(found.severity),
            message: found.message.clone(),
            place: place(found.span),
            labels: found
                .labels
                .iter()
                .map(|(span, text)| Label { place: place(*span), message: text.clone() })
                .collect(),
            cause: found.cause.clone(),
            fix: found.help.clone(),
        })
        .collect()
}

/// The findings as text, one block each. Colour only when `colour`, see [`colour_on_stdout`].
pub fn render(sources: &[Source], diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut text = String::new();
    for found in diagnostics {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&renderer.render(&[group(sources, found)]));
    }
    text
}

/// Where to read more: one line for a whole run. `None` when nothing was found.
pub fn explain(diagnostics: &[Diagnostic]) -> Option<String> {
    let mut codes: Vec<Code> = Vec::new();
    for found in diagnostics {
        if !codes.contains(&found.code) {
            codes.push(found.code);
        }
    }
    let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
    explained(codes.iter().map(String::as_str).collect())
}

/// As [`explain`], for different codes in the order of their importance. Those that the line has no
/// room for are counted.
pub fn explained(codes: Vec<&str>) -> Option<String> {
    let (shown, more) = codes.split_at(codes.len().min(EXPLAINED_COUNT_MAX));
    let more = match more.len() {
        0 => String::new(),
        1 => "  # and 1 code more".to_owned(),
        count => format!("  # and {count} codes more"),
    };
    (!shown.is_empty()).then(|| format!("explain: cairn explain {}{more}", shown.join(" ")))
}

/// Whether stdout is a terminal and nobody asked for plain text (`NO_COLOR`).
pub fn colour_on_stdout() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn group<'a>(sources: &'a [Source], found: &'a Diagnostic) -> Group<'a> {
    let level = match found.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&found.message).id(found.code.to_string());
    let mut group = Group::with_title(title);
    if let Some(source) = sources.get(found.span.file as usize) {
        let window = Window::around(&source.text, &[range(&source.text, found.span)]);
        let mut snippet = window
            .snippet(source)
            .annotation(AnnotationKind::Primary.span(window.local(&source.text, found.span)));
        let mut apart = Vec::new();
        for (span, label) in &found.labels {
            let near = span.file == found.span.file
                && window.bytes.start <= span.start as usize
                && span.end as usize <= window.bytes.end;
            if near {
                let local = window.local(&source.text, *span);
                snippet =
                    snippet.annotation(AnnotationKind::Context.span(local).label(label.as_str()));
            } else {
                apart.push((*span, label));
            }
        }
        group = group.element(snippet);
        for (span, label) in apart {
            let Some(source) = sources.get(span.file as usize) else { continue };
            let window = Window::around(&source.text, &[range(&source.text, span)]);
            let mark = AnnotationKind::Context.span(window.local(&source.text, span));
            group = group.element(window.snippet(source).annotation(mark.label(label.as_str())));
        }
    }
    if !found.cause.is_empty() {
        group = group.element(Level::NOTE.with_name("cause").message(&found.cause));
    }
    if !found.help.is_empty() {
        group = group.element(Level::HELP.with_name("fix").message(&found.help));
    }
    group
}

/// A piece of a file: whole lines where they are short enough.
struct Window {
    bytes: Range<usize>,
    line: usize,
}

impl Window {
    fn around(text: &str, marks: &[Range<usize>]) -> Window {
        let start = marks.iter().map(|mark| mark.start).min().unwrap_or(0);
        let end = marks.iter().map(|mark| mark.end).max().unwrap_or(0);
        let mut from = line_start(text, start);
        for _ in 0..CONTEXT_LINE_COUNT {
            from = line_start(text, from.saturating_sub(1));
        }
        let mut to = line_end(text, end);
        for _ in 0..CONTEXT_LINE_COUNT {
            to = line_end(text, (to + 1).min(text.len()));
        }
        if start - from > WINDOW_BYTES_MAX / 2 {
            from = floor(text, start - WINDOW_BYTES_MAX / 4);
        }
        if to - from > WINDOW_BYTES_MAX {
            to = floor(text, from + WINDOW_BYTES_MAX);
        }
        let line = 1 + text.as_bytes()[..from].iter().filter(|byte| **byte == b'\n').count();
        Window { bytes: from..to, line }
    }

    fn snippet<'a>(&self, source: &'a Source) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        Snippet::source(&source.text[self.bytes.clone()])
            .line_start(self.line)
            .path(source.name.as_str())
            .fold(true)
    }

    fn local(&self, text: &str, span: Span) -> Range<usize> {
        let mark = range(text, span);
        let clamp = |at: usize| at.clamp(self.bytes.start, self.bytes.end) - self.bytes.start;
        clamp(mark.start)..clamp(mark.end)
    }
}

/// A span as offsets that lie inside the text and on character borders, whatever it says.
fn range(text: &str, span: Span) -> Range<usize> {
    let start = floor(text, span.start as usize);
    let end = floor(text, span.end as usize).max(start);
    start..end
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn line_start(text: &str, at: usize) -> usize {
    text[..floor(text, at)].rfind('\n').map_or(0, |newline| newline + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    let at = floor(text, at);
    text[at..].find('\n').map_or(text.len(), |newline| at + newline)
}

fn place(sources: &[Source], span: Span) -> Place {
    let Some(source) = sources.get(span.file as usize) else {
        return Place { file: String::new(), line: 1, column: 1, end_line: 1, end_column: 1 };
    };
    let mark = range(&source.text, span);
    let position = |at: usize| {
        let start = line_start(&source.text, at);
        let line = 1 + source.text[..start].matches('\n').count();
        (line, 1 + source.text[start..at].chars().count())
    };
    let ((line, column), (end_line, end_column)) = (position(mark.start), position(mark.end));
    Place { file: source.name.clone(), line, column, end_line, end_column }
}

#[cfg(test)]
mod tests {
    use super::explained;

    #[test]
    fn codes_that_are_not_named_are_counted() {
        let line = |count: usize| explained(["C1", "C2", "C3", "C4", "C5", "C6"][..count].to_vec());
        assert_eq!(line(0), None);
        assert_eq!(line(4).as_deref(), Some("explain: cairn explain C1 C2 C3 C4"));
        let one = "explain: cairn explain C1 C2 C3 C4  # and 1 code more";
        assert_eq!(line(5).as_deref(), Some(one));
        let two = "explain: cairn explain C1 C2 C3 C4  # and 2 codes more";
        assert_eq!(line(6).as_deref(), Some(two));
    }
}
