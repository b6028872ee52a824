//! What other languages and word processors write, and what is meant by it.
//!
//! The lexer takes each as what was meant, with a flaw beside it, so that one slip of the pen is one
//! error and not one more for every token after it. Each look is bounded: none depends on how long
//! the text is.

use super::lexer::TokenKind;
use super::limits::NAME_BYTES_MAX;

/// Quotes that are none here, straight ones included where a string may end in them.
pub(super) const QUOTES: [char; 8] =
    ['"', '\'', '`', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{201e}'];

/// Longest string in foreign quotes that is read as one: it is looked for at every such quote.
const WRONG_STRING_BYTES_MAX: usize = 128;

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Bytes of a string at the start of `rest` that is a word without its closing quote, when what
/// follows the word shows that: `"low, "mid"` or `"crypt }`. What follows is then read as it was
/// meant, so that one missing quote is one mistake. Looks at one word and the blanks after it.
pub(super) fn unclosed_word(rest: &str) -> Option<usize> {
    let inner = rest.get(1..)?;
    let word = inner.bytes().take(NAME_BYTES_MAX);
    let length = word.take_while(|b| *b == b'_' || *b == b'.' || b.is_ascii_alphanumeric()).count();
    let blank = |text: &str| text.bytes().take(64).take_while(|b| *b == b' ').count();
    let after = inner.get(length..)?;
    let after = after.get(blank(after)..)?;
    if length == 0 {
        return None;
    }
    let closed_on_line = || {
        // A quote that closes this string is not followed by a word.
        let mut bytes = after.bytes().take(WRONG_STRING_BYTES_MAX).peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\n' => return false,
                b'"' => {
                    return !bytes.peek().is_some_and(|b| *b == b'_' || b.is_ascii_alphanumeric());
                }
                _ => {}
            }
        }
        true
    };
    let separated = match after.as_bytes().first() {
        Some(b',') => {
            let next = after.get(1..)?;
            let next = next.get(blank(next)..)?;
            next.is_empty() || next.starts_with(['"', '\n', '\r', ']', ')']) || names_string(next)
        }
        Some(b')' | b']' | b'}' | b'{') => true,
        _ => after.starts_with("&&") || after.starts_with("||"),
    };
    (separated && !closed_on_line()).then_some(1 + length)
}

/// Whether `next` begins with a name that is given a string: `zone = "crypt"`.
fn names_string(next: &str) -> bool {
    let inside = |b: &u8| *b == b'_' || b.is_ascii_alphanumeric();
    let length = next.bytes().take(NAME_BYTES_MAX).take_while(inside).count();
    let mut rest = next.get(length..).unwrap_or("").bytes().take(64).filter(|b| *b != b' ');
    length > 0 && rest.next() == Some(b'=') && rest.next() == Some(b'"')
}

/// Bytes of a string at the start of `rest` that is a word without its opening quote: `luck" {`.
/// Such a quote is the last one of its line, so nothing that is well-formed reads so.
pub(super) fn unopened_word(rest: &str) -> Option<usize> {
    let inside = |b: &u8| b.is_ascii_alphanumeric() || b"_./+:-".contains(b);
    let length = rest.bytes().take(NAME_BYTES_MAX).take_while(inside).count();
    let after = rest.get(length..)?.strip_prefix('"')?;
    let line = after.split('\n').next().unwrap_or("");
    let ends = line.trim_start().chars().next().is_none_or(|c| ",)]}{#/".contains(c));
    let begins = rest.starts_with(|c: char| c == '_' || c.is_ascii_alphanumeric());
    (begins && ends && !line.contains('"')).then_some(length + 1)
}

/// Whether two dashes stand in one line outside its strings: a comment in other languages.
pub(super) fn dashes(line: &str) -> bool {
    let outside = |part: &str| part.contains("--");
    line.split('"').step_by(2).any(outside)
}

