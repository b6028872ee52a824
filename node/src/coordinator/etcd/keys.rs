//! Our keys in etcd.
//!
//! | key under `<prefix>/v1/` | value |
//! |---|---|
//! | `version/<ruleset>/<version>` | `VersionRecord`, create-only |
//! | `channel/<ruleset>/<name>` | `ChannelRecord`, compare-and-swap |
//! | `node/<id>` | `NodeRecord`, on the node's lease |
//! | `leader` | name of the controller, on its lease |

use cairn_gossip::NodeId;

/// Builds and reads keys under one prefix.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    root: String,
}

/// What a key is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Version,
    /// `<ruleset>/<name>`.
    Channel(String),
    Node(NodeId),
    Leader,
    /// Not one of ours.
    Unknown,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Keys {
        Keys { root: format!("{prefix}/v1/") }
    }

    /// What all keys begin with.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    pub(super) fn versions(&self, ruleset: &str) -> String {
        format!("{}version/{ruleset}/", self.root)
    }

    pub(super) fn version(&self, ruleset: &str, version: &str) -> String {
        format!("{}version/{ruleset}/{version}", self.root)
    }

    pub(super) fn channel(&self, channel: &str) -> String {
        format!("{}channel/{channel}", self.root)
    }

    pub(super) fn nodes(&self) -> String {
        format!("{}node/", self.root)
    }

    pub(super) fn node(&self, id: NodeId) -> String {
        format!("{}node/{id}", self.root)
    }

    pub(super) fn leader(&self) -> String {
        format!("{}leader", self.root)
    }

    /// What `key` is about. Keys are untrusted bytes like values.
    pub(super) fn place(&self, key: &[u8]) -> Place {
        let key = std::str::from_utf8(key).ok();
        let Some(rest) = key.and_then(|key| key.strip_prefix(self.root.as_str())) else {
            return Place::Unknown;
        };
        if rest == "leader" {
            return Place::Leader;
        }
        match rest.split_once('/') {
            Some(("version", rest)) if rest.split('/').count() == 2 => Place::Version,
            Some(("channel", channel))
                if crate::coordinator::codec::check_channel(channel).is_ok() =>
            {
                Place::Channel(channel.to_owned())
            }
            Some(("node", id)) => id.parse().map_or(Place::Unknown, Place::Node),
            _ => Place::Unknown,
        }
    }
}

/// A key for people: at most 160 characters, whatever its bytes are.
pub(super) fn shown(key: &[u8]) -> String {
    String::from_utf8_lossy(key).chars().take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_as_what_they_were_built_for() {
        let keys = Keys::new("/cairn");
        let id = NodeId([7; 16]);
        let check =
            |key: &str, place: Place| assert_eq!(keys.place(key.as_bytes()), place, "{key}");
        check(&keys.version("hunt", "1.2.3"), Place::Version);
        check(&keys.channel("hunt/prod"), Place::Channel("hunt/prod".to_owned()));
        check(&keys.node(id), Place::Node(id));
        check(&keys.leader(), Place::Leader);
        for strange in
            ["", "/cairn/v1/", "/cairn/v1/channel/prod", "/cairn/v1/node/zz", "/cairn/v2/leader"]
        {
            check(strange, Place::Unknown);
        }
        assert_eq!(keys.place(&[0xff, 0xfe]), Place::Unknown);
    }
}
