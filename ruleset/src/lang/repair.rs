//! Statements that are not written as they should be: what is reported, and what is read instead.
//!
//! The statement is kept where it is clear what was meant, so that nothing else seems to be missing.

use super::lexer::{Token, TokenKind};
use super::parser::{Failed, INNER_BLOCKS, Parsed, Parser, TOP_BLOCKS};
use super::tree::{NodeId, NodeKind};
use super::{Code, Diagnostic, Span, leftover, literal};

/// Longest range in the wrong brackets that is looked at.
const RANGE_BYTES_MAX: usize = 64;

/// Longest tail of a number with separators that is looked at.
const SEPARATED_BYTES_MAX: usize = 32;

impl Parser<'_> {
    /// Reports `name: value`; it is read as `name = value`.
    pub(super) fn colon(&mut self, name: Token, colon: Token) {
        if !self.is_spoiled() {
            let (span, word) = (self.span(colon.start, colon.end), self.word(name));
            let after = self.slice(colon.end, self.text.len() as u32);
            let value = after.trim_start();
            // A list as in YAML, with a line for each element.
            let lines = value.starts_with("- ")
                && after.get(..after.len() - value.len()).is_some_and(|gap| gap.contains('\n'));
            let help = match lines {
                true => format!("write `{word} = [a, b]`: a list stands between brackets"),
                false => format!("write `{word} = …`"),
            };
            self.report(
                Diagnostic::error(
                    Code::ExpectedToken,
                    span,
                    format!("`:` after `{word}`, where `=` belongs"),
                )
                .cause("attributes are written `name = value`")
                .help(help),
            );
        }
    }

    /// What to say about a run of `;`, which ends at `end`.
    pub(super) fn semicolon(&self, end: u32, span: Span) -> Diagnostic {
        let rest = self.text.get(end as usize..).unwrap_or("").trim_start_matches([' ', '\t']);
        let ends = ["\n", "\r", "}", "#", "//", "/*"];
        let last = rest.is_empty() || ends.iter().any(|end| rest.starts_with(end));
        let message = format!("`{}` means nothing here", self.slice(span.start, span.end));
        let found = Diagnostic::error(Code::UnknownCharacter, span, message);
        match (self.quiet, last) {
            (true, true) => found
                .cause("the end of the line ends a statement when no bracket is open")
                .help("remove it; a bracket before it is still open"),
            (true, false) if self.separates(span.start) => found
                .cause("elements between brackets are separated by commas")
                .help("write `,`")
                .edit(span, ","),
            (true, false) => found
                .cause("brackets around a value hold one value")
                .help("join the two parts with an operator"),
            (false, true) => {
                found.cause("the end of the line ends a statement").help("remove it").edit(span, "")
            }
            (false, false) => found.cause("the end of the line ends a statement").help(
                "start a new line in its place, and put a `}` that follows on a line of its own",
            ),
        }
    }

    /// Whether the innermost bracket that is open at `at`, not far before it, holds elements: of a list,
    /// or of a call.
    fn separates(&self, at: u32) -> bool {
        let before = self.slice(self.attribute.1, at).as_bytes();
        let mut closed = 0_u32;
        for (index, byte) in before.iter().enumerate().rev().take(RANGE_BYTES_MAX) {
            match byte {
                b')' | b']' => closed += 1,
                b'(' | b'[' if closed > 0 => closed -= 1,
                b'[' => return true,
                b'(' => {
                    let left = index.checked_sub(1).and_then(|left| before.get(left));
                    return left.is_some_and(u8::is_ascii_alphanumeric);
                }
                _ => {}
            }
        }
        false
    }

    /// Reports `name == value`; it is read as `name = value`.
    pub(super) fn compared(&mut self, name: Token, sign: Token) {
        if !self.is_spoiled() {
            let span = self.span(sign.start, sign.end);
            self.report(
                Diagnostic::error(Code::ExpectedToken, span, "`==` where `=` belongs")
                    .cause("`==` compares two values; `=` gives an attribute its value")
                    .help(format!("write `{} = …`", self.word(name)))
                    .edit(span, "="),
            );
        }
    }

    /// Reports a line that begins with a reference.
    pub(super) fn expression_alone<T>(&mut self, name: Token) -> Parsed<T> {
        self.fail(
            Code::ExpectedStatement,
            (name.start, name.end),
            "an expression stands where an attribute begins",
            "a line begins with `name = value` or with `kind \"name\" {`",
            self.given_field(name)
                .unwrap_or_else(|| "write `when = ` before it, if it is a condition".to_owned()),
        )
    }

    /// How `trigger.level = 3` is written in a test.
    fn given_field(&self, name: Token) -> Option<String> {
        let mut lexer = self.lexer;
        let (_, field, next) = (lexer.next(), lexer.next(), lexer.next());
        let attribute = match self.word(name) {
            "trigger" => "trigger",
            "param" => "params",
            _ => return None,
        };
        let test = self.slice(self.statement_start, name.start).starts_with("test");
        let given = test && field.kind == TokenKind::Name && next.kind == TokenKind::Assign;
        given.then(|| format!("write `{attribute} = {{ {} = value }}`", self.word(field)))
    }

    /// Reports `5%`, whose number is `left`.
    pub(super) fn percent<T>(&mut self, left: NodeId, sign: Token) -> Parsed<T> {
        let (start, end) = self.tree.bytes(left);
        let share = literal::percent(self.slice(start, end));
        let weight = self.slice(self.attribute.0, self.attribute.1) == "weight";
        let span = self.span(sign.start, sign.end);
        let found = Diagnostic::error(Code::ExpectedToken, span, "`%` without a second value");
        let number = self.slice(start, end);
        let found = match share {
            _ if weight && number.contains('.') => found
                .cause("a weight is a whole number; what counts is its part of the sum of all")
                .help(whole_weight(number)),
            _ if weight => found
                .cause("a weight is a whole number; what counts is its part of the sum of all")
                .help(format!("write `weight = {number}`"))
                .edit(self.span(end, sign.end), ""),
            Some(share) => found
                .cause("`%` is the remainder of a division; there is no percent sign")
                .help(format!("{number} % is {share}: write {share}"))
                .edit(self.span(start, sign.end), share),
            None => found
                .cause("`%` is the remainder of a division; there is no percent sign")
                .help("write a share as a decimal: 5 % is 0.05"),
        };
        if !self.is_spoiled() {
            self.report(found);
        }
        Err(Failed)
    }

    /// Reports `[` after a value.
    pub(super) fn indexing<T>(&mut self) -> Parsed<T> {
        let token = self.token;
        let before = self.slice(0, token.start);
        let ty = ["int", "decimal", "duration"].into_iter().find(|ty| before.ends_with(ty));
        let inside = self.text.get(token.end as usize..).unwrap_or("");
        let length = inside.bytes().take(RANGE_BYTES_MAX).position(|b| b == b']');
        let ends = length
            .and_then(|length| inside.get(..length))
            .filter(|ends| ends.contains(',') && !ends.contains(['\n', '[', '(', '{']));
        let span = self.span(token.start, token.end);
        let found = match (ty, ends) {
            (Some(ty), Some(ends)) => {
                let end = token.end + ends.len() as u32 + 1;
                Diagnostic::error(Code::Indexing, span, format!("`[` after `{ty}`"))
                    .cause("a type takes its range in round brackets")
                    .help(format!("write `{ty}({ends})`"))
                    .edit(self.span(token.start, end), format!("({ends})"))
            }
            _ => Diagnostic::error(Code::Indexing, span, "indexing with `[`")
                .cause("there are no lists to take an element from")
                .help("name the value: a parameter, a field, or a condition"),
        };
        if !self.is_spoiled() {
            self.report(found);
        }
        Err(Failed)
    }

    /// Whether `name next …` reads as an attribute whose `=` was forgotten.
    pub(super) fn lacks_assign(&self, name: Token, next: Token) -> bool {
        use TokenKind::*;
        if is_block_word(self.word(name)) {
            return false;
        }
        match next.kind {
            Number | Not | BracketOpen => true,
            Name => {
                let mut lexer = self.lexer;
                lexer.next();
                !matches!(lexer.next().kind, BraceOpen | Text | Name | Assign)
            }
            _ => false,
        }
    }

    pub(super) fn not_a_statement<T>(&mut self) -> Parsed<T> {
        use TokenKind::*;
        let token = self.token;
        let text = self.word(token);
        let operator = matches!(
            token.kind,
            And | Or
                | Plus
                | Star
                | Slash
                | Percent
                | Question
                | Colon
                | Equal
                | NotEqual
                | Less
                | LessEqual
                | Greater
                | GreaterEqual
        );
        if operator {
            return self.fail(
                Code::LineBreak,
                (token.start, token.end),
                format!("a line begins with `{text}`"),
                "as in HCL, the end of a line ends an expression unless a bracket is open",
                "put the whole expression in parentheses: `when = (a\\n && b)`",
            );
        }
        if matches!(token.kind, ParenClose | BracketClose) && !self.is_spoiled() {
            let found = Diagnostic::error(
                Code::ExpectedStatement,
                self.span(token.start, token.end),
                format!("this `{text}` closes nothing"),
            );
            let before = self.slice(0, token.start).trim_end();
            let last = before.len() as u32;
            let found = match before.ends_with(text) {
                true => found.label(self.span(last - 1, last), "every bracket is closed here"),
                false => found,
            };
            self.report(
                found.cause("every bracket before it is closed already").help(leftover::UNOPENED),
            );
            return Err(Failed);
        }
        self.fail(
            Code::ExpectedStatement,
            (token.start, token.end),
            format!("`{text}` does not begin a declaration"),
            "a line begins with `name = value` or with `kind \"name\" {`",
            match (token.kind, self.peek().kind) {
                (Minus, Minus) => "a comment begins with `#` or `//`",
                (Text, Colon | Assign) => "names have no quotes, and `=` stands before the value",
                (BraceOpen, Text) => {
                    "rules are not JSON: write `kind \"name\" {` with `name = value` inside"
                }
                _ => "write a declaration here, or remove it",
            },
        )
    }

    /// `{ name = value }`. More of them on the line are one mistake, and are read all the same.
    pub(super) fn one_line_body(
        &mut self,
        header: (u32, u32),
        children: &mut Vec<NodeId>,
    ) -> Parsed<()> {
        use TokenKind::*;
        let (nesting, objects) = (self.nesting, self.objects);
        let mut closed = false;
        loop {
            let attribute = self.statement(true);
            let Ok(id) = attribute else {
                self.damaged(children);
                self.nesting = nesting;
                self.quiet = false;
                break;
            };
            children.push(id);
            if self.at(BraceClose) {
                self.advance();
                return Ok(());
            }
            if !self.is_spoiled() {
                let token = self.token;
                let rest = self.meant_by_rest();
                let (span, help) = match token.kind {
                    Newline | End => (
                        self.span(header.0, header.1),
                        match self.goes_on_below(header) {
                            true => "start a new line after the `{`",
                            false => {
                                closed = true;
                                "end the line with `}`"
                            }
                        },
                    ),
                    _ => (
                        self.span(token.start, token.end),
                        rest.as_deref().unwrap_or(
                            "write each attribute on a line of its own, without a comma, and `}` on the line after",
                        ),
                    ),
                };
                self.report(
                    Diagnostic::error(
                        Code::OneLineBlock,
                        span,
                        "a block that begins on the line of its `{` holds one attribute and ends there",
                    )
                    .cause("as in HCL, attributes are separated by line breaks")
                    .help(help),
                );
            }
            if closed {
                return Ok(());
            }
            if self.at(Comma) {
                self.advance();
            }
            if self.at(BraceClose) {
                self.advance();
                return Ok(());
            }
            if !(self.at(Name) && self.peek().kind == Assign) {
                if !self.at(Newline) {
                    self.damaged(children);
                }
                break;
            }
        }
        // Read on as if the line breaks were there.
        let inside = self.objects > objects;
        if inside || !(self.at(BraceClose) || self.at(Newline)) {
            self.recover();
        }
        self.objects = objects;
        if self.at(BraceClose) {
            self.advance();
            return Ok(());
        }
        let found = self.errors.len();
        self.body(Some(header), children);
        // The brace may be part of what could not be read on the first line.
        let span = self.span(header.0, header.1);
        let unclosed = |next: &Diagnostic| next.code == Code::UnclosedBlock && next.span == span;
        if let Some(index) = self.errors.iter().skip(found).position(unclosed) {
            self.errors.remove(found + index);
        }
        self.begin();
        Ok(())
    }

    /// Whether the block that begins at `header` has its end, or more of its inside, on later lines.
    fn goes_on_below(&self, header: (u32, u32)) -> bool {
        let next = self.after_newlines();
        match (self.indentation(header.0), self.indentation(next.start)) {
            (Some(own), Some(inner)) if next.kind == TokenKind::BraceClose => inner >= own,
            (Some(own), Some(inner)) if next.kind == TokenKind::Name => {
                inner > own || (own == 0 && !TOP_BLOCKS.contains(&self.word(next)))
            }
            _ => false,
        }
    }

    /// The number around the comma at hand when it is written as `1,000,000`: where, and its digits.
    fn thousands(&self) -> Option<(u32, u32, String)> {
        let comma = self.token.start as usize;
        let (before, rest) = (self.text.get(..comma)?.as_bytes(), self.text.get(comma..)?);
        let first = before.iter().rev().take(4).take_while(|b| b.is_ascii_digit()).count();
        let inside = |b: &u8| *b == b',' || b.is_ascii_digit();
        let length = rest.bytes().take(SEPARATED_BYTES_MAX).take_while(inside).count();
        let groups = rest.get(1..length)?;
        let whole = groups.split(',').all(|group| group.len() == 3);
        let number = self.text.get(comma - first..comma + length)?;
        let end = self.token.start + length as u32;
        ((1..=3).contains(&first) && whole)
            .then(|| (end - number.len() as u32, end, number.replace(',', "")))
    }

    /// Reports `1,000`, whose value is then not known; `value` is what was read of it.
    pub(super) fn separated(&mut self, value: NodeId) -> Parsed<NodeId> {
        let Some((start, end, digits)) = self.thousands().filter(|_| self.at(TokenKind::Comma))
        else {
            return Ok(value);
        };
        if !self.is_spoiled() {
            let (span, shown) = (self.span(start, end), self.slice(start, end));
            let comma = self.span(self.token.start, self.token.end);
            let message = format!("a comma inside the number `{shown}`");
            self.report(
                Diagnostic::error(Code::SeveralOnLine, comma, message)
                    .cause("numbers have no separators, and a decimal has a point")
                    .help(format!("write {digits}"))
                    .edit(span, digits),
            );
        }
        while self.token.start < end {
            self.skip_token();
        }
        self.add(NodeKind::Damaged, start, end)
    }
}

