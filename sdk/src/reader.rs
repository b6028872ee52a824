//! Follows one channel on this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_ruleset::scope::Scope;

use crate::live::{self, LIVE_BYTES_MAX, LiveRecord};
use crate::map::GenerationWord;
use crate::{Error, ImageBytes, Result, Version, private};

/// A reader of one channel: one atomic load per [`Reader::tick`] while nothing changes.
#[derive(Debug)]
pub struct Reader {
    state: PathBuf,
    channel: String,
    scope: Scope,
    word: GenerationWord,
    /// The word at the last look; the record may already be ahead of it.
    seen: u64,
    live: Arc<Version>,
}

impl Reader {
    /// Opens a channel, `<ruleset>/<name>`, of the agent with this state directory, for games that
    /// run nowhere in particular: parameters have their defaults.
    ///
    /// # Errors
    /// `NotLive` before the first activation; `Owner` or `Mode` for files that others could have
    /// written; `Live`, `Image` or `WrongImage` for damaged ones.
    pub fn open(state_dir: &Path, channel: &str) -> Result<Reader> {
        Reader::open_at(state_dir, channel, Scope::default())
    }

    /// The same for games that run in a zone or a shard: every version that it hands out has the
    /// parameters that hold there. The agent's own zone is not taken over: one machine may serve
    /// games of several shards.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_at(state_dir: &Path, channel: &str, scope: Scope) -> Result<Reader> {
        private::check_dir(state_dir)?;
        let not_live =
            || Error::NotLive { channel: channel.to_owned(), state: state_dir.to_owned() };
        let path = live::generation_path(state_dir, channel);
        let word = GenerationWord::map(&path)?.ok_or_else(not_live)?;
        // Before the record: a change in between is seen by the next tick.
        let seen = word.load();
        let record = read_record(state_dir, channel)?.ok_or_else(not_live)?;
        let live = Arc::new(open_version(state_dir, &record, &scope)?);
        let (state, channel) = (state_dir.to_owned(), channel.to_owned());
        Ok(Reader { state, channel, scope, word, seen, live })
    }

    /// Looks for a new version, once a frame or so; `true` when [`Reader::pin`] now hands out
    /// another one.
    ///
    /// # Errors
    /// As [`Reader::open`]. The version pinned so far stays, and the next tick tries again.
    #[inline]
    pub fn tick(&mut self) -> Result<bool> {
        let word = self.word.load();
        if word == self.seen { Ok(false) } else { self.follow(word) }
    }

    #[cold]
    fn follow(&mut self, word: u64) -> Result<bool> {
        let record = read_record(&self.state, &self.channel)?.ok_or_else(|| Error::NotLive {
            channel: self.channel.clone(),
            state: self.state.clone(),
        })?;
        // The generation never decreases for a reader, whatever an old file says.
        let changed = record.generation > self.live.generation;
        if changed {
            self.live = Arc::new(open_version(&self.state, &record, &self.scope)?);
        }
        self.seen = word;
        Ok(changed)
    }

    /// The version of the last [`Reader::tick`], whole and mapped for as long as it is held.
    #[must_use]
    pub fn pin(&self) -> Arc<Version> {
        Arc::clone(&self.live)
    }

    /// Where its games run.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The channel.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }
}

fn read_record(state: &Path, channel: &str) -> Result<Option<LiveRecord>> {
    let path = live::record_path(state, channel);
    let Some(bytes) = private::read(&path, LIVE_BYTES_MAX)? else { return Ok(None) };
    let malformed = |reason| Error::Live { path: path.clone(), reason };
    let record = LiveRecord::decode(&bytes).map_err(malformed)?;
    // `a/b_c` and `a_b/c` share a file name.
    if record.channel != channel {
        return Err(malformed(format!("it belongs to channel `{}`", record.channel)));
    }
    Ok(Some(record))
}

fn open_version(state: &Path, record: &LiveRecord, scope: &Scope) -> Result<Version> {
    let bytes = ImageBytes::map(&live::image_path(state, &record.image))?;
    let version = Version::open_at(record.generation, bytes, scope.clone())?;
    if version.digest != record.digest {
        let (expected, actual) = (record.digest, version.digest);
        return Err(Error::WrongImage { expected, actual });
    }
    Ok(version)
}
