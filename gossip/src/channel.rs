//! Channel registers: the highest directive wins, whole.
//!
//! The order is (generation, break-glass, digest): total, so that every node that saw the same
//! directives has the same one in force, in whatever order they came.

use std::collections::BTreeMap;

use cairn_merkle::Digest;

use crate::bundles::check_named;
use crate::directive::{CHAIN_MAX, ChannelRecord, Directive};
use crate::fx::{Done, Fx};
use crate::head::BundleRef;
use crate::output::{Output, ProposeError, Write};
use crate::verify::{Fault, Verify};

/// A record whose chain was checked.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    record: ChannelRecord,
    directive: Directive,
    digest: Digest,
    targets: Vec<BundleRef>,
}

impl ChannelRecord {
    /// Checks every signature and that the chain hangs together, as a replica does before it takes
    /// a record. At most [`CHAIN_MAX`] signature checks.
    ///
    /// # Errors
    /// The first [`Fault`].
    pub fn check(&self, verify: &dyn Verify) -> Result<Directive, Fault> {
        Checked::new(self.clone(), verify).map(|checked| checked.directive)
    }
}

type Order = (u64, bool, Digest);

impl Checked {
    /// Checks every signature and that the chain hangs together. At most [`CHAIN_MAX`] signature
    /// checks.
    fn new(record: ChannelRecord, verify: &dyn Verify) -> Result<Checked, Fault> {
        let length = record.chain.len();
        if length > CHAIN_MAX {
            let (actual, max) = (length as u64, CHAIN_MAX as u64);
            return Err(Fault::OverLimit { what: "directives in a channel record", actual, max });
        }
        let directives =
            record.chain.iter().map(|d| verify.directive(d)).collect::<Result<Vec<_>, _>>()?;
        let (Some(newest), Some(oldest)) = (directives.first(), directives.last()) else {
            let reason = "it is empty".to_owned();
            return Err(Fault::BrokenChain { channel: String::new(), reason });
        };
        let channel = newest.channel.clone();
        let broken = |reason: String| Err(Fault::BrokenChain { channel: channel.clone(), reason });
        for (place, (newer, older)) in directives.iter().zip(&directives[1..]).enumerate() {
            let linked = record.chain.get(place + 1).map(|signed| signed.digest());
            if older.channel != newest.channel {
                return broken(format!("it holds a directive for `{}`", older.channel));
            }
            if older.generation >= newer.generation {
                let (newer, older) = (newer.generation, older.generation);
                return broken(format!("generation {newer} follows generation {older}"));
            }
            if newer.previous != linked {
                return broken(format!(
                    "generation {} names another predecessor",
                    newer.generation
                ));
            }
        }
        if length < CHAIN_MAX && oldest.previous.is_some() {
            let generation = oldest.generation;
            return broken(format!("it ends at generation {generation}, which has a predecessor"));
        }
        let mut targets: Vec<BundleRef> = Vec::with_capacity(length);
        for directive in &directives {
            check_named(&directive.target, "")?;
            if targets.iter().all(|target| target.digest != directive.target.digest) {
                targets.push(directive.target.clone());
            }
        }
        let digest = record.newest().map(|signed| signed.digest()).unwrap_or_default();
        Ok(Checked { directive: newest.clone(), digest, targets, record })
    }

    fn order(&self) -> Order {
        (self.directive.generation, self.directive.break_glass, self.digest)
    }
}

#[derive(Debug, Default)]
struct Register {
    durable: Option<Checked>,
    writing: Option<(Checked, Option<String>)>,
    /// Came while `writing` was on its way to disk.
    next: Option<(Checked, Option<String>)>,
}

impl Register {
    fn highest(&self) -> Option<&Checked> {
        let later = self.next.as_ref().or(self.writing.as_ref()).map(|(checked, _)| checked);
        later.or(self.durable.as_ref())
    }
}

/// What became of an offered record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It is the highest and on its way to disk.
    Taken,
    /// It is the one that we have.
    Same,
    /// Ours is higher.
    Lower,
}

/// A record that became durable and is in force.
#[derive(Debug)]
pub(crate) struct Installed {
    pub(crate) channel: String,
    pub(crate) digest: Digest,
    pub(crate) record: ChannelRecord,
    pub(crate) trace: Option<String>,
}

/// The registers of all channels.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    registers: BTreeMap<String, Register>,
}

