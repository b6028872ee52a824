//! Where an agent's local API is: `http://127.0.0.1:PORT` or `unix:PATH`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The API port of an agent whose settings name none. Below 32768, so that no outgoing
/// connection of the machine is ever given it by chance.
pub const API_PORT: u16 = 7600;

/// The gossip port of an agent whose settings name none.
pub const GOSSIP_PORT: u16 = 7601;

/// The address of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Host and port of plain HTTP.
    Http(String),
    /// Path of a Unix socket.
    Unix(PathBuf),
}

impl Default for Address {
    fn default() -> Address {
        Address::Http(format!("127.0.0.1:{API_PORT}"))
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        const SHAPE: &str = "write http://127.0.0.1:PORT or unix:PATH";
        if let Some(path) = text.strip_prefix("unix:") {
            if path.is_empty() {
                return Err(format!("no socket path in `{text}`; {SHAPE}"));
            }
            return Ok(Address::Unix(PathBuf::from(path)));
        }
        let Some(rest) = text.strip_prefix("http://") else {
            return Err(format!("`{text}` is not an address of an agent; {SHAPE}"));
        };
        let host = rest.trim_end_matches('/');
        let port = host.rsplit_once(':').map(|(name, port)| (name, port.parse::<u16>()));
        match port {
            Some((name, Ok(1..))) if !name.is_empty() && !host.contains('/') => {
                Ok(Address::Http(host.to_owned()))
            }
            _ => Err(format!("no host and port in `{text}`; {SHAPE}")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Http(host) => write!(f, "http://{host}"),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_round_trip_and_others_are_named() {
        for text in ["http://127.0.0.1:7600", "http://[::1]:80", "unix:/run/cairn.sock"] {
            assert_eq!(text.parse::<Address>().map(|a| a.to_string()), Ok(text.to_owned()));
        }
        assert!("http://127.0.0.1:1/".parse::<Address>().is_ok());
        for text in
            ["", "127.0.0.1:1", "https://a:1", "http://a", "http://:1", "http://a:0", "unix:"]
        {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
