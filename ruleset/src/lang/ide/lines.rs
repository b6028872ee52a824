//! Byte offsets to lines and columns as editors count them, and back.

/// In what an editor counts the columns of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// 16-bit units: what an editor counts that negotiates nothing.
    Utf16,
    /// Characters.
    Utf32,
}

impl Encoding {
    fn width(self, c: char) -> u32 {
        match self {
            Encoding::Utf8 => c.len_utf8() as u32,
            Encoding::Utf16 => c.len_utf16() as u32,
            Encoding::Utf32 => 1,
        }
    }
}

/// Where the lines of a text start. A line ends at `\n`, `\r\n` or a lone `\r`, as the protocol
/// has it. The text is handed in with every question, so that it can be edited in between: whoever
/// edits it says so with [`LineStarts::replaced`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineStarts(Vec<u32>);

impl LineStarts {
    /// Finds the lines. Linear in the text.
    pub fn new(text: &str) -> LineStarts {
        let mut starts = vec![0];
        starts.extend((1..=text.len()).filter(|at| starts_line(text, *at)).map(|at| at as u32));
        LineStarts(starts)
    }

    /// Follows an edit that is made already: the bytes from `start` to `end` of the old text are
    /// now the `fresh_bytes` bytes after `start` of `text`. Looks at those bytes alone and moves
    /// the starts behind them.
    pub fn replaced(&mut self, text: &str, start: usize, end: usize, fresh_bytes: usize) {
        // Whether a line starts at an offset depends on the bytes on both sides of it.
        let from = self.0.partition_point(|at| (*at as usize) < start.max(1));
        let to = self.0.partition_point(|at| *at as usize <= end).max(from);
        let fresh_end = start + fresh_bytes;
        for at in self.0.iter_mut().skip(to) {
            *at = (*at as usize - end + fresh_end) as u32;
        }
        let fresh = (start.max(1)..=fresh_end).filter(|at| starts_line(text, *at));
        self.0.splice(from..to, fresh.map(|at| at as u32));
    }

    /// Bytes of a line, with its end.
    pub fn line_bytes(&self, text: &str, line: u32) -> usize {
        self.line(text, line).map_or(0, |(_, content)| content.len())
    }

    fn line<'t>(&self, text: &'t str, line: u32) -> Option<(u32, &'t str)> {
        let start = *self.0.get(line as usize)?;
        let next = self.0.get(line as usize + 1).map_or(text.len(), |end| *end as usize);
        Some((start, text.get(start as usize..next).unwrap_or("")))
    }

    /// As [`Lines::position`].
    pub fn position(&self, text: &str, offset: u32, encoding: Encoding) -> (u32, u32) {
        let offset = floor(text, offset as usize);
        let line = self.0.partition_point(|start| *start as usize <= offset).max(1) - 1;
        let start = self.0.get(line).map_or(0, |start| *start as usize);
        let before = text.get(start..offset).unwrap_or("");
        let column = before.chars().map(|c| encoding.width(c)).sum();
        (line as u32, column)
    }

    /// As [`Lines::offset`].
    pub fn offset(&self, text: &str, line: u32, column: u32, encoding: Encoding) -> u32 {
        let Some((start, content)) = self.line(text, line) else { return text.len() as u32 };
        let content = content.trim_end_matches(['\n', '\r']);
        let mut seen = 0;
        for (at, c) in content.char_indices() {
            seen += encoding.width(c);
            if seen > column {
                return start + at as u32;
            }
        }
        start + content.len() as u32
    }
}

/// Whether a line starts at an offset behind the first byte.
fn starts_line(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    match bytes.get(at - 1) {
        Some(b'\n') => true,
        Some(b'\r') => bytes.get(at) != Some(&b'\n'),
        _ => false,
    }
}

/// A text with the starts of its lines.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    text: &'a str,
    starts: LineStarts,
}

impl<'a> Lines<'a> {
    /// Finds the lines. Linear in the text.
    pub fn new(text: &'a str) -> Lines<'a> {
        Lines { text, starts: LineStarts::new(text) }
    }

    /// Line and column, both from 0. An offset past the end or inside a character counts as the
    /// nearest place before it.
    pub fn position(&self, offset: u32, encoding: Encoding) -> (u32, u32) {
        self.starts.position(self.text, offset, encoding)
    }

    /// The byte at a line and column; a column past the end of its line is the end, a line past
    /// the last one is the end of the text.
    pub fn offset(&self, line: u32, column: u32, encoding: Encoding) -> u32 {
        self.starts.offset(self.text, line, column, encoding)
    }
}

/// The nearest border of a character at or before `at`.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Encoding; 3] = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32];

    #[test]
    fn columns_count_in_the_negotiated_unit() {
        let lines = Lines::new("é𝄞x\r\nb\rc\nd");
        let end = "é𝄞".len() as u32;
        assert_eq!(ALL.map(|encoding| lines.position(end, encoding)), [(0, 6), (0, 3), (0, 2)]);
        assert_eq!(lines.offset(0, 3, Encoding::Utf16), end);
        // In the middle of a surrogate pair: the character's start.
        assert_eq!(lines.offset(0, 2, Encoding::Utf16), "é".len() as u32);
        assert_eq!([1, 2, 3].map(|line| lines.offset(line, 0, Encoding::Utf16)), [9, 11, 13]);
        assert_eq!(lines.offset(0, 99, Encoding::Utf8), end + 1);
        assert_eq!(lines.offset(9, 0, Encoding::Utf8), 14);
        assert_eq!(lines.position(99, Encoding::Utf8), (3, 1));
    }

    proptest! {
        #[test]
        fn there_and_back(text in "[ab\né𝄞\r]{0,40}", at in 0_usize..200) {
            let lines = Lines::new(&text);
            let at = floor(&text, at);
            // Inside `\r\n` the line's end is meant.
            prop_assume!(!(at > 0 && text[..at].ends_with('\r') && text[at..].starts_with('\n')));
            for encoding in ALL {
                let (line, column) = lines.position(at as u32, encoding);
                prop_assert_eq!(lines.offset(line, column, encoding), at as u32);
            }
        }

        #[test]
        fn starts_follow_edits(
            mut text in "[ab\né𝄞\r]{0,40}",
            edits in prop::collection::vec((0_usize..200, 0_usize..20, "[a\né\r]{0,5}"), 1..8),
        ) {
            let mut starts = LineStarts::new(&text);
            for (at, length, fresh) in edits {
                let start = floor(&text, at);
                let end = floor(&text, start + length);
                text.replace_range(start..end, &fresh);
                starts.replaced(&text, start, end, fresh.len());
                prop_assert_eq!(&starts, &LineStarts::new(&text), "{:?}", text);
            }
        }

        #[test]
        fn any_place_is_a_place(text in ".{0,40}", line in 0_u32..9, column: u32, at: u32) {
            let lines = Lines::new(&text);
            for encoding in ALL {
                let offset = lines.offset(line, column, encoding);
                prop_assert!(text.is_char_boundary(offset as usize));
                lines.position(at, encoding);
            }
        }
    }
}
