//! Fenced examples in Markdown, and what the compiler says of them. Shared by the tests of the
//! language's reference and of the pages about errors.

use cairn_ruleset::lang::{Source, check_with_cases, line_col};

/// A fenced block: where it stands, what follows the fence, its text.
pub(crate) struct Block {
    /// The document.
    pub(crate) path: String,
    /// Line of the fence, from 1.
    pub(crate) line: usize,
    /// For example `hcl` or `hcl,error C0412`.
    pub(crate) mark: String,
    /// What is between the fences.
    pub(crate) text: String,
}

/// All fenced blocks of a document.
pub(crate) fn blocks(path: &str, document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in document.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(mark), None) => {
                let (path, mark) = (path.to_owned(), mark.to_owned());
                open = Some(Block { path, line: index + 1, mark, text: String::new() });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block of {path} is not closed");
    blocks
}

impl Block {
    /// The rule set of the block: one file, or several, each after a line `# file: name`.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let mut sources = Vec::new();
        for line in self.text.split_inclusive('\n') {
            if let Some(name) = line.strip_prefix("# file: ") {
                sources.push(Source { name: name.trim_end().to_owned(), text: String::new() });
                continue;
            }
            if sources.is_empty() {
                sources.push(Source { name: "example.rules.hcl".to_owned(), text: String::new() });
            }
            if let Some(source) = sources.last_mut() {
                source.text.push_str(line);
            }
        }
        sources
    }

    /// What the compiler finds in the block: different codes, and lines for a person.
    pub(crate) fn found(&self) -> (Vec<String>, String) {
        let (mut codes, lines) = found(&self.sources());
        // An example shows one thing: what it declares need not be used.
        codes.retain(|code| code != "C1101" || self.mark.ends_with("C1101"));
        (codes, format!("{}:{}: {}\n{lines}", self.path, self.line, self.mark))
    }
}

/// The different codes that a rule set gives, and lines for a person.
pub(crate) fn found(sources: &[Source]) -> (Vec<String>, String) {
    let mut sorted = sources.to_vec();
    sorted.sort();
    let checked = check_with_cases(&sorted).checked;
    let mut codes: Vec<String> =
        checked.diagnostics.iter().map(|found| found.code.to_string()).collect();
    codes.sort();
    codes.dedup();
    let lines: Vec<String> = (checked.diagnostics.iter())
        .take(20)
        .map(|found| {
            let source = sorted.get(found.span.file as usize);
            let (name, text) = source.map_or(("", ""), |source| (&source.name, &source.text));
            let (line, column) = line_col(text, found.span.start);
            format!("  {name}:{line}:{column}: {} {}", found.code, found.message)
        })
        .collect();
    (codes, lines.join("\n"))
}
