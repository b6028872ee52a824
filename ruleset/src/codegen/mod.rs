//! Source code for games that hold a rule set's names as types: enums, a context of fixed layout
//! per trigger, parameters by index, outcomes and events.
//!
//! The layout is the one that fragments read, see [`crate::layout`]: what a generated context
//! writes can be handed to the SDK as it is. Every file carries the schema's hash in its head and
//! as a constant; a game compares it with that of the version it loads (see
//! [`crate::schema_hash`]), and generates again when they differ. Equal schemas give equal bytes.

mod cpp;
mod csharp;
mod go;
mod model;
mod names;
mod rust;
#[cfg(test)]
mod tests;
mod ts;
mod writer;

pub use model::schema_hash;

use crate::contents::Contents;
use model::Model;

/// A language that can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust 2021 or later, `no_std`, no allocation.
    Rust,
    /// TypeScript for ES2020 or later; 64-bit numbers are `bigint`.
    TypeScript,
    /// Go 1.18 or later.
    Go,
    /// C# 7.2 or later on .NET Standard 2.1 or later.
    CSharp,
    /// C++17, one header.
    Cpp,
}

/// One source file.
#[must_use]
pub fn generate(contents: &Contents, language: Language) -> String {
    let model = Model::of(contents);
    match language {
        Language::Rust => rust::file(&model),
        Language::TypeScript => ts::file(&model),
        Language::Go => go::file(&model),
        Language::CSharp => csharp::file(&model),
        Language::Cpp => cpp::file(&model),
    }
}