impl Channels {
    /// Takes over what the store found. Damage is a fault of the store; the record is left out
    /// and comes again from peers.
    pub(crate) fn recover(
        &mut self,
        name: String,
        record: ChannelRecord,
        verify: &dyn Verify,
    ) -> Option<Digest> {
        let checked = match Checked::new(record, verify) {
            Ok(checked) if checked.directive.channel == name => checked,
            Ok(_) => return None,
            Err(error) => {
                tracing::warn!(channel = name, %error, "stored channel record is refused");
                return None;
            }
        };
        let digest = checked.digest;
        self.registers.insert(name, Register { durable: Some(checked), ..Register::default() });
        Some(digest)
    }

    /// Offers a record to its register. A higher one is written; it is in force after that.
    ///
    /// # Errors
    /// [`ProposeError`] for a record that does not hang together, or one channel too many. A
    /// lower or equal one is no error here.
    pub(crate) fn offer(
        &mut self,
        record: ChannelRecord,
        trace: Option<String>,
        verify: &dyn Verify,
        fx: &mut Fx<'_>,
    ) -> Result<(String, Offered), ProposeError> {
        let Some(newest) = record.newest() else {
            let reason = "it is empty".to_owned();
            return Err(Fault::BrokenChain { channel: String::new(), reason }.into());
        };
        // Order before signatures: what we have anyway, or what is lower, costs no verification.
        let digest = newest.digest();
        let read = Directive::decode(&newest.body)?;
        let name = read.channel;
        let highest = self.registers.get(&name).and_then(Register::highest);
        if let Some(highest) = highest {
            if highest.digest == digest {
                return Ok((name, Offered::Same));
            }
            let offered: Order = (read.generation, read.break_glass, digest);
            if offered <= highest.order() && !fx.config.defects.accept_lower_generation {
                return Ok((name, Offered::Lower));
            }
        } else if self.registers.len() >= fx.config.channels_max {
            let channels_max = fx.config.channels_max;
            return Err(ProposeError::ChannelLimit { channel: name, channels_max });
        }
        let checked = Checked::new(record, verify)?;
        let register = self.registers.entry(name.clone()).or_default();
        if register.writing.is_some() {
            register.next = Some((checked, trace));
        } else {
            write(&name, &checked, fx);
            register.writing = Some((checked, trace));
        }
        Ok((name, Offered::Taken))
    }

    /// The write of a channel's register is durable.
    pub(crate) fn written(&mut self, name: &str, fx: &mut Fx<'_>) -> Option<Installed> {
        let register = self.registers.get_mut(name)?;
        let (checked, trace) = register.writing.take()?;
        fx.out.push(Output::ChannelChanged {
            channel: name.to_owned(),
            directive: checked.directive.clone(),
            record: checked.record.clone(),
            trace: trace.clone(),
        });
        let (digest, record) = (checked.digest, checked.record.clone());
        register.durable = Some(checked);
        if let Some((next, trace)) = register.next.take() {
            write(name, &next, fx);
            register.writing = Some((next, trace));
        }
        Some(Installed { channel: name.to_owned(), digest, record, trace })
    }

    /// The durable record of a channel.
    pub(crate) fn record(&self, name: &str) -> Option<&ChannelRecord> {
        Some(&self.registers.get(name)?.durable.as_ref()?.record)
    }

    /// The highest record, durable or not: what a peer with a lower one should hear.
    pub(crate) fn highest(&self, name: &str) -> Option<&ChannelRecord> {
        self.registers.get(name)?.highest().map(|checked| &checked.record)
    }

    /// The durable directive of a channel.
    pub(crate) fn directive(&self, name: &str) -> Option<&Directive> {
        Some(&self.registers.get(name)?.durable.as_ref()?.directive)
    }

    /// The highest generation of a channel, durable or not.
    pub(crate) fn generation(&self, name: &str) -> u64 {
        let highest = self.registers.get(name).and_then(Register::highest);
        highest.map_or(0, |highest| highest.directive.generation)
    }

    /// Names of channels with a durable record.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let durable = self.registers.iter().filter(|(_, register)| register.durable.is_some());
        durable.map(|(name, _)| name.as_str())
    }

    /// Every bundle that a channel's directives name. A record that is being written counts too:
    /// what it needs is fetched meanwhile, and what it drops is kept until it is durable.
    pub(crate) fn named(&self) -> BTreeMap<Digest, BundleRef> {
        let records = self.registers.values().flat_map(|register| {
            let later = [register.writing.as_ref(), register.next.as_ref()];
            let later = later.into_iter().flatten().map(|(checked, _)| checked);
            register.durable.iter().chain(later)
        });
        let targets = records.flat_map(|checked| &checked.targets);
        targets.map(|target| (target.digest, target.clone())).collect()
    }
}

fn write(name: &str, checked: &Checked, fx: &mut Fx<'_>) {
    let write = Write::Channel { name: name.to_owned(), record: checked.record.clone() };
    fx.persist(vec![write], Done::Channel(name.to_owned()));
}