/// Where a string without its closing quote ends that begins at `start` in a line that ends at `end`,
/// when the line ends with the brace of a block that it began: `{ message = "Go! }`. The brace is
/// then read as what it is. Looks at one line.
pub(super) fn before_brace(text: &str, start: usize, end: usize) -> Option<usize> {
    let before = text.get(..start)?;
    let before = before.get(before.rfind('\n').map_or(0, |at| at + 1)..)?;
    let inner = text.get(start..end)?.trim_end().strip_suffix('}')?.trim_end();
    let open = before.matches('{').count() > before.matches('}').count();
    (open && inner.len() > 1 && !inner.contains(['{', '}'])).then_some(start + inner.len())
}

/// The first line of what version control writes where two changes meet.
pub(super) fn conflict(rest: &str) -> bool {
    rest.starts_with("<<<<<<<")
}

/// The letter of a to z that a letter of another alphabet looks like.
pub(super) fn latin(c: char) -> char {
    const ALIKE: [(char, &str); 14] = [
        ('a', "аα"),
        ('c', "сϲ"),
        ('e', "еέ"),
        ('h', "һ"),
        ('i', "іι"),
        ('j', "јϳ"),
        ('k', "κк"),
        ('n', "п"),
        ('o', "оο"),
        ('p', "рρ"),
        ('s', "ѕ"),
        ('v', "ν"),
        ('x', "хχ"),
        ('y', "уγ"),
    ];
    ALIKE.iter().find(|(_, alike)| alike.contains(c)).map_or(c, |(latin, _)| *latin)
}

/// Operators of other languages, with the one that is meant.
pub(super) fn operator(rest: &str) -> Option<(usize, TokenKind)> {
    use TokenKind::*;
    let known: &[(&str, TokenKind)] = &[
        ("===", Equal),
        ("!==", NotEqual),
        ("<>", NotEqual),
        ("=>", GreaterEqual),
        ("=<", LessEqual),
        ("**", Star),
        ("≥", GreaterEqual),
        ("≤", LessEqual),
        ("≠", NotEqual),
        ("×", Star),
        ("÷", Slash),
        ("−", Minus),
    ];
    if let Some((text, kind)) = known.iter().find(|(text, _)| rest.starts_with(text)) {
        return Some((text.len(), *kind));
    }
    match rest.as_bytes() {
        [b'&', b'&', ..] | [b'|', b'|', ..] => None,
        [b'&', ..] => Some((1, And)),
        [b'|', ..] => Some((1, Or)),
        _ => None,
    }
}

/// The attribute that is meant by `name`, and whether its value is written alike.
pub(super) fn attribute(name: &str) -> Option<(&'static str, bool)> {
    Some(match name {
        "if" | "condition" | "where" | "only_if" => ("when", true),
        "event" | "trigger" => ("on", true),
        "description" | "comment" | "desc" | "note" => ("doc", true),
        "value" | "initial" => ("default", true),
        "region" | "place" | "tz" | "timezone" | "time_zone" => ("zone", true),
        "amount" | "quantity" => ("count", true),
        "period" | "interval" => ("every", false),
        "loot" | "loot_table" => ("table", true),
        "chance" | "probability" | "odds" => ("weight", false),
        "schedule" => ("cron", false),
        "length" => ("duration", false),
        _ => return None,
    })
}

/// Bytes of a string in foreign quotes at the start of `rest`.
pub(super) fn quoted(rest: &str) -> Option<usize> {
    let closing = match rest.chars().next()? {
        '\'' => ['\'', '\u{2019}'],
        '`' => ['`', '\''],
        '\u{2018}' | '\u{2019}' => ['\u{2019}', '\''],
        '\u{201c}' | '\u{201d}' | '\u{201e}' => ['\u{201d}', '\u{201c}'],
        _ => return None,
    };
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if at > WRONG_STRING_BYTES_MAX || c == '\n' || c == '"' {
            return None;
        }
        // An apostrophe inside a word closes nothing.
        if closing.contains(&c) && !chars.peek().is_some_and(|(_, c)| is_word(*c)) {
            return Some(at + c.len_utf8());
        }
    }
    None
}

