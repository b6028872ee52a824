//! Lines of source code, indented.

pub(super) struct Writer {
    out: String,
    indent: &'static str,
    depth: usize,
}

impl Writer {
    pub(super) fn new(indent: &'static str) -> Writer {
        Writer { out: String::new(), indent, depth: 0 }
    }

    /// One line; what begins with a closing bracket ends a block, what ends with an opening one
    /// begins one.
    pub(super) fn line(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        if text.starts_with(['}', ')', ']']) {
            self.depth = self.depth.saturating_sub(1);
        }
        if !text.is_empty() {
            self.out.push_str(&self.indent.repeat(self.depth));
            self.out.push_str(text);
        }
        self.out.push('\n');
        if text.ends_with(['{', '(', '[']) {
            self.depth += 1;
        }
    }

    /// Several lines.
    pub(super) fn lines(&mut self, text: &str) {
        text.lines().for_each(|line| self.line(line));
    }

    pub(super) fn finish(self) -> String {
        self.out
    }
}

/// Text as one line of a comment: nothing in it ends the comment.
pub(super) fn comment(text: &str) -> String {
    // U+2028 and U+2029 end a line in C# and TypeScript.
    let ends = |c: char| c.is_control() || matches!(c, '\\' | '\u{2028}' | '\u{2029}');
    let plain = |c: char| if ends(c) { ' ' } else { c };
    text.chars()
        .map(plain)
        .collect::<String>()
        .replace("*/", "* /")
        .replace("<", "(")
        .replace(">", ")")
        .replace('&', "and")
}

/// A string literal that all five languages read alike.
pub(super) fn quoted(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c.is_control() => literal.push(' '),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}
