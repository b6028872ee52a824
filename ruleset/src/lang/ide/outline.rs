//! The shape of a file: its declarations, and what can be folded away.

use std::collections::BTreeMap;

use super::Analysis;
use crate::lang::Span;
use crate::lang::lexer::{Lexer, TokenKind};
use crate::lang::tree::{NodeId, NodeKind, Tree};

/// A block, with the blocks and fields in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its label, or its kind when it has none.
    pub name: String,
    /// The kind of block, or `field` or `value`.
    pub kind: String,
    /// The whole of it.
    pub span: Span,
    /// Its name.
    pub name_span: Span,
    /// What is inside.
    pub children: Vec<Outline>,
}

/// A piece of text that an editor can fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fold {
    /// From the line that stays visible to the last byte that is folded.
    pub span: Span,
    /// Whether it is comments.
    pub comment: bool,
}

impl Analysis {
    /// The declarations of a file, in order.
    pub fn outline(&self, file: u32) -> Vec<Outline> {
        let Some(tree) = self.trees.get(file as usize) else { return Vec::new() };
        let braces = brackets(self.text(file));
        let blocks = tree.children(Tree::ROOT);
        blocks.filter_map(|node| self.outline_of(file, tree, node, &braces)).collect()
    }

    /// Recursion is bounded by the nesting of blocks.
    fn outline_of(
        &self,
        file: u32,
        tree: &Tree,
        node: NodeId,
        braces: &BTreeMap<u32, u32>,
    ) -> Option<Outline> {
        if tree.kind(node) != NodeKind::Block {
            return None;
        }
        let place = |node: NodeId| {
            let (start, end) = tree.bytes(node);
            Span { file, start, end }
        };
        let kind_node = tree.child(node, 0)?;
        let kind = self.slice(place(kind_node)).to_owned();
        let label = tree.children(node).find(|child| tree.kind(*child) == NodeKind::Text);
        let name_span = place(label.unwrap_or(kind_node));
        let name = self.slice(name_span).trim_matches('"').to_owned();
        let mut children = Vec::new();
        for child in tree.children(node) {
            match tree.kind(child) {
                NodeKind::Block => children.extend(self.outline_of(file, tree, child, braces)),
                NodeKind::Attribute if kind == "trigger" => {
                    let object = tree.child(child, 1);
                    let fields = object.into_iter().flat_map(|object| tree.children(object));
                    children.extend(fields.filter_map(|field| {
                        let name = place(tree.child(field, 0)?);
                        Some(Outline {
                            name: self.slice(name).to_owned(),
                            kind: "field".to_owned(),
                            span: place(field),
                            name_span: name,
                            children: Vec::new(),
                        })
                    }));
                }
                _ => {}
            }
        }
        // A block's node is its header alone, up to the brace.
        let header = place(node);
        let end = braces.get(&header.end.saturating_sub(1)).copied().unwrap_or(header.end);
        let span = Span { end: end.max(header.end), ..header };
        Some(Outline { name, kind, span, name_span, children })
    }

    /// What can be folded: blocks, objects and lists over several lines, and runs of comments.
    pub fn folds(&self, file: u32) -> Vec<Fold> {
        let text = self.text(file);
        let mut found: Vec<Fold> = brackets(text)
            .into_iter()
            .map(|(start, end)| Fold { span: Span { file, start, end: end - 1 }, comment: false })
            .collect();
        found.extend(
            comments(text)
                .map(|(start, end)| Fold { span: Span { file, start, end }, comment: true }),
        );
        found.retain(|fold| self.slice(fold.span).contains('\n'));
        found.sort_unstable();
        found
    }
}

/// Where each brace or bracket opens, and one past where it closes.
fn brackets(text: &str) -> BTreeMap<u32, u32> {
    let mut pairs = BTreeMap::new();
    let mut open = Vec::new();
    let mut lexer = Lexer::new(text);
    loop {
        let token = lexer.next();
        match token.kind {
            TokenKind::End => return pairs,
            TokenKind::BraceOpen | TokenKind::BracketOpen => open.push(token.start),
            TokenKind::BraceClose | TokenKind::BracketClose => {
                if let Some(start) = open.pop() {
                    pairs.insert(start, token.end);
                }
            }
            _ => {}
        }
    }
}

/// Runs of lines that are comments, line breaks between them included.
fn comments(text: &str) -> impl Iterator<Item = (u32, u32)> + '_ {
    let mut lines = text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len() as u32;
        Some((start, line))
    });
    let is_comment = |line: &str| {
        let line = line.trim_start();
        line.starts_with('#') || line.starts_with("//")
    };
    std::iter::from_fn(move || {
        let (start, first) = lines.by_ref().find(|(_, line)| is_comment(line))?;
        let mut end = start + first.trim_end().len() as u32;
        for (at, line) in lines.by_ref() {
            if !is_comment(line) {
                break;
            }
            end = at + line.trim_end().len() as u32;
        }
        Some((start, end))
    })
}
