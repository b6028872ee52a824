//! How etcd is reached.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcd_client::{Certificate, ConnectOptions, Identity, TlsOptions};
use zeroize::Zeroizing;

use crate::coordinator::CoordinatorError;
use crate::coordinator::codec::check_name;

/// The settings of an etcd coordinator.
///
/// Settings are named in errors as the environment names them. Whatever is present must be whole:
/// an empty or half-given credential is an error, never a silent anonymous connection.
#[derive(Clone)]
pub struct EtcdConfig {
    /// `http://host:port` or `https://host:port`, at least one (`CAIRN_ETCD_ENDPOINTS`).
    pub endpoints: Vec<String>,
    /// First part of every key, such as `/cairn` (`CAIRN_ETCD_PREFIX`). Fleets that share an etcd
    /// differ here.
    pub prefix: String,
    /// User for password authentication (`CAIRN_ETCD_USER`).
    pub user: Option<String>,
    /// Its password (`CAIRN_ETCD_PASSWORD`).
    pub password: Option<Zeroizing<String>>,
    /// Certificate authority of the servers, PEM (`CAIRN_ETCD_CA_FILE`). Needed for https: the
    /// system's list of authorities is not used.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, PEM (`CAIRN_ETCD_CERT_FILE`), together with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// Its key, PEM (`CAIRN_ETCD_KEY_FILE`).
    pub key_file: Option<PathBuf>,
    /// For making one connection. Default 2 s: a local network answers in milliseconds.
    pub connect_timeout: Duration,
    /// For one attempt of one request. Default 2 s.
    pub attempt_timeout: Duration,
    /// For a request with all its attempts; after it the coordinator is unreachable. Default 6 s:
    /// long enough for an etcd election (1 to 2 s) and a restart, short enough for a person.
    pub request_timeout: Duration,
    /// Life of our leases: how long a dead controller blocks the next one, and a dead node stays
    /// registered. Whole seconds, 2 to 60; etcd itself raises anything below about 2 s. Default
    /// 3 s: shorter fails over sooner, longer survives slower disks under etcd.
    pub lease_ttl: Duration,
}

impl EtcdConfig {
    /// Defaults for `endpoints`, no credentials.
    #[must_use]
    pub fn new(endpoints: Vec<String>) -> EtcdConfig {
        EtcdConfig {
            endpoints,
            prefix: "/cairn".to_owned(),
            user: None,
            password: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            connect_timeout: Duration::from_secs(2),
            attempt_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(6),
            lease_ttl: Duration::from_secs(3),
        }
    }

    /// Check every setting and read the files, before any socket is opened.
    ///
    /// # Errors
    /// [`CoordinatorError::Setting`] naming the setting, [`CoordinatorError::Name`] for the prefix.
    pub(super) fn options(&self) -> Result<ConnectOptions, CoordinatorError> {
        let secure = self.check_endpoints()?;
        self.check_prefix()?;
        let seconds = self.lease_ttl.as_secs();
        if !(2..=60).contains(&seconds) || self.lease_ttl.subsec_nanos() != 0 {
            let reason = format!("{:?}, expected whole seconds, 2 to 60", self.lease_ttl);
            return Err(setting("lease_ttl", reason));
        }
        let mut options = ConnectOptions::new()
            .with_connect_timeout(self.connect_timeout)
            // Without these a frozen server hangs a watch for minutes.
            .with_keep_alive(Duration::from_secs(3), Duration::from_secs(2))
            .with_keep_alive_while_idle(true)
            .with_auto_token_refresh(true);
        if let Some((user, password)) = self.credentials()? {
            options = options.with_user(user, password.as_str());
        }
        if secure {
            options = options.with_tls(self.tls()?);
        }
        Ok(options)
    }

    /// Whether the endpoints are https; all or none.
    fn check_endpoints(&self) -> Result<bool, CoordinatorError> {
        if self.endpoints.is_empty() {
            return Err(setting("CAIRN_ETCD_ENDPOINTS", "no endpoint given".to_owned()));
        }
        for endpoint in &self.endpoints {
            let rest = endpoint.strip_prefix("https://").or(endpoint.strip_prefix("http://"));
            let host = rest.map(|rest| rest.trim_end_matches('/'));
            if host.is_some_and(|host| host.contains('@')) {
                // Not shown: endpoints stand in logs and errors.
                let reason = "an endpoint holds credentials, expected CAIRN_ETCD_USER and \
                              CAIRN_ETCD_PASSWORD for them";
                return Err(setting("CAIRN_ETCD_ENDPOINTS", reason.to_owned()));
            }
            if host.is_none_or(|host| host.is_empty() || host.contains('/')) {
                let reason = format!("{endpoint:?}, expected http(s)://host:port");
                return Err(setting("CAIRN_ETCD_ENDPOINTS", reason));
            }
        }
        let secure = self.endpoints.iter().filter(|one| one.starts_with("https://")).count();
        let files = [
            ("CAIRN_ETCD_CA_FILE", &self.ca_file),
            ("CAIRN_ETCD_CERT_FILE", &self.cert_file),
            ("CAIRN_ETCD_KEY_FILE", &self.key_file),
        ];
        if secure == 0 {
            return match files.iter().find(|(_, file)| file.is_some()) {
                // Certificates that would silently not be used are a mistake, not a preference.
                Some((name, _)) => Err(setting(name, "given, but no endpoint is https".to_owned())),
                None => Ok(false),
            };
        }
        if secure < self.endpoints.len() {
            let reason = "http and https endpoints together".to_owned();
            return Err(setting("CAIRN_ETCD_ENDPOINTS", reason));
        }
        Ok(true)
    }

