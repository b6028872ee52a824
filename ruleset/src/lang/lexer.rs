//! Characters to tokens, one at a time: nothing is stored, so a token costs no memory.
//!
//! A malformed token still comes out, with its flaw beside it, so that the parser goes on in the
//! place that the author meant. Names are lexed as HCL does, dashes included, because `a-1` would
//! otherwise mean one thing here and another in every HCL tool.

use super::Code;
use super::foreign;
use super::limits::{NAME_BYTES_MAX, STRING_BYTES_MAX};
use crate::scope::is_hidden;

/// What may stand before the first character of a file, and means nothing there.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Name,
    Number,
    Text,
    Newline,
    End,
    /// Nothing that the parser may use; its flaw says why.
    Bad,
    /// Handed out on request only, see [`Lexer::with_comments`].
    Comment,
    Assign,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Not,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Question,
    Colon,
    Comma,
    Dot,
    Ellipsis,
    ParenOpen,
    ParenClose,
    BracketOpen,
    BracketClose,
    BraceOpen,
    BraceClose,
}

/// What is wrong with a token, and where in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) code: Code,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// A token: kind, bytes, and its first flaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) flaw: Option<Flaw>,
}

/// A position in a text of at most [`super::limits::SOURCE_BYTES_MAX`] bytes, so offsets fit in
/// 32 bits. A clone looks ahead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Bytes that may still be searched in vain for the end of a heredoc. Each search goes to the
    /// end of the text, and where tokens are passed over nothing else bounds how many there are.
    heredoc_bytes: usize,
    /// Comments come out as tokens instead of being passed over.
    comments: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        // Editors of one family begin a file with a byte order mark; HCL tools pass over it.
        let at = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        Lexer { text, at, heredoc_bytes: 2 * text.len(), comments: false }
    }

    /// For those who care about comments: each comes out as a [`TokenKind::Comment`].
    pub(super) fn with_comments(text: &'a str) -> Lexer<'a> {
        Lexer { comments: true, ..Lexer::new(text) }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !keep(c)).unwrap_or(rest.len());
    }

    /// The next token. Amortised linear in the text; after the end it is [`TokenKind::End`] forever.
    pub(super) fn next(&mut self) -> Token {
        loop {
            self.take_while(|c| c == ' ' || c == '\t');
            let rest = self.rest();
            if rest.starts_with('#') || rest.starts_with("//") {
                let start = self.at;
                self.at += rest.find('\n').unwrap_or(rest.len());
                if let Some(flaw) = hidden(self.text, start, self.at) {
                    return self.token(TokenKind::Bad, start, Some(flaw));
                }
                if self.comments {
                    return self.token(TokenKind::Comment, start, None);
                }
            } else if rest.starts_with("/*") {
                let start = self.at;
                match rest.find("*/") {
                    Some(length) if length >= 2 => self.at += length + 2,
                    // `/*/` is not closed: look for the end past the opening.
                    _ => match rest.get(2..).and_then(|inner| inner.find("*/")) {
                        Some(length) => self.at += length + 4,
                        None => {
                            self.at = self.text.len();
                            let flaw = flaw(Code::UnterminatedComment, start, start + 2);
                            return self.token(TokenKind::Bad, start, Some(flaw));
                        }
                    },
                }
                if let Some(flaw) = hidden(self.text, start, self.at) {
                    return self.token(TokenKind::Bad, start, Some(flaw));
                }
                if self.comments {
                    return self.token(TokenKind::Comment, start, None);
                }
            } else {
                return self.significant();
            }
        }
    }

    fn token(&self, kind: TokenKind, start: usize, flaw: Option<Flaw>) -> Token {
        Token { kind, start: start as u32, end: self.at as u32, flaw }
    }

    fn significant(&mut self) -> Token {
        let start = self.at;
        let Some(first) = self.peek() else { return self.token(TokenKind::End, start, None) };
        let rest = self.rest();
        if first == '\n' || rest.starts_with("\r\n") {
            self.at += if first == '\n' { 1 } else { 2 };
            return self.token(TokenKind::Newline, start, None);
        }
        if let Some(length) = foreign::unopened_word(rest) {
            self.at += length;
            let flaw = flaw(Code::UnterminatedString, start, self.at);
            return self.token(TokenKind::Text, start, Some(flaw));
        }
        if first == '_'
            || first.is_ascii_alphabetic()
            || (!first.is_ascii() && first.is_alphanumeric())
        {
            return self.name();
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        if first == '"' {
            return self.string();
        }
        if let Some(length) = foreign::quoted(rest) {
            self.at += length;
            let flaw = flaw(Code::UnknownCharacter, start, self.at);
            return self.token(TokenKind::Text, start, Some(flaw));
        }
        if let Some(length) = foreign::marked_name(rest) {
            self.at += length;
            let flaw = flaw(Code::UnknownCharacter, start, start + 1);
            return self.token(TokenKind::Name, start, Some(flaw));
        }
        if foreign::conflict(rest) && (start == 0 || self.text.as_bytes()[start - 1] == b'\n') {
            return self.conflict();
        }
        if rest.starts_with("<<") {
            return self.heredoc();
        }
        if let Some((length, kind)) = foreign::operator(rest) {
            self.at += length;
            let flaw = flaw(Code::UnknownCharacter, start, self.at);
            return self.token(kind, start, Some(flaw));
        }
        if let Some((length, kind)) = punctuation(rest) {
            self.at += length;
            return self.token(kind, start, None);
        }
        // A run of strays is one mistake, not hundreds; the first is taken whatever it is.
        self.at += first.len_utf8();
        self.take_while(|c| is_stray(c) && is_hidden(c) == is_hidden(first));
        let code = if is_hidden(first) { Code::HiddenCharacter } else { Code::UnknownCharacter };
        let flaw = flaw(code, start, self.at);
        self.token(TokenKind::Bad, start, Some(flaw))
    }

    fn name(&mut self) -> Token {
        let start = self.at;
        self.take_while(|c| c == '_' || c == '-' || c.is_alphanumeric());
        let text = self.text.get(start..self.at).unwrap_or("");
        let code = if text.len() > NAME_BYTES_MAX {
            Some(Code::NameTooLong)
        } else if !text.is_ascii() {
            Some(Code::NonAsciiName)
        } else if text.contains('-') {
            Some(Code::DashInName)
        } else {
            None
        };
        self.token(TokenKind::Name, start, code.map(|code| flaw(code, start, self.at)))
    }

    fn number(&mut self) -> Token {
        let start = self.at;
        self.take_while(|c| c == '_' || c == '.' || c.is_alphanumeric());
        let text = self.text.get(start..self.at).unwrap_or("");
        // An ellipsis or a method-like tail belongs to what follows only in other languages.
        let code = number_fault(text);
        self.token(TokenKind::Number, start, code.map(|code| flaw(code, start, self.at)))
    }

    fn string(&mut self) -> Token {
        let start = self.at;
        if let Some(length) = foreign::unclosed_word(self.rest()) {
            self.at += length;
            let flaw = flaw(Code::UnterminatedString, start, self.at);
            return self.token(TokenKind::Text, start, Some(flaw));
        }
        self.at += 1;
        let mut first: Option<Flaw> = None;
        loop {
            let here = self.at;
            let mut fault = |code, from: usize, to: usize| {
                first.get_or_insert(flaw(code, from, to));
            };
            match self.peek() {
                next @ (None | Some('\n' | '\r'))
                    if next != Some('\r') || self.rest().starts_with("\r\n") =>
                {
                    // The open quote is what needs the author's eye.
                    self.at = foreign::before_brace(self.text, start, here).unwrap_or(here);
                    first = Some(flaw(Code::UnterminatedString, start, self.at));
                    break;
                }
                Some('"') => {
                    self.at += 1;
                    if here - start - 1 > STRING_BYTES_MAX {
                        fault(Code::NameTooLong, start, self.at);
                    }
                    break;
                }
                Some('\\') => {
                    self.at += escape_length(self.rest()).unwrap_or_else(|| {
                        let next = self.rest().get(1..).and_then(|rest| rest.chars().next());
                        let length =
                            1 + next.filter(|c| *c != '\n' && *c != '\r').map_or(0, char::len_utf8);
                        fault(Code::BadEscape, here, here + length);
                        // Planted: counts two bytes, whatever the escaped character takes.
                        if cfg!(cairn_planted = "lexer") { 2 } else { length }
                    });
                }
                Some('$' | '%') if self.rest().get(1..2) == Some("{") => {
                    self.at += template_length(self.rest());
                    fault(Code::Template, here, self.at);
                }
                None => break,
                Some(c) => {
                    self.at += c.len_utf8();
                    if is_hidden(c) {
                        fault(Code::HiddenCharacter, here, self.at);
                    }
                }
            }
        }
        self.token(TokenKind::Text, start, first)
    }

    /// Both sides of a merge that nobody has resolved, as one mistake.
    fn conflict(&mut self) -> Token {
        let (start, rest) = (self.at, self.rest());
        let line = rest.find('\n').unwrap_or(rest.len());
        let closed = if self.heredoc_bytes > 0 { rest.find("\n>>>>>>>") } else { None };
        match closed.and_then(|at| rest.get(at + 1..).map(|end| (at, end))) {
            Some((at, end)) => self.at += at + 1 + end.find('\n').unwrap_or(end.len()),
            None => {
                self.heredoc_bytes = self.heredoc_bytes.saturating_sub(rest.len());
                self.at += line;
            }
        }
        let shown = rest.get(..line).unwrap_or("").trim_end().len();
        self.token(TokenKind::Bad, start, Some(flaw(Code::UnknownCharacter, start, start + shown)))
    }

    fn heredoc(&mut self) -> Token {
        let start = self.at;
        self.at += 2;
        if self.peek() == Some('-') {
            self.at += 1;
        }
        let tag_at = self.at;
        self.take_while(|c| c == '_' || c.is_ascii_alphanumeric());
        let tag = self.text.get(tag_at..self.at).unwrap_or("");
        let end = self.at;
        if !tag.is_empty() && self.heredoc_bytes > 0 {
            // Swallow the body, so that its lines are not reported one by one.
            let mut line_at = self.at;
            self.heredoc_bytes = self.heredoc_bytes.saturating_sub(self.rest().len());
            for line in self.rest().split_inclusive('\n') {
                line_at += line.len();
                if line.trim() == tag {
                    self.heredoc_bytes += self.rest().len();
                    self.at = line_at - (line.len() - line.trim_end().len());
                    break;
                }
            }
        }
        self.token(TokenKind::Text, start, Some(flaw(Code::Heredoc, start, end)))
    }
}

