//! Where the cursor is, read from tokens alone: which blocks are open around it, and what may be
//! written there. Half a statement is enough, which is all there is while somebody types.

use super::lines::floor;
use crate::lang::lexer::{Lexer, Token, TokenKind};
use crate::lang::parser::TOP_BLOCKS;

/// A block around the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Around<'a> {
    pub(super) kind: &'a str,
    pub(super) label: &'a str,
    /// Attributes and the tokens of their values, wherever they stand in the block.
    pub(super) attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Around<'a> {
    /// What is written after `name =`, up to the end of its line.
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// What may be written at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// The name of an attribute or of a block.
    Statement,
    /// A name between the braces of an attribute.
    Key { object: &'a str },
    /// A value of an attribute.
    Value {
        attribute: &'a str,
        /// The attribute whose braces are open around it, such as a trigger's `fields`.
        object: Option<&'a str>,
        /// The innermost call.
        call: Option<&'a str>,
    },
    /// Inside quotes.
    Text {
        /// Of the attribute; empty for the label of a block.
        attribute: &'a str,
        /// As in `Value`.
        object: Option<&'a str>,
        /// What the text is compared with, if that can be seen.
        beside: Option<&'a str>,
    },
    /// Nothing: a comment, a number.
    Nothing,
}

/// The cursor with its surroundings.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    /// Outermost first.
    pub(super) around: Vec<Around<'a>>,
    pub(super) place: Place<'a>,
    /// The word before the cursor, dots included: `trigger.le`. In a text, its part before the
    /// cursor.
    pub(super) word: &'a str,
    /// The bytes that a completion replaces: the last part of the word, and what follows of it.
    pub(super) replace: (u32, u32),
}

#[derive(Clone, Copy)]
enum Frame<'a> {
    /// Index into the blocks seen.
    Block(usize),
    Object {
        attribute: &'a str,
    },
    List,
    Paren {
        callee: Option<&'a str>,
        first: Option<&'a str>,
        /// Where its first argument begins.
        start: u32,
    },
}

/// The statement that is being read.
#[derive(Clone, Copy, Default)]
struct Statement<'a> {
    name: Option<&'a str>,
    label: &'a str,
    assigned: bool,
    value_start: u32,
    value_end: u32,
}

struct Reader<'a> {
    text: &'a str,
    blocks: Vec<Around<'a>>,
    stack: Vec<Frame<'a>>,
    statement: Statement<'a>,
    /// Statements of the blocks and objects around.
    outer: Vec<Statement<'a>>,
    previous: Option<Token>,
    /// Where the path that ends at the previous token begins.
    path_start: u32,
}

/// Deepest stack that is followed; what lies deeper is not compiled either.
const DEPTH_MAX: usize = 64;

/// Reads what is around `offset`. Linear in the text.
pub(super) fn read(text: &str, offset: u32) -> Cursor<'_> {
    let at = floor(text, offset as usize);
    let mut lexer = Lexer::new(text);
    let mut reader = Reader {
        text,
        blocks: Vec::new(),
        stack: Vec::new(),
        statement: Statement::default(),
        outer: Vec::new(),
        previous: None,
        path_start: 0,
    };
    let mut token = lexer.next();
    while token.kind != TokenKind::End && token.end as usize <= at {
        // A word that ends at the cursor is the one that is being written.
        let touches = token.end as usize == at
            && (token.kind == TokenKind::Name
                || token.kind == TokenKind::Number
                || is_open_text(text, token));
        if touches {
            break;
        }
        reader.feed(token);
        token = lexer.next();
    }
    let (place, word, replace) = reader.place(at, token);
    let open = reader.open();
    // The rest of the outermost block: `on` may stand below what is being written.
    while token.kind != TokenKind::End && !reader.stack.is_empty() && !reader.restarts(token) {
        reader.feed(token);
        token = lexer.next();
    }
    reader.end_statement();
    let around = open.into_iter().filter_map(|index| reader.blocks.get(index).cloned());
    Cursor { around: around.collect(), place, word, replace }
}

