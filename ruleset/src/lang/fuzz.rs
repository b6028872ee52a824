//! What holds for the lexer and the parser whatever the text is.
//!
//! Panics are the findings; see [`crate::fuzz`] for who calls this.

use super::lexer::{BYTE_ORDER_MARK, Lexer, Token, TokenKind};
use super::limits::EXPRESSION_HEIGHT_MAX;
use super::parser::{Parse, parse};
use super::tree::{NODE_COUNT_MAX, NodeId, NodeKind, Tree};
use super::{Diagnostic, Span};

/// Tokens lie in order and on characters, nothing but blanks and comments is left out, there are
/// no more of them than bytes, and a token means the same when it stands alone.
pub(crate) fn lexer(text: &str) {
    let mut lexer = Lexer::new(text);
    let mut end = 0;
    for _ in 0..=text.len() {
        let token = lexer.next();
        let gap = text.get(end as usize..token.start as usize).expect("tokens lie in order");
        let gap = if end == 0 { gap.strip_prefix(BYTE_ORDER_MARK).unwrap_or(gap) } else { gap };
        assert!(is_skipped(gap), "left out {gap:?} before {token:?}");
        let word = text.get(token.start as usize..token.end as usize).expect("on characters");
        if let Some(flaw) = token.flaw {
            let inside = flaw.start >= token.start && flaw.end <= token.end;
            assert!(
                inside && text.get(flaw.start as usize..flaw.end as usize).is_some(),
                "{flaw:?}"
            );
        }
        if token.kind == TokenKind::End {
            assert_eq!((token.start as usize, token.end), (text.len(), token.start));
            assert_eq!(lexer.next(), token, "the end is final");
            return;
        }
        assert!(!word.is_empty(), "{token:?} makes no progress");
        if token.flaw.is_none() {
            let alone = Lexer::new(word).next();
            let whole = Token { start: 0, end: word.len() as u32, ..token };
            assert_eq!(alone, whole, "{word:?} alone");
        }
        end = token.end;
    }
    panic!("more tokens than bytes");
}

/// Blanks and whole comments.
fn is_skipped(mut gap: &str) -> bool {
    loop {
        gap = gap.trim_start_matches([' ', '\t']);
        gap = if let Some(comment) = gap.strip_prefix("/*") {
            let Some(end) = comment.find("*/") else { return false };
            &comment[end + 2..]
        } else if gap.starts_with('#') || gap.starts_with("//") {
            match gap.find('\n') {
                // The line's end is a token.
                Some(_) => return false,
                None => "",
            }
        } else {
            return gap.is_empty();
        };
    }
}

/// The tree is a tree, below its cap, with children inside their parents and in order; what it
/// reports lies in the text; what it accepts is HCL.
pub(crate) fn parser(text: &str) {
    let Parse { tree, errors, .. } = parse(text, 0);
    let mut stack = vec![(Tree::ROOT, 1_u32)];
    let mut count = 0;
    while let Some((id, depth)) = stack.pop() {
        count += 1;
        assert!(count <= NODE_COUNT_MAX, "a node has two parents");
        assert!(depth <= 64 * u32::from(EXPRESSION_HEIGHT_MAX), "nodes contain one another");
        children_lie_inside(&tree, id, text);
        stack.extend(tree.children(id).map(|child| (child, depth + 1)));
    }
    diagnostics(&errors, &[text]);
    if errors.is_empty() {
        is_hcl(text);
    }
}

fn children_lie_inside(tree: &Tree, id: NodeId, text: &str) {
    let (start, end) = tree.bytes(id);
    assert!(
        text.get(start as usize..end as usize).is_some(),
        "{:?} cuts a character",
        tree.kind(id)
    );
    // A block's span is its head, so that a report about it underlines one line.
    let end = if tree.kind(id) == NodeKind::Block { text.len() as u32 } else { end };
    let mut after = start;
    for child in tree.children(id) {
        let (from, to) = tree.bytes(child);
        assert!(
            after <= from && from <= to && to <= end,
            "{:?} {from}..{to} in {:?} {start}..{end}, after {after}",
            tree.kind(child),
            tree.kind(id)
        );
        after = to;
    }
}

/// hcl-edit reads every file that we accept; attributes given twice pass our parser and are
/// refused by the checker. A byte order mark before the file is none of its characters: hcl-edit
/// leaves it to whoever reads the file.
fn is_hcl(text: &str) {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if let Err(error) = hcl_edit::parser::parse_body(text) {
        let twice = error.to_string().contains("redefined");
        assert!(twice, "we accept what HCL refuses: {error}\n{text}");
    }
}

/// Every place is in a text, every diagnostic says what, why and what now, in bounded words.
pub(crate) fn diagnostics(found: &[Diagnostic], texts: &[&str]) {
    let lies_in_a_text = |span: &Span| {
        let text = texts.get(span.file as usize);
        text.is_some_and(|text| text.get(span.start as usize..span.end as usize).is_some())
    };
    for found in found {
        let labels = found.labels.iter().map(|(span, _)| span);
        assert!(labels.chain([&found.span]).all(lies_in_a_text), "{found:?}");
        for words in [&found.message, &found.cause, &found.help] {
            assert!(!words.is_empty() && words.len() < 2_048, "{found:?}");
        }
    }
}