fn flaw(code: Code, start: usize, end: usize) -> Flaw {
    Flaw { code, start: start as u32, end: end as u32 }
}

fn punctuation(rest: &str) -> Option<(usize, TokenKind)> {
    use TokenKind::*;
    let long: &[(&str, TokenKind)] = &[
        ("...", Ellipsis),
        ("==", Equal),
        ("!=", NotEqual),
        ("<=", LessEqual),
        (">=", GreaterEqual),
        ("&&", And),
        ("||", Or),
    ];
    if let Some((text, kind)) = long.iter().find(|(text, _)| rest.starts_with(text)) {
        return Some((text.len(), *kind));
    }
    let kind = match rest.as_bytes().first()? {
        b'=' => Assign,
        b'<' => Less,
        b'>' => Greater,
        b'!' => Not,
        b'+' => Plus,
        b'-' => Minus,
        b'*' => Star,
        b'/' => Slash,
        b'%' => Percent,
        b'?' => Question,
        b':' => Colon,
        b',' => Comma,
        b'.' => Dot,
        b'(' => ParenOpen,
        b')' => ParenClose,
        b'[' => BracketOpen,
        b']' => BracketClose,
        b'{' => BraceOpen,
        b'}' => BraceClose,
        _ => return None,
    };
    Some((1, kind))
}