/// A string without its closing quote: the cursor at its end is inside.
fn is_open_text(text: &str, token: Token) -> bool {
    let written = text.get(token.start as usize..token.end as usize).unwrap_or("");
    token.kind == TokenKind::Text && (written.len() < 2 || !written.ends_with('"'))
}

impl<'a> Reader<'a> {
    fn slice(&self, start: u32, end: u32) -> &'a str {
        self.text.get(start as usize..end as usize).unwrap_or("")
    }

    fn word(&self, token: Token) -> &'a str {
        self.slice(token.start, token.end)
    }

    /// The open blocks, outermost first.
    fn open(&self) -> Vec<usize> {
        let index = |frame: &Frame<'_>| match frame {
            Frame::Block(index) => Some(*index),
            _ => None,
        };
        self.stack.iter().filter_map(index).collect()
    }

    /// `rule "…` at the start of a line: whatever was open before is not any more.
    fn restarts(&self, token: Token) -> bool {
        let fresh = token.start == 0 || self.slice(token.start - 1, token.start) == "\n";
        let labelled = || {
            let rest = self.slice(token.end, self.text.len() as u32);
            rest.trim_start_matches([' ', '\t']).starts_with(['"', '{'])
        };
        fresh
            && token.kind == TokenKind::Name
            && TOP_BLOCKS.contains(&self.word(token))
            && labelled()
    }

    fn quiet(&self) -> bool {
        matches!(self.stack.last(), Some(Frame::List | Frame::Paren { .. }))
    }

    fn end_statement(&mut self) {
        let done = std::mem::take(&mut self.statement);
        let Some(name) = done.name.filter(|_| done.assigned) else { return };
        let value = self.slice(done.value_start, done.value_end.max(done.value_start)).trim();
        if let Some(Frame::Block(index)) = self.stack.last()
            && let Some(block) = self.blocks.get_mut(*index)
        {
            block.attributes.push((name, value));
        }
    }

    fn push(&mut self, frame: Frame<'a>) {
        if self.stack.len() < DEPTH_MAX {
            if matches!(frame, Frame::Block(_) | Frame::Object { .. }) {
                self.outer.push(std::mem::take(&mut self.statement));
            }
            self.stack.push(frame);
        }
    }

    /// Closes frames up to the innermost that braces close.
    fn close_braces(&mut self, end: u32) {
        self.end_statement();
        while let Some(frame) = self.stack.pop() {
            if matches!(frame, Frame::Block(_) | Frame::Object { .. }) {
                self.statement = self.outer.pop().unwrap_or_default();
                self.statement.value_end = end;
                if matches!(frame, Frame::Block(_)) {
                    self.statement = Statement::default();
                }
                return;
            }
        }
    }

    fn feed(&mut self, token: Token) {
        use TokenKind::*;
        if self.restarts(token) {
            self.stack.clear();
            self.outer.clear();
            self.statement = Statement::default();
        }
        let begins = match self.previous {
            Some(previous) => !(previous.kind == Dot || token.kind == Dot),
            None => true,
        };
        if begins {
            self.path_start = token.start;
        }
        match token.kind {
            Newline if !self.quiet() => self.end_statement(),
            Comma if matches!(self.stack.last(), Some(Frame::Object { .. })) => {
                self.end_statement();
            }
            BraceOpen if self.statement.assigned => {
                let attribute = self.statement.name.unwrap_or("");
                self.push(Frame::Object { attribute });
            }
            BraceOpen => {
                let (kind, label) = (self.statement.name.unwrap_or(""), self.statement.label);
                let label = label.trim_matches('"');
                self.blocks.push(Around { kind, label, attributes: Vec::new() });
                self.push(Frame::Block(self.blocks.len() - 1));
            }
            BraceClose => self.close_braces(token.end),
            BracketOpen => self.push(Frame::List),
            BracketClose => {
                if matches!(self.stack.last(), Some(Frame::List)) {
                    self.stack.pop();
                }
            }
            ParenOpen => {
                let callee = self
                    .previous
                    .filter(|previous| previous.kind == Name && previous.end == token.start)
                    .map(|previous| self.word(previous));
                self.push(Frame::Paren { callee, first: None, start: token.end });
            }
            ParenClose => {
                if matches!(self.stack.last(), Some(Frame::Paren { .. })) {
                    self.stack.pop();
                }
            }
            Comma => {
                let end = token.start;
                if let Some(Frame::Paren { first: None, start, .. }) = self.stack.last() {
                    let found = self.slice(*start, end).trim();
                    if let Some(Frame::Paren { first, .. }) = self.stack.last_mut() {
                        *first = Some(found);
                    }
                }
            }
            Assign if !self.statement.assigned => {
                self.statement.assigned = true;
                self.statement.value_start = token.end;
            }
            Name if self.statement.name.is_none() => self.statement.name = Some(self.word(token)),
            Text if !self.statement.assigned => self.statement.label = self.word(token),
            _ => {}
        }
        if self.statement.assigned && !matches!(token.kind, Newline) {
            self.statement.value_end = token.end;
        }
        self.previous = Some(token);
    }

    /// What may be written at `at`, which lies before the end of `token` or at it.
    fn place(&mut self, at: usize, token: Token) -> (Place<'a>, &'a str, (u32, u32)) {
        let here = at as u32;
        let nothing = (Place::Nothing, "", (here, here));
        let inside = (token.start as usize) < at;
        if !inside && self.in_comment(at) {
            return nothing;
        }
        if inside && token.kind == TokenKind::Text {
            return self.text(here, token);
        }
        if inside && token.kind != TokenKind::Name {
            return nothing;
        }
        if self.restarts(token) && inside {
            self.stack.clear();
            self.statement = Statement::default();
        }
        let mut start = here;
        let mut replace = (here, here);
        if inside {
            let continues = self.previous.is_some_and(|previous| {
                previous.kind == TokenKind::Dot && previous.end == token.start
            });
            start = if continues { self.path_start } else { token.start };
            replace = (token.start, token.end);
        } else if let Some(previous) = self.previous
            && previous.kind == TokenKind::Dot
            && previous.end == here
        {
            start = self.path_start;
        }
        let word = self.slice(start, here);
        let attribute = self.statement.name.unwrap_or("");
        let place = if self.statement.assigned || self.quiet() {
            Place::Value { attribute, object: self.object(), call: self.call() }
        } else if self.statement.name.is_some() {
            // What follows a name: nobody but the author knows it.
            Place::Nothing
        } else {
            self.object().map_or(Place::Statement, |object| Place::Key { object })
        };
        (place, word, replace)
    }

    /// The innermost braces, when they are an attribute's.
    fn object(&self) -> Option<&'a str> {
        self.stack.iter().rev().find_map(|frame| match frame {
            Frame::Object { attribute } => Some(Some(*attribute)),
            Frame::Block(_) => Some(None),
            _ => None,
        })?
    }

    fn call(&self) -> Option<&'a str> {
        self.stack.iter().rev().find_map(|frame| match frame {
            Frame::Paren { callee, .. } => Some(*callee),
            _ => None,
        })?
    }

    fn text(&self, at: u32, token: Token) -> (Place<'a>, &'a str, (u32, u32)) {
        let written = self.word(token);
        let start = token.start + 1;
        let closed = written.len() >= 2 && written.ends_with('"');
        let end = if closed { token.end - 1 } else { at };
        if at < start || at > end {
            return (Place::Nothing, "", (at, at));
        }
        let attribute = if self.statement.assigned { self.statement.name } else { None };
        let compared = self.previous.is_some_and(|previous| {
            matches!(previous.kind, TokenKind::Equal | TokenKind::NotEqual)
        });
        let beside = if compared {
            // The path before the operator.
            let operator = self.previous.map_or(0, |previous| previous.start);
            let before = self.slice(0, operator).trim_end();
            let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
            Some(&before[before.trim_end_matches(part).len()..])
        } else {
            match self.stack.last() {
                Some(Frame::Paren { callee: Some("one_of"), first, .. }) => *first,
                _ => None,
            }
        };
        let place =
            Place::Text { attribute: attribute.unwrap_or(""), object: self.object(), beside };
        (place, self.slice(start, at), (start, end))
    }

    /// Between tokens stand blanks and comments alone.
    fn in_comment(&self, at: usize) -> bool {
        let from = self.previous.map_or(0, |previous| previous.end as usize);
        let mut gap = self.text.get(from..at).unwrap_or("");
        while let Some(begin) = gap.find(['#', '/']) {
            let rest = gap.get(begin..).unwrap_or("");
            let Some(length) = rest.strip_prefix("/*").and_then(|inner| inner.find("*/")) else {
                return true;
            };
            gap = rest.get(length + 4..).unwrap_or("");
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cursor at `$0`.
    fn at(marked: &str) -> String {
        let offset = marked.find("$0").unwrap();
        let text = marked.replacen("$0", "", 1);
        let cursor = read(&text, offset as u32);
        let around: Vec<String> = cursor
            .around
            .iter()
            .map(|block| format!("{} {} on={:?}", block.kind, block.label, block.value("on")))
            .collect();
        format!("{} | {:?} | {}", around.join(", "), cursor.place, cursor.word)
    }

    #[test]
    fn half_a_statement_says_where_it_is() {
        for (marked, expected) in [
            ("ru$0", " | Statement | ru"),
            ("rule \"a\" {\n  on = kill\n  wh$0\n}", "rule a on=Some(\"kill\") | Statement | wh"),
            (
                "rule \"a\" {\n  when = trigger.$0\n  on = kill\n}",
                "rule a on=Some(\"kill\") | Value { attribute: \"when\", object: None, call: None } | trigger.",
            ),
            (
                "rule \"a\" {\n  when = (\n    rate(cl$0",
                "rule a on=None | Value { attribute: \"when\", object: None, call: Some(\"rate\") } | cl",
            ),
            (
                "trigger \"t\" {\n  fields = { a = bool, b = in$0 }\n}",
                "trigger t on=None | Value { attribute: \"b\", object: Some(\"fields\"), call: None } | in",
            ),
            (
                "rule \"a\" {\n  when = trigger.zone == \"cr$0\"\n}",
                "rule a on=None | Text { attribute: \"when\", object: None, beside: Some(\"trigger.zone\") } | cr",
            ),
            (
                "rule \"a\" {\n  when = one_of(trigger.zone, \"a\", \"$0\n}",
                "rule a on=None | Text { attribute: \"when\", object: None, beside: Some(\"trigger.zone\") } | ",
            ),
            (
                "rule \"a\" {\n  on = kill\n  emit \"x\" {\n    ta$0\n  }\n}",
                "rule a on=Some(\"kill\"), emit x on=None | Statement | ta",
            ),
            ("enum \"e\" { values = [] } # $0", " | Nothing | "),
            ("/* a */ $0", " | Statement | "),
            ("rule \"a\" {\n  when = (\nrule \"b\" {\n  $0", "rule b on=None | Statement | "),
            (
                "test \"a\" {\n  cases = [\n    { trigger = { $0 } }",
                "test a on=None | Key { object: \"trigger\" } | ",
            ),
            (
                "test \"a\" {\n  cases = [\n    { fired = [$0",
                "test a on=None | Value { attribute: \"fired\", object: Some(\"cases\"), call: None } | ",
            ),
            (
                "rule \"a\" {\n  when = (\ntrigger.level > 3 && tr$0",
                "rule a on=None | Value { attribute: \"when\", object: None, call: None } | tr",
            ),
            ("rule \"a\" {\n}\n$0\nparam \"p\" {}", " | Statement | "),
        ] {
            assert_eq!(at(marked), expected, "{marked}");
        }
    }
}
