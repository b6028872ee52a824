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

/// A text with the starts of its lines. A line ends at `\n`, `\r\n` or a lone `\r`, as the
/// protocol has it.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<u32>,
}

impl<'a> Lines<'a> {
    /// Finds the lines. Linear in the text.
    pub fn new(text: &'a str) -> Lines<'a> {
        let mut starts = vec![0];
        let bytes = text.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            let alone = *byte == b'\r' && bytes.get(at + 1) != Some(&b'\n');
            if *byte == b'\n' || alone {
                starts.push(at as u32 + 1);
            }
        }
        Lines { text, starts }
    }

    /// Line and column, both from 0. An offset past the end or inside a character counts as the
    /// nearest place before it.
    pub fn position(&self, offset: u32, encoding: Encoding) -> (u32, u32) {
        let offset = floor(self.text, offset as usize);
        let line = self.starts.partition_point(|start| *start as usize <= offset).max(1) - 1;
        let start = self.starts.get(line).map_or(0, |start| *start as usize);
        let before = self.text.get(start..offset).unwrap_or("");
        let column = before.chars().map(|c| encoding.width(c)).sum();
        (line as u32, column)
    }

    /// The byte at a line and column; a column past the end of its line is the end, a line past
    /// the last one is the end of the text.
    pub fn offset(&self, line: u32, column: u32, encoding: Encoding) -> u32 {
        let Some(start) = self.starts.get(line as usize).copied() else {
            return self.text.len() as u32;
        };
        let next = self.starts.get(line as usize + 1).map_or(self.text.len(), |end| *end as usize);
        let content = self.text.get(start as usize..next).unwrap_or("");
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
