//! Which parts of a file could not be read: nothing else is said about them.
//!
//! A declaration with a mistake in its syntax is half of what its author meant. What it seems to
//! lack, and what seems wrong about it, may stand in the half that is missing.

/// Parts of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Damage {
    /// Bytes, in order, without overlaps.
    parts: Vec<(u32, u32)>,
    /// Nothing from here on was read.
    cut: Option<u32>,
}

impl Damage {
    /// Adds a part that ends after all before it; it may begin inside the last of them.
    pub(super) fn add(&mut self, start: u32, end: u32) {
        let mut start = start;
        while let Some(last) = self.parts.last().filter(|last| last.1 >= start) {
            start = start.min(last.0);
            self.parts.pop();
        }
        self.parts.push((start, end));
    }

    /// Nothing from `start` on was read to its end.
    pub(super) fn cut(&mut self, start: u32) {
        self.cut = Some(self.cut.map_or(start, |known| known.min(start)));
    }

    /// Whether a part of the file was not read at all.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    /// Whether the last part ends at `at`.
    pub(super) fn ends_at(&self, at: u32) -> bool {
        self.parts.last().is_some_and(|last| last.1 >= at)
    }

    /// Whether the byte at `at` lies in a damaged part. Logarithmic in the number of parts.
    pub(super) fn holds(&self, at: u32) -> bool {
        let index = self.parts.partition_point(|part| part.1 < at);
        self.parts.get(index).is_some_and(|part| part.0 <= at)
            || self.cut.is_some_and(|start| start <= at)
    }

    /// The damaged parts.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.parts.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Damage;

    #[test]
    fn parts_join_where_they_overlap() {
        let mut damage = Damage::default();
        damage.add(5, 8);
        damage.add(20, 30);
        damage.add(25, 40);
        assert_eq!(damage.parts().collect::<Vec<_>>(), [(5, 8), (20, 40)]);
        let held: Vec<u32> = (0..50).filter(|at| damage.holds(*at)).collect();
        assert_eq!(held, (5..=8).chain(20..=40).collect::<Vec<_>>());
        assert!(damage.ends_at(40) && !damage.ends_at(41));
        damage.cut(45);
        assert!(damage.is_cut() && damage.holds(45) && damage.holds(99) && !damage.holds(44));
    }
}