/// A character that starts no token.
fn is_stray(c: char) -> bool {
    !(c == ' '
        || c == '\t'
        || c == '\n'
        || c == '"'
        || c == '_'
        || c.is_alphanumeric()
        || "#=<>!+-*/%?:,.()[]{}".contains(c))
}

fn hidden(text: &str, start: usize, end: usize) -> Option<Flaw> {
    let comment = text.get(start..end).unwrap_or("");
    // Long comments are common: most are plain ASCII in one look.
    let plain = |b: u8| b.is_ascii() && (b >= b' ' || b == b'\t') && b != 0x7f;
    if comment.bytes().all(plain) {
        return None;
    }
    let (at, c) = comment.char_indices().find(|(at, c)| {
        let line_end = || text.get(start + at + 1..).is_some_and(|rest| rest.starts_with('\n'));
        is_hidden(*c) && *c != '\n' && !(*c == '\r' && line_end())
    })?;
    Some(flaw(Code::HiddenCharacter, start + at, start + at + c.len_utf8()))
}

fn number_fault(text: &str) -> Option<Code> {
    let (whole, decimals) = match text.split_once('.') {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (text, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole)
        || decimals.is_some_and(|part| !digits(part))
        || (whole.len() > 1 && whole.starts_with('0'))
    {
        return Some(Code::BadNumber);
    }
    if decimals.is_some_and(|part| part.len() > 6) {
        return Some(Code::TooManyDecimals);
    }
    super::literal::number(text).is_none().then_some(Code::NumberTooLarge)
}

/// Bytes of the escape at the start of `rest`, if it is one.
fn escape_length(rest: &str) -> Option<usize> {
    let (digits, length) = match rest.as_bytes().get(1)? {
        b'"' | b'\\' | b'n' | b'r' | b't' => return Some(2),
        b'u' => (rest.get(2..6)?, 6),
        _ => return None,
    };
    let value = u32::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
    char::from_u32(value).filter(|c| !is_hidden(*c)).map(|_| length)
}

/// Bytes of the template at the start of `rest`: to its closing brace, or to the end of the line.
fn template_length(rest: &str) -> usize {
    let mut depth = 0_u32;
    let mut quoted = false;
    for (at, c) in rest.char_indices() {
        match c {
            '\n' => return at,
            '"' if depth == 0 => return at,
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<TokenKind> {
        let mut lexer = Lexer::new(text);
        let mut kinds = Vec::new();
        loop {
            let token = lexer.next();
            if token.kind == TokenKind::End {
                return kinds;
            }
            kinds.push(token.kind);
        }
    }

    fn flaws(text: &str) -> Vec<Code> {
        let mut lexer = Lexer::new(text);
        let mut codes = Vec::new();
        loop {
            let token = lexer.next();
            codes.extend(token.flaw.map(|flaw| flaw.code));
            if token.kind == TokenKind::End {
                return codes;
            }
        }
    }

    #[test]
    fn tokens_of_a_line() {
        use TokenKind::*;
        assert_eq!(
            kinds("when = trigger.level >= 10 && !x # why\n/* a\nb */}"),
            [
                Name,
                Assign,
                Name,
                Dot,
                Name,
                GreaterEqual,
                Number,
                And,
                Not,
                Name,
                Newline,
                BraceClose
            ]
        );
    }

    #[test]
    fn flaws_are_named_and_the_token_survives() {
        for (text, expected) in [
            ("1.5.2", Code::BadNumber),
            ("1e5", Code::BadNumber),
            ("007", Code::BadNumber),
            ("1.", Code::BadNumber),
            ("0.1234567", Code::TooManyDecimals),
            ("9223372036854775808", Code::NumberTooLarge),
            ("\"abc\n", Code::UnterminatedString),
            ("\"a\\q\"", Code::BadEscape),
            ("\"a ${x} b\"", Code::Template),
            ("\"a %{if x} b\"", Code::Template),
            ("<<EOT\nbody \"\nEOT\n", Code::Heredoc),
            ("/* no end", Code::UnterminatedComment),
            ("/*/", Code::UnterminatedComment),
            ("a-b", Code::DashInName),
            ("zo\u{301}ne", Code::UnknownCharacter),
            ("zоne", Code::NonAsciiName),
            ("@@@", Code::UnknownCharacter),
            ("²", Code::NonAsciiName),
            ("\u{202e}", Code::HiddenCharacter),
            ("# a\u{202e}b", Code::HiddenCharacter),
            ("\"a\u{200b}b\"", Code::HiddenCharacter),
            ("a\rb", Code::HiddenCharacter),
            ("# a\r", Code::HiddenCharacter),
        ] {
            assert_eq!(flaws(text), [expected], "{text:?}");
        }
        assert_eq!(flaws("a\r\n# b\r\n/* c\r\n */ \"\\u0041\" 9223372036854775807"), []);
    }

    #[test]
    fn a_name_of_128_bytes_passes_and_129_do_not() {
        assert_eq!(flaws(&"a".repeat(128)), []);
        assert_eq!(flaws(&"a".repeat(129)), [Code::NameTooLong]);
    }
}
