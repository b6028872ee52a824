//! The words for malformed tokens.

use super::limits::NAME_BYTES_MAX;
use super::limits::STRING_BYTES_MAX;
use super::{Code, Diagnostic, Span};

/// What to say about a token's flaw; `text` is the flawed part as written.
pub(super) fn describe(code: Code, span: Span, text: &str) -> Diagnostic {
    let shown: String = text.chars().take(40).collect();
    let (message, cause, help) = match code {
        Code::UnknownCharacter => {
            let quoted = text.chars().count() > 2 && text.starts_with(super::foreign::QUOTES);
            if quoted {
                let inner = super::literal::string(text);
                return Diagnostic::error(
                    code,
                    span,
                    format!("{shown} stands in the wrong quotes"),
                )
                .cause("strings stand between straight double quotes; word processors change them")
                .help(format!("write \"{inner}\""));
            }
            let help = match text {
                "&" => "write `&&` for \"and\"",
                "|" => "write `||` for \"or\"",
                "===" => "write `==`",
                "!==" | "<>" => "write `!=`",
                "=>" => "write `>=`",
                "=<" => "write `<=`",
                "**" => "write the product out: `x * x`",
                "$" | "@" => "a reference says what it refers to: `trigger.level`, `param.bonus`",
                _ if text.starts_with('\'') => "write strings with double quotes",
                _ if text.starts_with(';') => "end the line instead",
                _ => "remove it",
            };
            (
                format!("`{shown}` means nothing here"),
                "no part of the language is written so outside strings and comments",
                help.to_owned(),
            )
        }
        Code::NonAsciiName => {
            let odd: Vec<String> = (text.chars().filter(|c| !c.is_ascii()).take(4))
                .map(|c| format!("{c} (U+{:04X})", c as u32))
                .collect();
            (
                format!("the name `{shown}` holds {}", odd.join(", ")),
                "names use ASCII letters, so that two names that look alike are alike",
                "write the name with a to z, 0 to 9 and `_`".to_owned(),
            )
        }
        Code::NameTooLong if text.starts_with('"') => (
            format!("a string of {} bytes, limit {STRING_BYTES_MAX}", text.len() - 2),
            "strings are names, documentation and short values",
            "shorten it".to_owned(),
        ),
        Code::NameTooLong => (
            format!("a name of {} bytes, limit {NAME_BYTES_MAX}", text.len()),
            "names travel in every bundle and in every answer",
            "shorten it".to_owned(),
        ),
        Code::UnterminatedString => (
            "this string has no closing quote on its line".to_owned(),
            "a string ends on the line where it begins",
            "add `\"` at its end; a quote inside is written `\\\"`".to_owned(),
        ),
        Code::BadEscape => (
            format!("`{shown}` is no escape"),
            "a backslash begins one of \\\" \\\\ \\n \\r \\t \\uXXXX",
            "write `\\\\` for a backslash itself".to_owned(),
        ),
        Code::Template => (
            format!("`{shown}` is a template"),
            "strings are constants here: rules never build text",
            "give the value an attribute of its own".to_owned(),
        ),
        Code::Heredoc => (
            format!("`{shown}` begins a heredoc"),
            "strings are short constants here",
            "write the text between double quotes on one line".to_owned(),
        ),
        Code::UnterminatedComment => (
            "this `/*` has no `*/`".to_owned(),
            "the rest of the file would be a comment",
            "add `*/` where the comment ends".to_owned(),
        ),
        Code::BadNumber => (
            format!("`{shown}` is no number"),
            "numbers are written 12 or 1.25: no exponent, no leading zero, no separator, no unit",
            match text.split_once("..") {
                Some((low, high)) => format!("a range is written `({low}, {high})`"),
                None => "write the digits out; durations are strings such as \"90s\"".to_owned(),
            },
        ),
        Code::TooManyDecimals => (
            format!("`{shown}` has more than six decimals"),
            "decimals are exact to a millionth, on every machine alike",
            "round it to six digits after the point".to_owned(),
        ),
        Code::NumberTooLarge => (
            format!("`{shown}` is too large"),
            "whole numbers end at 9223372036854775807, decimals at 9223372036854.775807",
            "use a smaller number".to_owned(),
        ),
        Code::HiddenCharacter => {
            let hidden = text.chars().next().map_or(0, |c| c as u32);
            (
                format!("an invisible character, U+{hidden:04X}"),
                "characters that nobody sees can make a rule read differently from what it does",
                "delete it; save the file as UTF-8 without a byte order mark".to_owned(),
            )
        }
        Code::DashInName => {
            let spaced = text.replace('-', " - ");
            (
                format!("`{shown}` reads as one name"),
                "as in HCL a dash belongs to the name that it touches",
                format!("write `{}` to subtract, `_` to join words", spaced.trim()),
            )
        }
        _ => (format!("`{shown}` is malformed"), "it cannot be read", "rewrite it".to_owned()),
    };
    Diagnostic::error(code, span, message).cause(cause).help(help)
}
