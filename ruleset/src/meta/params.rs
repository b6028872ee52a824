//! The parameter segment: values, and what they are by zone and shard.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FORMAT, MetaError, Segment, body};
use crate::bounded;
use crate::limits::{OVERRIDES_MAX, PARAMS_MAX, SCOPES_MAX};
use crate::scope::Scope;

/// Version of a parameter segment that holds overrides. One without any is written in [`FORMAT`],
/// as before there were overrides: its bytes, and so its digest, are what they always were. A build
/// that knows no overrides refuses this version by its number instead of leaving them out.
pub const PARAMS_FORMAT: u8 = 3;

/// The parameters' values, in slot order, and what they are elsewhere; see [`crate::page`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Params {
    /// One per [`super::Schema::params`].
    #[serde(deserialize_with = "bounded::list::<PARAMS_MAX, _, _>")]
    pub values: Vec<i64>,
    /// Where overrides apply: ascending, each once, each with an override at least.
    #[serde(deserialize_with = "bounded::list::<SCOPES_MAX, _, _>")]
    pub scopes: Vec<Scope>,
    /// Ascending by scope, then by parameter, each pair once.
    #[serde(deserialize_with = "bounded::list::<{ PARAMS_MAX * OVERRIDES_MAX }, _, _>")]
    pub overrides: Vec<Override>,
}

/// One override, as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Index of the scope in [`Params::scopes`].
    pub scope: u16,
    /// Index of the parameter.
    pub param: u16,
    /// Its value there.
    pub value: i64,
}

impl Params {
    /// The segment of parameters that are each given by a default and by overrides of distinct
    /// scopes; at most [`SCOPES_MAX`] of them in all.
    #[must_use]
    pub fn of<'a, O>(params: impl IntoIterator<Item = (i64, O)>) -> Params
    where
        O: IntoIterator<Item = (&'a Scope, &'a i64)>,
    {
        let mut values = Vec::new();
        let mut found: BTreeMap<&Scope, Vec<(u16, i64)>> = BTreeMap::new();
        for ((value, overrides), index) in params.into_iter().zip(0u16..) {
            values.push(value);
            for (scope, value) in overrides {
                found.entry(scope).or_default().push((index, *value));
            }
        }
        let overrides = found.values().zip(0u16..).flat_map(|(own, scope)| {
            own.iter().map(move |(param, value)| Override { scope, param: *param, value: *value })
        });
        let overrides = overrides.collect();
        Params { values, scopes: found.into_keys().cloned().collect(), overrides }
    }

    /// Checks that scopes and overrides are in their one order, that every scope is a place and is
    /// used, and that no parameter has more than [`OVERRIDES_MAX`]. Linear.
    ///
    /// # Errors
    /// What is wrong, in words. Ranges are the schema's.
    pub fn check(&self) -> Result<(), String> {
        for (index, scope) in self.scopes.iter().enumerate() {
            let (zone, shard) = scope.names();
            Scope::new(zone, shard).map_err(|error| format!("scope {index}: {error}"))?;
            if scope.is_nowhere() {
                return Err(format!("scope {index} names neither a zone nor a shard"));
            }
            if index > 0 && self.scopes.get(index - 1) >= Some(scope) {
                return Err(format!("scope {index} ({scope}) is out of order"));
            }
        }
        let mut counts = vec![0; self.values.len()];
        let mut previous = None;
        let mut used = 0;
        for (index, known) in self.overrides.iter().enumerate() {
            let place = (known.scope, known.param);
            if previous.is_some_and(|previous| previous >= place) {
                return Err(format!("override {index} is out of order"));
            }
            previous = Some(place);
            let scope = usize::from(known.scope);
            // Ascending without gaps: every scope has its turn.
            if scope > used {
                return Err(format!("scope {used} has no override"));
            }
            used = scope + 1;
            let Some(count) = counts.get_mut(usize::from(known.param)) else {
                return Err(format!("override {index} is of no parameter"));
            };
            *count += 1;
            if *count > OVERRIDES_MAX {
                let param = known.param;
                return Err(format!("parameter {param} has more than {OVERRIDES_MAX} overrides"));
            }
        }
        if used != self.scopes.len() {
            return Err(format!("{} scopes, and overrides for {used}", self.scopes.len()));
        }
        Ok(())
    }
}

/// Parameters without overrides.
#[derive(Serialize, Deserialize)]
struct Plain {
    #[serde(deserialize_with = "bounded::list::<PARAMS_MAX, _, _>")]
    values: Vec<i64>,
}

impl Segment for Params {
    const WHAT: &'static str = "parameter segment";

