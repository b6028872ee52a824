//! Live versions.
