//! The parts of a file to its text.

use super::read::{Body, Bracket, Item, ItemKind, Piece};
use crate::lang::lexer::TokenKind;

const INDENT: &str = "  ";
/// Widest padding that alignment adds. One long line must not push its neighbours out of sight,
/// and what is added to a file stays in proportion to it.
const PADDING_MAX: usize = 64;

/// The text of a file.
pub(super) fn file(body: &Body<'_>) -> String {
    let mut lines: Vec<String> = Vec::new();
    if !body.head.is_empty() {
        lines.push(body.head.join(" "));
    }
    lines.extend(items(&body.items, 0, &body.head));
    let mut text = lines.join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn indent(level: usize) -> String {
    INDENT.repeat(level)
}

/// A statement of one line whose neighbours it aligns with.
struct Row {
    level: usize,
    /// Before the padding: a name, or a block's header.
    key: String,
    /// After it: `= value`, or the block from its `{`.
    rest: String,
    comment: String,
}

/// One entry of a body: what it takes to lay it out beside its neighbours.
enum Laid {
    Row(&'static str, Row),
    Lines(String),
}

/// The lines of a body's statements, indentation included.
fn items(items: &[Item<'_>], level: usize, head: &[String]) -> Vec<String> {
    let laid: Vec<Laid> = items.iter().map(|item| lay(item, level)).collect();
    let mut lines = Vec::new();
    let mut run: Vec<&Row> = Vec::new();
    let mut run_kind = "";
    for (index, (item, part)) in items.iter().zip(&laid).enumerate() {
        let first = index == 0 && head.is_empty();
        let blank = !first && (item.blank || (level == 0 && apart(items, &laid, index)));
        let same = matches!(part, Laid::Row(kind, _) if *kind == run_kind);
        if blank || !same {
            flush(&mut run, &mut lines);
        }
        if blank {
            lines.push(String::new());
        }
        match part {
            Laid::Row(kind, row) => {
                run_kind = kind;
                run.push(row);
            }
            Laid::Lines(text) => lines.push(text.clone()),
        }
    }
    flush(&mut run, &mut lines);
    lines
}

/// Whether a blank line belongs before the statement at `index` of a file: beside every block of
/// several lines. Comments above a block belong to it.
fn apart(items: &[Item<'_>], laid: &[Laid], index: usize) -> bool {
    let tall = |at: usize| {
        let block = items.get(at).is_some_and(|item| matches!(item.kind, ItemKind::Block(..)));
        block && matches!(laid.get(at), Some(Laid::Lines(text)) if text.contains('\n'))
    };
    let block =
        |at: usize| items.get(at).is_some_and(|item| matches!(item.kind, ItemKind::Block(..)));
    let Some(before) = index.checked_sub(1).filter(|before| block(*before)) else { return false };
    let mut next = index;
    while matches!(items.get(next), Some(item) if matches!(item.kind, ItemKind::Comments(_)))
        && items.get(next + 1).is_some_and(|item| !item.blank)
    {
        next += 1;
    }
    tall(before) || tall(next)
}

/// Writes rows that stand together, aligned.
fn flush(run: &mut Vec<&Row>, lines: &mut Vec<String>) {
    let column = column(run.iter().map(|row| width(&row.key)));
    let code: Vec<String> = run
        .iter()
        .map(|row| {
            let padding = column.map_or(0, |column| column - width(&row.key));
            let (start, gap) = (indent(row.level), " ".repeat(padding + 1));
            format!("{start}{}{gap}{}", row.key, row.rest)
        })
        .collect();
    // Comments align as long as no line without one stands between them.
    let mut at = 0;
    while at < run.len() {
        let length = run[at..].iter().take_while(|row| !row.comment.is_empty()).count();
        let part = at..at + length.max(1);
        let column = self::column(code[part.clone()].iter().map(|line| width(line)));
        for index in part.clone() {
            let (line, comment) = (&code[index], &run[index].comment);
            if comment.is_empty() {
                lines.push(line.clone());
                continue;
            }
            let padding = column.map_or(0, |column| column - width(line));
            lines.push(format!("{line}{} {comment}", " ".repeat(padding)));
        }
        at = part.end;
    }
    run.clear();
}

/// The column that all reach; `None` when they are too different to align.
fn column(widths: impl Iterator<Item = usize> + Clone) -> Option<usize> {
    let (least, most) = (widths.clone().min()?, widths.max()?);
    (most - least <= PADDING_MAX).then_some(most)
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn lay(item: &Item<'_>, level: usize) -> Laid {
    let comment = item.trailing.join(" ");
    match &item.kind {
        ItemKind::Comments(comments) => {
            Laid::Lines(format!("{}{}", indent(level), comments.join(" ")))
        }
        ItemKind::Attribute(key, value) => {
            let plain = matches!(key[..], [Piece::Token(..)]);
            let row = Row {
                level,
                key: pieces(key, level),
                rest: format!("= {}", pieces(value, level)),
                comment,
            };
            row_or_lines("=", plain, row)
        }
        ItemKind::Block(header, body) => {
            // Only these come in long lists of one line each.
            let entry = matches!(header.first(), Some(Piece::Token(_, "entry")));
            let plain =
                level > 0 && entry && header.iter().all(|piece| matches!(piece, Piece::Token(..)));
            let (key, rest) = (pieces(header, level), braces(body, level, false));
            row_or_lines("{", plain, Row { level, key, rest, comment })
        }
    }
}

fn row_or_lines(kind: &'static str, plain: bool, row: Row) -> Laid {
    let tall = row.rest.contains('\n') || row.comment.contains('\n');
    if plain && !tall {
        return Laid::Row(kind, row);
    }
    let mut text = format!("{}{} {}", indent(row.level), row.key, row.rest);
    if !row.comment.is_empty() {
        text.push(' ');
        text.push_str(&row.comment);
    }
    Laid::Lines(text)
}

/// `{ … }` of a block, or of an object, where commas stand between pairs of one line.
fn braces(body: &Body<'_>, level: usize, object: bool) -> String {
    if body.items.is_empty() && body.head.is_empty() {
        return "{}".to_owned();
    }
    if !body.broken {
        let parts: Vec<String> = body.items.iter().map(|item| inline(item, level)).collect();
        if !parts.iter().any(|part| part.contains('\n')) {
            return format!("{{ {} }}", join(body, &parts, object));
        }
    }
    let mut lines = items(&body.items, level + 1, &[]);
    let mut open = "{".to_owned();
    for comment in &body.head {
        open.push(' ');
        open.push_str(comment);
    }
    lines.insert(0, open);
    lines.push(format!("{}}}", indent(level)));
    lines.join("\n")
}

/// Pairs of an object on one line: a comma after each but the last.
fn join(body: &Body<'_>, parts: &[String], object: bool) -> String {
    let is_pair = |item: &Item<'_>| !matches!(item.kind, ItemKind::Comments(_));
    let last = body.items.iter().rposition(is_pair);
    let mut text = String::new();
    for (index, (item, part)) in body.items.iter().zip(parts).enumerate() {
        if index > 0 {
            text.push(' ');
        }
        text.push_str(part);
        if object && is_pair(item) && Some(index) != last {
            text.push(',');
        }
    }
    text
}

/// A statement as a part of a line.
fn inline(item: &Item<'_>, level: usize) -> String {
    let mut text = match &item.kind {
        ItemKind::Comments(comments) => comments.join(" "),
        ItemKind::Attribute(key, value) => {
            format!("{} = {}", pieces(key, level), pieces(value, level))
        }
        ItemKind::Block(header, body) => {
            format!("{} {}", pieces(header, level), braces(body, level, false))
        }
    };
    for comment in &item.trailing {
        text.push(' ');
        text.push_str(comment);
    }
    text
}

/// An expression, or what stands before `=` or `{`. Lines after the first are indented for
/// `level`, the level of the line that it begins on.
fn pieces(pieces: &[Piece<'_>], level: usize) -> String {
    use TokenKind::*;
    let mut text = String::new();
    // No blank before the next piece: at the start, after a sign, after a dot.
    let mut tight = true;
    // The next operator is a sign: nothing stands before it that it could join.
    let mut operand = true;
    for piece in pieces {
        match piece {
            Piece::Break(blank) => {
                if *blank {
                    text.push('\n');
                }
                text.push('\n');
                text.push_str(&indent(level));
                tight = true;
                continue;
            }
            Piece::Token(Comma, comma) => {
                text.push_str(comma);
                (tight, operand) = (false, true);
                continue;
            }
            Piece::Token(Dot, dot) => {
                text.push_str(dot);
                tight = true;
                continue;
            }
            Piece::Elements(Bracket::Call, _) => tight = true,
            Piece::Comment(_) if !text.is_empty() && !text.ends_with([' ', '\n']) => tight = false,
            _ => {}
        }
        if !tight {
            text.push(' ');
        }
        tight = false;
        match piece {
            Piece::Comment(comment) => text.push_str(comment),
            Piece::Elements(bracket, inner) => {
                text.push_str(&elements(*bracket, inner, level));
                operand = false;
            }
            Piece::Object(body) => {
                text.push_str(&braces(body, level, true));
                operand = false;
            }
            Piece::Token(kind, word) => {
                text.push_str(word);
                let sign = operand && matches!(kind, Minus | Not);
                tight = sign;
                operand = !matches!(kind, Name | Text | Number);
            }
            Piece::Break(_) => {}
        }
    }
    text
}

/// A list, the arguments of a call, or an expression in parentheses, brackets included.
fn elements(bracket: Bracket, inner: &[Piece<'_>], level: usize) -> String {
    let (open, close) = if bracket == Bracket::List { ("[", "]") } else { ("(", ")") };
    let is_comma = |piece: &Piece<'_>| matches!(piece, Piece::Token(TokenKind::Comma, _));
    let is_layout = |piece: &Piece<'_>| matches!(piece, Piece::Break(_) | Piece::Comment(_));
    let broken = inner.iter().any(|piece| matches!(piece, Piece::Break(_)));
    let last = inner.iter().rposition(|piece| !is_layout(piece));
    let ends_in_comma = last.is_some_and(|last| is_comma(&inner[last]));
    if !broken {
        let text = match last.filter(|_| ends_in_comma) {
            // Nothing but a comment can follow the comma that is left out.
            Some(last) => {
                let (before, after) = (pieces(&inner[..last], level), &inner[last + 1..]);
                let after = pieces(after, level);
                if after.is_empty() { before } else { format!("{before} {after}") }
            }
            None => pieces(inner, level),
        };
        return format!("{open}{text}{close}");
    }
    // A comment on the line of the opening bracket stays there.
    let comments = inner.iter().take_while(|piece| matches!(piece, Piece::Comment(_))).count();
    let head = match inner.get(comments) {
        Some(Piece::Break(_)) => comments,
        _ => 0,
    };
    let skip = head + inner[head..].iter().take_while(|p| matches!(p, Piece::Break(_))).count();
    let end =
        inner.iter().rposition(|piece| !matches!(piece, Piece::Break(_))).map_or(0, |at| at + 1);
    let mut text = open.to_owned();
    if head > 0 {
        text.push(' ');
        text.push_str(&pieces(&inner[..head], level));
    }
    let start = indent(level + 1);
    let mut content = String::new();
    match last.filter(|last| *last >= skip) {
        Some(last) => {
            content.push_str(&pieces(&inner[skip..=last], level + 1));
            if bracket != Bracket::Group && !ends_in_comma {
                content.push(',');
            }
            let rest = pieces(&inner[last + 1..end.max(last + 1)], level + 1);
            if !rest.is_empty() && !rest.starts_with('\n') {
                content.push(' ');
            }
            content.push_str(&rest);
        }
        None if skip < end => content.push_str(&pieces(&inner[skip..end], level + 1)),
        None => {}
    }
    if content.is_empty() && head == 0 {
        return format!("{open}{close}");
    }
    if !content.is_empty() {
        text.push('\n');
        text.push_str(&start);
        text.push_str(&content);
    }
    text.push('\n');
    text.push_str(&indent(level));
    text.push_str(close);
    text
}
