//! The compact code: three-address operations on one file of 64-bit registers.

/// Index of a register. The file has one for every index, so no access needs a bounds check.
pub(super) type Register = u16;

/// Registers of the file.
pub(super) const REGISTERS: usize = 1 << 16;

/// What an operation does. `i32` values are held with their upper half zero, so most operations
/// serve both widths and extending costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// `to = a`.
    Copy,
    /// `to = memory[a + b]`, eight bytes; traps outside memory.
    Load,
    /// `memory[a + b] = c`, eight bytes; traps outside memory.
    Store,
    /// `to = if a != 0 { b } else { c }`.
    Select,
    /// `to = a + b`, and so on for the next nine.
    Add,
    Sub,
    Mul,
    /// Traps on zero and on the one quotient that does not fit.
    Div,
    /// Traps on zero.
    Rem,
    And,
    Or,
    Xor,
    Shl,
    ShrU,
    /// `to = 1` when it holds, else 0.
    Eq,
    Ne,
    LtS,
    LtU,
    LeS,
    GtS,
    GeS,
    /// `to = 1` when `a` is 0, else 0.
    Eqz,
    /// `to` = the lower half of `a`.
    Wrap,
    /// `to = a ^ (a >> b)`: two thirds of a random draw are this.
    XorShr,
    /// `to = a | (b << c)`: how one rule's bit joins its word.
    OrShl,
    /// Runs the function that starts at operation `a | b << 16`.
    Call,
    /// Ends the function.
    Return,
}

impl What {
    /// Whether the operation must run though nobody reads its result.
    pub(super) fn has_effect(self) -> bool {
        use What as W;
        matches!(self, W::Load | W::Store | W::Div | W::Rem | W::Call | W::Return)
    }

    /// Whether the result is below 2³² for any operands.
    pub(super) fn is_narrow(self) -> bool {
        use What as W;
        let compares = matches!(self, W::Eq | W::Ne | W::LtS | W::LtU | W::LeS | W::GtS | W::GeS);
        compares || matches!(self, W::Eqz | W::Wrap)
    }
}

/// One operation, ten bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    pub(super) what: What,
    pub(super) to: Register,
    pub(super) a: Register,
    pub(super) b: Register,
    pub(super) c: Register,
}