    fn check_prefix(&self) -> Result<(), CoordinatorError> {
        let Some(parts) = self.prefix.strip_prefix('/') else {
            let reason = format!("{:?}, expected a leading /", self.prefix);
            return Err(setting("CAIRN_ETCD_PREFIX", reason));
        };
        parts.split('/').try_for_each(|part| check_name("etcd prefix", part))
    }

    fn credentials(&self) -> Result<Option<(&str, &Zeroizing<String>)>, CoordinatorError> {
        let empty = |name| Err(setting(name, "empty".to_owned()));
        match (&self.user, &self.password) {
            (None, None) => Ok(None),
            (Some(user), _) if user.is_empty() => empty("CAIRN_ETCD_USER"),
            (_, Some(password)) if password.is_empty() => empty("CAIRN_ETCD_PASSWORD"),
            (Some(user), Some(password)) => Ok(Some((user, password))),
            (Some(_), None) => {
                Err(setting("CAIRN_ETCD_PASSWORD", "missing beside CAIRN_ETCD_USER".to_owned()))
            }
            (None, Some(_)) => {
                Err(setting("CAIRN_ETCD_USER", "missing beside CAIRN_ETCD_PASSWORD".to_owned()))
            }
        }
    }

    fn tls(&self) -> Result<TlsOptions, CoordinatorError> {
        let Some(ca_file) = &self.ca_file else {
            let reason = "missing beside https endpoints".to_owned();
            return Err(setting("CAIRN_ETCD_CA_FILE", reason));
        };
        let authority = pem("CAIRN_ETCD_CA_FILE", ca_file)?;
        let tls = TlsOptions::new().ca_certificate(Certificate::from_pem(authority));
        match (&self.cert_file, &self.key_file) {
            (None, None) => Ok(tls),
            (Some(cert), Some(key)) => {
                let cert = pem("CAIRN_ETCD_CERT_FILE", cert)?;
                let key = Zeroizing::new(pem("CAIRN_ETCD_KEY_FILE", key)?);
                Ok(tls.identity(Identity::from_pem(cert, key.as_slice())))
            }
            (Some(_), None) => {
                Err(setting("CAIRN_ETCD_KEY_FILE", "missing beside the certificate".to_owned()))
            }
            (None, Some(_)) => {
                Err(setting("CAIRN_ETCD_CERT_FILE", "missing beside the key".to_owned()))
            }
        }
    }
}

impl fmt::Debug for EtcdConfig {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdConfig")
            .field("endpoints", &self.endpoints)
            .field("prefix", &self.prefix)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Most bytes of a PEM file.
const PEM_BYTES_MAX: u64 = 1 << 20;

fn pem(name: &'static str, path: &Path) -> Result<Vec<u8>, CoordinatorError> {
    let wrong = |reason: String| setting(name, format!("{}: {reason}", path.display()));
    let length = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if length > PEM_BYTES_MAX {
        return Err(wrong(format!("{length} bytes, limit {PEM_BYTES_MAX}")));
    }
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    if !bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        return Err(wrong("no PEM block in it".to_owned()));
    }
    Ok(bytes)
}

fn setting(setting: &'static str, reason: String) -> CoordinatorError {
    CoordinatorError::Setting { setting, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut EtcdConfig), expect: &str) {
        let mut config = EtcdConfig::new(vec!["http://127.0.0.1:2379".to_owned()]);
        change(&mut config);
        match config.options() {
            Ok(_) => assert_eq!(expect, "", "accepted {config:?}"),
            Err(error) => {
                assert!(!expect.is_empty() && error.to_string().contains(expect), "{error}");
            }
        }
    }

    #[test]
    fn every_wrong_setting_is_named() {
        let secret = |text: &str| Some(Zeroizing::new(text.to_owned()));
        check(|_| {}, "");
        check(|c| c.endpoints.clear(), "CAIRN_ETCD_ENDPOINTS: no endpoint");
        check(|c| c.endpoints[0] = "127.0.0.1:2379".to_owned(), "expected http(s)://host:port");
        check(|c| c.endpoints[0] = "http://me:secret@b:2379".to_owned(), "holds credentials");
        check(|c| c.endpoints.push("https://b:2379".to_owned()), "together");
        check(|c| c.endpoints[0] = "https://b:2379".to_owned(), "CAIRN_ETCD_CA_FILE: missing");
        check(|c| c.ca_file = Some("/nowhere".into()), "no endpoint is https");
        check(|c| c.prefix = "cairn".to_owned(), "CAIRN_ETCD_PREFIX");
        check(|c| c.prefix = "/a//b".to_owned(), "etcd prefix");
        check(|c| c.prefix = "/fleets/eu-1".to_owned(), "");
        check(|c| c.user = Some("cairn".to_owned()), "CAIRN_ETCD_PASSWORD: missing");
        check(|c| c.password = secret("x"), "CAIRN_ETCD_USER: missing");
        check(
            |c| (c.user, c.password) = (Some(String::new()), secret("x")),
            "CAIRN_ETCD_USER: empty",
        );
        check(
            |c| (c.user, c.password) = (Some("cairn".to_owned()), secret("")),
            "CAIRN_ETCD_PASSWORD: empty",
        );
        check(|c| (c.user, c.password) = (Some("cairn".to_owned()), secret("x")), "");
        check(|c| c.lease_ttl = Duration::from_millis(2_500), "lease_ttl");
        check(
            |c| {
                c.endpoints[0] = "https://b:2379".to_owned();
                c.ca_file = Some("/nowhere/ca.pem".into());
            },
            "CAIRN_ETCD_CA_FILE: /nowhere/ca.pem",
        );
    }

    #[test]
    fn debug_shows_no_password() {
        let mut config = EtcdConfig::new(vec![]);
        config.password = Some(Zeroizing::new("hunter2".to_owned()));
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