/// How an entry gets so many percent, which is no whole number.
fn whole_weight(percent: &str) -> String {
    let (whole, part) = percent.split_once('.').unwrap_or((percent, ""));
    let weight = format!("{whole}{part}");
    let weight = match weight.trim_start_matches('0') {
        "" => "0",
        weight => weight,
    };
    let sum = format!("100{}", "0".repeat(part.len()));
    format!("write {weight}, and let the weights of all entries of the table add up to {sum}")
}

/// Kinds of blocks: what follows them on the line is a label.
pub(super) fn is_block_word(word: &str) -> bool {
    TOP_BLOCKS.contains(&word) || INNER_BLOCKS.contains(&word)
}

/// What to write instead of a statement of another language.
pub(super) fn control(word: &str) -> Option<&'static str> {
    Some(match word {
        "if" | "unless" | "elseif" | "elsif" | "elif" | "else" => {
            "write `when = …`, or choose a value with `condition ? value : other value`"
        }
        "for" | "foreach" | "while" | "loop" => "write the elements out: rules have no loops",
        "switch" | "match" | "case" => "write one rule per case, or choose with `? :`",
        "let" | "var" | "const" | "local" | "def" | "function" | "func" | "fn" => {
            "declare a `param` or a `condition`"
        }
        "then" => "remove it: what happens stands in `emit \"name\" { … }`, a condition in `when`",
        "return" => "write `emit \"name\" { … }` for what happens",
        _ => return None,
    })
}
