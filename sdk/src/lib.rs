//! How a game reads its rules: a mapped image, pinned versions, in-process evaluation. No tokio, no compiler.
