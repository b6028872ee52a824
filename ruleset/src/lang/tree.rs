//! The syntax tree of one file: one arena of fixed-size nodes, so that its cap in bytes is exact.
//!
//! A node knows its first child and its next sibling. What a name or a literal says is read from
//! the source through its span.

use super::limits::TREE_BYTES_MAX;

/// Index of a node in its file's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(u32);

/// What a node is; the comment names its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeKind {
    /// Statements: `Block`, `Attribute`.
    File,
    /// A `Name`, then a label `Text` each, then statements.
    Block,
    /// A `Name`, then the value.
    Attribute,
    /// One identifier.
    Name,
    /// A string literal.
    Text,
    Number,
    True,
    False,
    /// A bare or dotted reference; its span is the whole of it.
    Path,
    /// A `Name`, then the arguments.
    Call,
    /// The operand.
    Unary(UnaryOp),
    /// Both operands.
    Binary(BinOp),
    /// Condition, then, otherwise.
    Choice,
    /// The elements.
    List,
    /// `Attribute`s.
    Object,
    /// A statement that could not be read; its block may lack what stood there.
    Damaged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnaryOp {
    Not,
    Negate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BinOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
}

impl BinOp {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            BinOp::Add => "+",
            BinOp::Subtract => "-",
            BinOp::Multiply => "*",
            BinOp::Divide => "/",
            BinOp::Remainder => "%",
            BinOp::Equal => "==",
            BinOp::NotEqual => "!=",
            BinOp::Less => "<",
            BinOp::LessEqual => "<=",
            BinOp::Greater => ">",
            BinOp::GreaterEqual => ">=",
            BinOp::And => "&&",
            BinOp::Or => "||",
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Node {
    start: u32,
    end: u32,
    first: u32,
    next: u32,
    kind: NodeKind,
    height: u8,
}

const NONE: u32 = u32::MAX;

/// How many nodes fit under the cap.
pub(super) const NODE_COUNT_MAX: usize = TREE_BYTES_MAX / size_of::<Node>();

/// The arena. Node 0 is the file.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    pub(super) fn new(length: u32) -> Tree {
        let file = Node {
            start: 0,
            end: length,
            first: NONE,
            next: NONE,
            kind: NodeKind::File,
            height: 0,
        };
        Tree { nodes: vec![file] }
    }

    pub(super) const ROOT: NodeId = NodeId(0);

    /// Adds a leaf, or `None` when the arena has reached its cap.
    pub(super) fn add(&mut self, kind: NodeKind, start: u32, end: u32) -> Option<NodeId> {
        if self.nodes.len() >= NODE_COUNT_MAX {
            return None;
        }
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Node { start, end, first: NONE, next: NONE, kind, height: 1 });
        Some(id)
    }

    /// Makes `children` the children of `parent`, in order; they must not have a parent yet.
    pub(super) fn adopt(&mut self, parent: NodeId, children: &[NodeId]) {
        let mut height = 0;
        for (index, child) in children.iter().enumerate() {
            let next = children.get(index + 1).map_or(NONE, |next| next.0);
            if let Some(node) = self.nodes.get_mut(child.0 as usize) {
                node.next = next;
                height = height.max(node.height);
            }
        }
        if let Some(node) = self.nodes.get_mut(parent.0 as usize) {
            node.first = children.first().map_or(NONE, |first| first.0);
            node.height = height.saturating_add(1);
        }
    }

    fn node(&self, id: NodeId) -> &Node {
        // Ids come from `add` alone and nodes are never removed.
        &self.nodes[id.0 as usize]
    }

    pub(super) fn kind(&self, id: NodeId) -> NodeKind {
        self.node(id).kind
    }

    /// Start and end byte.
    pub(super) fn bytes(&self, id: NodeId) -> (u32, u32) {
        (self.node(id).start, self.node(id).end)
    }

    /// Levels below and including the node.
    pub(super) fn height(&self, id: NodeId) -> u8 {
        self.node(id).height
    }

    pub(super) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let mut next = self.node(id).first;
        std::iter::from_fn(move || {
            let id = (next != NONE).then_some(NodeId(next))?;
            next = self.node(id).next;
            Some(id)
        })
    }

    /// Whether two trees say the same: the same nodes in the same places, names and literals
    /// written alike. Where in their texts the nodes stand does not matter.
    pub(super) fn same(&self, text: &str, other: &Tree, other_text: &str) -> bool {
        fn word<'a>(node: &Node, text: &'a str) -> Option<&'a str> {
            use NodeKind::*;
            let written = matches!(node.kind, Name | Text | Number | Path);
            written.then(|| text.get(node.start as usize..node.end as usize).unwrap_or(""))
        }
        self.nodes.len() == other.nodes.len()
            && self.nodes.iter().zip(&other.nodes).all(|(a, b)| {
                (a.kind, a.first, a.next) == (b.kind, b.first, b.next)
                    && word(a, text) == word(b, other_text)
            })
    }

    /// The child at `index`, counted from 0.
    pub(super) fn child(&self, id: NodeId, index: usize) -> Option<NodeId> {
        self.children(id).nth(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cap_counts_bytes_exactly() {
        assert_eq!(size_of::<Node>(), 20);
        let mut tree = Tree::new(0);
        for _ in 1..NODE_COUNT_MAX {
            assert!(tree.add(NodeKind::Name, 0, 0).is_some());
        }
        assert!(tree.nodes.len() * size_of::<Node>() <= TREE_BYTES_MAX);
        assert!(tree.add(NodeKind::Name, 0, 0).is_none());
    }

    #[test]
    fn children_keep_their_order() {
        let mut tree = Tree::new(9);
        let ids: Vec<NodeId> = (0..3).filter_map(|at| tree.add(NodeKind::Name, at, at)).collect();
        tree.adopt(Tree::ROOT, &ids);
        assert_eq!(tree.children(Tree::ROOT).collect::<Vec<_>>(), ids);
        assert_eq!(tree.height(Tree::ROOT), 2);
    }
}
