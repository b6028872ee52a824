//! Options that say what a game keeps beside a trigger's fields: counts, and which timers are active.

use serde_json::{Map, Value};

/// Counters and timers.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct GivenArgs {
    /// A counter's value, NAME=N; repeat it
    #[arg(long, value_name = "NAME=N", value_parser = count)]
    counter: Vec<(String, u64)>,
    /// Whether a timer is active, NAME=true; repeat it
    #[arg(long, value_name = "NAME=BOOL", value_parser = active)]
    active: Vec<(String, bool)>,
}

impl GivenArgs {
    /// Adds them to a request of the API.
    pub fn put(&self, fields: &mut Map<String, Value>) {
        if !self.counter.is_empty() {
            let counters = self.counter.iter().map(|(name, n)| (name.clone(), (*n).into()));
            fields.insert("counters".to_owned(), counters.collect::<Map<_, _>>().into());
        }
        if !self.active.is_empty() {
            let active = self.active.iter().map(|(name, on)| (name.clone(), (*on).into()));
            fields.insert("active".to_owned(), active.collect::<Map<_, _>>().into());
        }
    }

    /// The options by name, and whether each is there.
    pub fn options(&self) -> [(&'static str, bool); 2] {
        [("--counter", !self.counter.is_empty()), ("--active", !self.active.is_empty())]
    }
}

/// `NAME=N`.
fn count(text: &str) -> Result<(String, u64), String> {
    pair(text, "NAME=N with a whole number of at least 0")
}

/// `NAME=true` or `NAME=false`.
fn active(text: &str) -> Result<(String, bool), String> {
    pair(text, "NAME=true or NAME=false")
}

fn pair<T: std::str::FromStr>(text: &str, wanted: &str) -> Result<(String, T), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("write {wanted}"))?;
    let value = value.parse().map_err(|_| format!("`{value}` does not fit; write {wanted}"))?;
    Ok((name.to_owned(), value))
}
