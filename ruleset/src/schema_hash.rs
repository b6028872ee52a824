//! The hash of what generated code relies on: names, indices, types, ranges and units. Values,
//! weights, schedules and conditions are no part of it, so most releases leave it as it is.
//!
//! `cairn codegen` writes it into every file as a constant. A game compares that with the hash of the
//! version it loads, and refuses or generates again when they differ.

use std::collections::BTreeMap;

use cairn_merkle::Digest;

use crate::ir::{Audience, Slot, Type};
use crate::meta::FragmentMeta;

const DOMAIN: &str = "cairn 2026 generated schema v1";

/// All outcomes of one label and audience, whichever rules they are of.
pub(crate) struct Label<'a> {
    pub(crate) name: &'a str,
    pub(crate) cluster: bool,
    /// What at least one of them gives, by name.
    pub(crate) values: BTreeMap<&'a str, Given>,
}

/// A payload value of a label.
pub(crate) struct Given {
    /// Its type; `None` when it has another one in each rule.
    pub(crate) ty: Option<Type>,
    /// Whether some outcomes of the label lack it.
    pub(crate) optional: bool,
}

/// Every label, those for the caller first, each group by name.
pub(crate) fn labels<'a>(fragments: impl IntoIterator<Item = &'a FragmentMeta>) -> Vec<Label<'a>> {
    type Seen<'a> = BTreeMap<&'a str, (usize, Option<Type>)>;
    let mut labels: BTreeMap<(bool, &str), (usize, Seen)> = BTreeMap::new();
    let rules = fragments.into_iter().flat_map(|meta| &meta.rules);
    for outcome in rules.flat_map(|rule| &rule.outcomes) {
        let key = (outcome.audience == Audience::Cluster, outcome.name.as_str());
        let (count, values) = labels.entry(key).or_default();
        *count += 1;
        for value in &outcome.payload {
            let (seen, ty) = values.entry(&value.name).or_insert((0, Some(value.ty)));
            *seen += 1;
            *ty = ty.filter(|known| *known == value.ty);
        }
    }
    let labels = labels.into_iter().map(|((cluster, name), (count, values))| {
        let given = |(seen, ty)| Given { ty, optional: seen < count };
        Label { name, cluster, values: values.into_iter().map(|(n, v)| (n, given(v))).collect() }
    });
    labels.collect()
}

/// The hash of a version with this context, these parameters (name, type and range, unit) in slot
/// order, and these fragments in any order. Linear in all of them.
pub fn schema_hash<'a>(
    context_hash: Digest,
    params: impl IntoIterator<Item = (&'a str, Slot, Option<&'a str>)>,
    fragments: impl IntoIterator<Item = &'a FragmentMeta>,
) -> Digest {
    let params: Vec<_> = params.into_iter().collect();
    let labels = labels(fragments).into_iter().map(|label| {
        let values = label.values.into_iter().map(|(name, of)| (name, of.ty, of.optional));
        (label.name, label.cluster, values.collect::<Vec<_>>())
    });
    // Serialising into a growing vector fails only for types without a known length.
    let bytes = postcard::to_stdvec(&(context_hash, params, labels.collect::<Vec<_>>()));
    Digest::derive(DOMAIN, &[&bytes.unwrap_or_default()])
}
