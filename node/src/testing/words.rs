//! What a span says, on one line, for reports.

use cairn_ruleset::lang::{Source, Span};

/// Characters that are shown; an ellipsis stands for the rest.
const TEXT_CHARS_MAX: usize = 90;

/// The words of a span.
#[must_use]
pub fn words(sources: &[Source], span: Span) -> String {
    let source = sources.get(span.file as usize).map_or("", |source| &source.text);
    let text = source.get(span.start as usize..span.end as usize).unwrap_or("");
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().count() > TEXT_CHARS_MAX {
        true => line.chars().take(TEXT_CHARS_MAX).chain(['…']).collect(),
        false => line,
    }
}
