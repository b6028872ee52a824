//! The words for malformed tokens.

use super::limits::NAME_BYTES_MAX;
use super::limits::STRING_BYTES_MAX;
use super::{Code, Diagnostic, Span};

/// What to say about a token's flaw; `text` is the flawed part as written, and `before` the file up to it.
pub(super) fn describe(code: Code, span: Span, text: &str, before: &str) -> Diagnostic {
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
            if super::foreign::conflict(text) {
                return Diagnostic::error(code, span, format!("`{shown}` begins a merge conflict"))
                    .cause("version control found two changes of the same lines and kept both")
                    .help("keep one side, and remove the lines of `<`, `=` and `>`");
            }
            if let Some(name) = space(text) {
                let first = text.chars().next().map_or(0, |c| c as u32);
                return Diagnostic::error(code, span, format!("U+{first:04X}, {name}"))
                    .cause("only the plain space and the tab separate words")
                    .help("type a space in its place")
                    .edit(span, " ");
            }
            let operator = match text {
                "===" => Some("=="),
                "!==" | "<>" | "≠" => Some("!="),
                "=>" | "≥" => Some(">="),
                "=<" | "≤" => Some("<="),
                "&" => Some("&&"),
                "|" => Some("||"),
                "＝" => Some("="),
                "×" => Some("*"),
                "÷" => Some("/"),
                "−" => Some("-"),
                _ => None,
            };
            if let Some(operator) = operator {
                return Diagnostic::error(code, span, format!("`{shown}` means nothing here"))
                    .cause("operators are written as in HCL")
                    .help(format!("write `{operator}`"))
                    .edit(span, operator);
            }
            let help = match text {
                "**" | "^" => "write the product out: `x * x`",
                "@" => "write a text between double quotes, as in `context = \"hunt@1\"`",
                "$" => "a reference says what it refers to: `trigger.level`, `param.bonus`",
                _ if text.starts_with('\'') => "write strings with double quotes",
                "~" => "write `!=` for what is not equal; else remove it",
                _ => "remove it",
            };
            (
                format!("`{shown}` means nothing here"),
                "no part of the language is written so outside strings and comments",
                help.to_owned(),
            )
        }
        Code::NonAsciiName => {
            return non_ascii(span, text, "");
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
        Code::UnterminatedString if !text.starts_with('"') => {
            let inner = text.trim_end_matches('"');
            if before.ends_with('"') {
                return Diagnostic::error(code, span, "this string touches the one before it")
                    .cause("a string stands between two double quotes on one line")
                    .help(format!(
                        "write \"{inner}\", and add the `\"` that a string further left lacks"
                    ));
            }
            return Diagnostic::error(code, span, "this string has no opening quote")
                .cause("a string stands between two double quotes on one line")
                .help(format!("write \"{inner}\""))
                .edit(span, format!("\"{inner}\""));
        }
        Code::UnterminatedString if text.trim_end_matches([' ', '{', ',', ')', ']']) == "\"" => (
            "this quote begins a string that has no end".to_owned(),
            "a string stands between two double quotes on one line",
            "add the missing quote: before what stands left of this one, or after what follows"
                .to_owned(),
        ),
        Code::UnterminatedString => (
            "this string has no closing quote on its line".to_owned(),
            "a string ends on the line where it begins",
            match text.trim_start_matches('"').split_whitespace().next_back() {
                Some(last) if last.len() <= 24 => {
                    format!("add `\"` behind `{last}`; a quote inside is written `\\\"`")
                }
                _ => "add `\"` at its end; a quote inside is written `\\\"`".to_owned(),
            },
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
                Some((low, high)) => {
                    let called = before.trim_end().ends_with('(');
                    let high = high.trim_start_matches(['.', '=']);
                    return Diagnostic::error(code, span, format!("`{shown}` is no number"))
                        .cause("a range is written as its two ends, both included")
                        .help(match called {
                            true => format!("write `({low}, {high})`"),
                            false => format!("write `[{low}, {high}]`"),
                        })
                        .edit(
                            span,
                            match called {
                                true => format!("{low}, {high}"),
                                false => format!("[{low}, {high}]"),
                            },
                        );
                }
                None if super::literal::duration(text).is_some() => {
                    format!("write the digits out, or \"{text}\" where a duration belongs")
                }
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
            "use a smaller number; a larger `seed` or `player` of a test stands in quotes"
                .to_owned(),
        ),
        Code::HiddenCharacter => {
            let hidden = text.chars().next().map_or(0, |c| c as u32);
            let message = format!("an invisible character, U+{hidden:04X}");
            let found = Diagnostic::error(code, span, message).cause(
                "characters that nobody sees can make a rule read differently from what it does",
            );
            return match text {
                "\u{feff}" => found.help("delete it: a byte order mark stands before a file alone"),
                "\r" => found.help("end lines with \\n, or with \\r\\n"),
                _ => found.help("delete it").edit(span, ""),
            };
        }
        Code::DashInName => {
            let spaced = text.replace('-', " - ");
            (
                format!("`{shown}` reads as one name"),
                "as in HCL a dash belongs to the name that it touches",
                format!(
                    "write \"{text}\" if it is a text, `{}` to subtract, or `_` to join words",
                    spaced.trim()
                ),
            )
        }
        _ => (format!("`{shown}` is malformed"), "it cannot be read", "rewrite it".to_owned()),
    };
    Diagnostic::error(code, span, message).cause(cause).help(help)
}

/// What a space that is not the plain one is called.
fn space(text: &str) -> Option<&'static str> {
    Some(match text.chars().next()? {
        '\u{a0}' => "a no-break space",
        '\u{202f}' => "a narrow no-break space",
        '\u{3000}' => "an ideographic space",
        c if !c.is_ascii() && c.is_whitespace() => "a space of another width",
        _ => return None,
    })
}

/// What to say about a name with letters of another alphabet; it stands between two `quote`s.
pub(super) fn non_ascii(span: Span, text: &str, quote: &str) -> Diagnostic {
    let shown: String = text.chars().take(40).collect();
    let odd: Vec<String> = (text.chars().filter(|c| !c.is_ascii()).take(4))
        .map(|c| format!("{c} (U+{:04X})", c as u32))
        .collect();
    let found = Diagnostic::error(
        Code::NonAsciiName,
        span,
        format!("the name `{shown}` holds {}", odd.join(", ")),
    )
    .cause("names use ASCII letters, so that two names that look alike are alike");
    let meant: String = text.chars().map(super::foreign::latin).collect();
    if !super::names::is_dotted(&meant) {
        return found.help("write the name with a to z, 0 to 9 and `_`");
    }
    let meant = format!("{quote}{meant}{quote}");
    found.help(format!("write {meant}, all of it with the letters a to z")).edit(span, meant)
}
