//! What is left over behind a value on its line: what is reported, and what was meant by it.

use super::builtins::BUILTINS;
use super::lexer::TokenKind;
use super::parser::{Parsed, Parser};
use super::{Code, foreign, literal, names};

/// Longest value, and longest rest of a line, that are looked at.
const TEXT_BYTES_MAX: usize = 200;

/// Longest text that is shown as it is to be written.
const SHOWN_BYTES_MAX: usize = 60;

/// Attributes whose value is never a text of several words.
const NO_TEXTS: [&str; 15] = [
    "when", "weight", "count", "rolls", "on", "type", "range", "cron", "per", "window", "enabled",
    "default", "duration", "every", "table",
];

/// What to do about a bracket that closes nothing: to remove it may change what is meant.
pub(super) const UNOPENED: &str =
    "add the bracket that opens it where that belongs; remove this one only if none is missing";

/// Attributes whose value is a number.
const NUMBERS: [&str; 4] = ["weight", "count", "rolls", "range"];

/// Attributes whose value may be two numbers in brackets.
const RANGES: [&str; 3] = ["count", "rolls", "range"];

impl Parser<'_> {
    /// After a statement: the line ends here.
    pub(super) fn finish_line(&mut self) -> Parsed<()> {
        if self.at(TokenKind::Comma) && self.peek().kind != TokenKind::Number {
            let token = self.token;
            let last = matches!(self.peek().kind, TokenKind::Newline | TokenKind::End);
            let (message, help) = match last {
                true => ("a comma at the end of a statement", "remove it"),
                false => (
                    "a comma after a value",
                    "write one value; what follows is another statement, on its own line",
                ),
            };
            let _: Parsed<()> = self.fail(
                Code::SeveralOnLine,
                (token.start, token.end),
                message,
                "the end of the line ends a statement; commas separate elements inside brackets",
                help,
            );
            self.advance();
        }
        let token = self.token;
        match token.kind {
            TokenKind::Newline | TokenKind::End => Ok(()),
            TokenKind::BraceClose => {
                let _: Parsed<()> = self.fail(
                    Code::SeveralOnLine,
                    (token.start, token.end),
                    "this `}` stands on the line of a statement",
                    "as in HCL, a block over several lines is closed on a line of its own",
                    "remove it, or put it on the next line if the block around it ends here",
                );
                Ok(())
            }
            // The block before it was never closed, which is reported.
            _ if self.ends_unclosed() || self.is_top_block_at_line_start() => Ok(()),
            kind => {
                let before = self.slice(0, self.previous_end);
                let beside_quote = before.ends_with('"') || kind == TokenKind::Text;
                let after_function = BUILTINS.iter().any(|known| known.0 == self.last_word());
                let line = before.rsplit('\n').next().unwrap_or("");
                let dashes = foreign::dashes(line) || self.word(token).starts_with("--");
                let quoted = self.slice(self.attribute.1, self.previous_end).contains('"');
                let meant = self.meant_by_rest();
                let message = match kind {
                    TokenKind::Name => {
                        format!("`{}` begins a second statement on this line", self.word(token))
                    }
                    _ => format!("`{}` is left over at the end of the statement", self.word(token)),
                };
                self.fail(
                    Code::SeveralOnLine,
                    (token.start, token.end),
                    message,
                    "one statement takes one line; only brackets go over several",
                    match kind {
                        _ if meant.is_some() => meant.as_deref().unwrap_or_default(),
                        _ if self.is_inside_of("cron") && !quoted => {
                            "a cron expression is a string: write it between double quotes"
                        }
                        _ if token.start == self.previous_end && beside_quote => {
                            "a text has one quote on each side: remove the others"
                        }
                        TokenKind::Comma
                            if self.is_inside_of("count") || self.is_inside_of("rolls") =>
                        {
                            "a range stands in brackets: write `[fewest, most]`"
                        }
                        TokenKind::Name if self.word(token) == "if" => {
                            "a choice is written `condition ? value : other value`"
                        }
                        TokenKind::Name if matches!(self.word(token), "then" | "do") => {
                            "remove it: a condition ends with its line"
                        }
                        TokenKind::ParenClose | TokenKind::BracketClose => UNOPENED,
                        _ if dashes => "a comment begins with `#` or `//`",
                        TokenKind::Name if after_function => {
                            "a function takes its argument in brackets"
                        }
                        TokenKind::Comma => "a decimal has a point: 0.5",
                        TokenKind::BraceOpen => "a block has no `=`: write `kind \"name\" {`",
                        _ => "start a new line, or join the two parts with an operator",
                    },
                )
            }
        }
    }

    /// Whether the current token stands on the line of the attribute of this name.
    fn is_inside_of(&self, name: &str) -> bool {
        let (start, end) = self.attribute;
        self.slice(start, end) == name && !self.slice(end, self.token.start).contains('\n')
    }

    /// What to write where the value of the attribute at hand goes on behind the blank before the
    /// current token: a duration or a range in words, or a text without its quotes.
    pub(super) fn meant_by_rest(&self) -> Option<String> {
        let (name, end) = (self.slice(self.attribute.0, self.attribute.1), self.previous_end);
        let from = end.saturating_sub(TEXT_BYTES_MAX as u32).max(self.attribute.1);
        let value = self.slice(from, end).trim_start().strip_prefix('=')?.trim_start();
        let rest = self.text.get(self.token.start as usize..)?;
        let length = rest.bytes().take(TEXT_BYTES_MAX).position(|byte| byte == b'\n');
        let line = rest.get(..length.or((rest.len() < TEXT_BYTES_MAX).then_some(rest.len()))?)?;
        let apart = self.token.kind == TokenKind::Name && self.token.start > end;
        if !apart || value.contains('\n') {
            return None;
        }
        let word = self.word(self.token);
        let high = self.peek();
        if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            let duration = literal::meant_duration(&format!("{value} {word}"));
            if let Some(duration) = duration.filter(|_| !NUMBERS.contains(&name)) {
                return Some(format!("a duration is a string: write \"{duration}\""));
            }
            let range = RANGES.contains(&name) && word == "to" && high.kind == TokenKind::Number;
            if range {
                let high = self.word(high);
                return Some(format!("a range stands in brackets: write `[{value}, {high}]`"));
            }
            let unit = line.trim_end() == word && names::is_name(word);
            return unit.then(|| format!("remove `{word}`: a number is written without its unit"));
        }
        let line = line.trim_end().trim_end_matches('}').trim_end();
        let known = ["true", "false", "trigger", "param", "condition", "not"].contains(&value)
            || BUILTINS.iter().any(|builtin| builtin.0 == value);
        // Words, and what may stand between them in a sentence.
        let words = |byte: u8| byte.is_ascii_alphanumeric() || b" ,.!?'_".contains(&byte);
        let plain =
            !line.contains("--") && (line.bytes().all(|byte| words(byte) || !byte.is_ascii()));
        let choice = matches!(word, "if" | "else" | "and" | "or" | "not" | "in" | "is")
            || line.split(' ').any(|word| matches!(word, "if" | "else"))
            || ["trigger.", "param.", "condition."].iter().any(|prefix| line.contains(prefix));
        if known || !plain || choice || NO_TEXTS.contains(&name) {
            return None;
        }
        names::is_name(&value.to_ascii_lowercase()).then(|| {
            let text = format!("{value} {line}");
            match text.len() <= SHOWN_BYTES_MAX {
                true => {
                    format!("a text stands between double quotes: write `{name} = \"{text}\"`")
                }
                false => "a text stands between double quotes: write one before it and one behind"
                    .to_owned(),
            }
        })
    }
}