/// Bytes of `$name` or `@name` at the start of `rest`: a name in languages that mark them.
pub(super) fn marked_name(rest: &str) -> Option<usize> {
    let name = rest.strip_prefix(['$', '@'])?;
    let word = name.bytes().take(NAME_BYTES_MAX);
    let length = word.take_while(|b| *b == b'_' || b.is_ascii_alphanumeric()).count();
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(1 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_in_foreign_quotes_end_where_they_seem_to() {
        for (text, expected) in [
            ("'crypt' && x", Some("'crypt'")),
            ("'it's fine', 'b'", Some("'it's fine'")),
            ("\u{201c}crypt\u{201d}", Some("\u{201c}crypt\u{201d}")),
            ("'open", None),
            ("'over\nlines'", None),
            ("crypt", None),
        ] {
            assert_eq!(quoted(text).map(|length| &text[..length]), expected, "{text}");
        }
        for (length, found) in [(WRONG_STRING_BYTES_MAX - 1, true), (WRONG_STRING_BYTES_MAX, false)]
        {
            let text = format!("'{}'", "a".repeat(length));
            assert_eq!(quoted(&text).is_some(), found, "{length}");
        }
    }

    #[test]
    fn a_string_without_its_closing_quote_ends_before_the_brace_of_its_line() {
        for (text, expected) in [
            ("emit \"x\" { message = \"Go! }", Some("\"Go!")),
            ("emit \"x\" { message = \"Go!}  ", Some("\"Go!")),
            ("message = \"Go! }", None),
            ("e { } message = \"Go! }", None),
            ("e {\n message = \"Go! }", None),
            ("e { message = \"}", None),
            ("e { message = \"a {b} }", None),
        ] {
            let start = text.rfind('"').unwrap();
            let found = before_brace(text, start, text.len());
            assert_eq!(found.map(|end| &text[start..end]), expected, "{text}");
        }
    }

    #[test]
    fn a_word_without_its_opening_quote_is_the_last_of_its_line() {
        for (text, expected) in [
            ("luck\" {\n", Some("luck\"")),
            ("Europe/Stockholm\"\nzone = \"a\"", Some("Europe/Stockholm\"")),
            ("90s\", x", Some("90s\"")),
            ("luck\" more\n", None),
            ("zone\"crypt\"\n", None),
            ("zone \"crypt\n", None),
            ("/a\"\n", None),
            ("luck", None),
        ] {
            assert_eq!(unopened_word(text).map(|length| &text[..length]), expected, "{text}");
        }
        for (length, found) in [(NAME_BYTES_MAX, true), (NAME_BYTES_MAX + 1, false)] {
            let text = format!("{}\"", "a".repeat(length));
            assert_eq!(unopened_word(&text).is_some(), found, "{length}");
        }
    }

    #[test]
    fn a_word_without_its_closing_quote_is_seen_by_what_follows() {
        for (text, expected) in [
            ("\"low, \"mid\"]", Some("\"low")),
            ("\"crypt }\n", Some("\"crypt")),
            ("\"crypt && x\n", Some("\"crypt")),
            ("\"crypt, took = \"2m\" }\n", Some("\"crypt")),
            ("\"2m, zone=\"crypt\" }\n", Some("\"2m")),
            ("\"low\", \"mid\"]", None),
            ("\"crypt, took = \"\n", None),
            ("\"crypt, took == \"2m\"\n", None),
            ("\"crypt, took = 2\"\n", None),
            ("\"one, two\"", None),
            ("\"a } b\"", None),
            ("\"how many\n", None),
        ] {
            assert_eq!(unclosed_word(text).map(|length| &text[..length]), expected, "{text}");
        }
    }
}