    fn encode(&self) -> Vec<u8> {
        // See `Segment::encode` for why neither can fail.
        match self.overrides.is_empty() {
            true => postcard::to_extend(&self.values, vec![FORMAT]).unwrap_or_default(),
            false => postcard::to_extend(self, vec![PARAMS_FORMAT]).unwrap_or_default(),
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, MetaError> {
        let what = Self::WHAT;
        match bytes.first().copied().unwrap_or(0) {
            FORMAT => {
                let Plain { values } = body(what, bytes)?;
                Ok(Params { values, ..Params::default() })
            }
            PARAMS_FORMAT => {
                let params: Params = body(what, bytes)?;
                let malformed = |reason| MetaError::Malformed { what, reason };
                params.check().map_err(malformed)?;
                // Also refuses this version without overrides.
                if params.encode() != bytes {
                    return Err(malformed("it is not in its canonical form".to_owned()));
                }
                Ok(params)
            }
            actual => Err(MetaError::Format { what, actual, newest: PARAMS_FORMAT }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(zone: Option<&str>, shard: Option<&str>) -> Scope {
        Scope::new(zone, shard).unwrap()
    }

    fn sample() -> Params {
        let (eu, us, seven) =
            (scope(Some("eu"), None), scope(Some("us"), None), scope(Some("eu"), Some("7")));
        Params::of([
            (10, vec![(&eu, &11), (&us, &-3)]),
            (20, vec![]),
            (30, vec![(&seven, &31), (&eu, &32)]),
        ])
    }

    #[test]
    fn without_overrides_the_bytes_are_those_of_the_version_before() {
        let plain = Params { values: vec![1_250_000, -5, 1], ..Params::default() };
        // Written down before overrides existed: postcard's list of zigzag numbers.
        assert_eq!(plain.encode(), [2, 3, 0xa0, 0xcb, 0x98, 0x01, 9, 2]);
        assert_eq!(Params::decode(&plain.encode()), Ok(plain));
    }

    #[test]
    fn overrides_travel_behind_a_version_of_their_own() {
        let params = sample();
        assert_eq!(params.check(), Ok(()));
        let bytes = params.encode();
        assert_eq!(bytes.first(), Some(&PARAMS_FORMAT));
        assert_eq!(Params::decode(&bytes), Ok(params));
        // What a build without overrides says to them: it reads one version, the first.
        assert_ne!(PARAMS_FORMAT, FORMAT);
        let newer = MetaError::Format { what: Params::WHAT, actual: 4, newest: 3 };
        assert_eq!(Params::decode(&[&[4], &bytes[1..]].concat()), Err(newer));
    }

    #[test]
    fn only_the_canonical_form_is_read() {
        type Spoil<'a> = &'a dyn Fn(&mut Params);
        let cases: [(&str, Spoil<'_>); 11] = [
            ("out of order", &|p| p.scopes.swap(0, 1)),
            ("out of order", &|p| p.scopes[1] = p.scopes[0].clone()),
            ("out of order", &|p| p.overrides.swap(0, 1)),
            ("out of order", &|p| p.overrides[1] = p.overrides[0]),
            ("4 scopes, and overrides for 3", &|p| p.scopes.insert(0, scope(None, Some("a")))),
            ("3 scopes, and overrides for 2", &|p| {
                p.overrides.pop();
            }),
            ("of no parameter", &|p| p.overrides[0].param = 3),
            ("names neither", &|p| p.scopes[0] = Scope::default()),
            ("has no override", &|p| p.overrides[3].scope = 9),
            ("printable", &|p| p.scopes[0].zone = Some("\u{7}".into())),
            ("empty", &|p| p.scopes[0].zone = Some(String::new())),
        ];
        for (wanted, spoil) in cases {
            let mut params = sample();
            spoil(&mut params);
            let reason = params.check().expect_err(wanted);
            assert!(reason.contains(wanted), "{reason}");
            let malformed = MetaError::Malformed { what: Params::WHAT, reason };
            assert_eq!(Params::decode(&params.encode()), Err(malformed));
        }
        // The version of overrides without any, and a number longer than it needs.
        let plain = Params { values: vec![1], ..Params::default() };
        let bytes = postcard::to_extend(&plain, vec![PARAMS_FORMAT]).unwrap();
        assert!(matches!(Params::decode(&bytes), Err(MetaError::Malformed { .. })));
        let bytes = sample().encode();
        let longer = [&bytes[..1], &[0x83, 0], &bytes[2..]].concat();
        assert_eq!(bytes[1], 3, "the number of values");
        let reason = "it is not in its canonical form".to_owned();
        let malformed = MetaError::Malformed { what: Params::WHAT, reason };
        assert_eq!(Params::decode(&longer), Err(malformed));
    }

    /// Parameters that each have so many overrides, in scopes of their own.
    fn many(params: usize, overrides: usize) -> Params {
        let scopes: Vec<Scope> =
            (0..params * overrides).map(|n| scope(Some(&format!("{n:06}")), None)).collect();
        Params::of(scopes.chunks(overrides).map(|own| (0, own.iter().map(|scope| (scope, &1)))))
    }

    #[test]
    fn limits_hold_at_n_and_no_further() {
        let full = many(1, OVERRIDES_MAX);
        assert_eq!(Params::decode(&full.encode()).as_ref(), Ok(&full));
        let reason = Params::decode(&many(1, OVERRIDES_MAX + 1).encode()).unwrap_err().to_string();
        assert!(reason.contains("more than 64 overrides"), "{reason}");

        let full = many(SCOPES_MAX / OVERRIDES_MAX, OVERRIDES_MAX);
        assert_eq!(full.scopes.len(), SCOPES_MAX);
        assert_eq!(Params::decode(&full.encode()).as_ref(), Ok(&full));
        let over = many(SCOPES_MAX + 1, 1);
        assert!(matches!(Params::decode(&over.encode()), Err(MetaError::Malformed { .. })));

        // A length that is only claimed is refused before anything is made for it.
        let mut claimed = vec![PARAMS_FORMAT, 0];
        claimed.extend(postcard::to_stdvec(&u32::MAX).unwrap());
        assert!(matches!(Params::decode(&claimed), Err(MetaError::Malformed { .. })));
    }
}
