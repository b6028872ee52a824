//! `file:` URIs to paths and back.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use lsp_types::Uri;

/// The path that a `file:` URI names; `None` for other schemes and other machines.
pub(super) fn path(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.as_str().strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    if !rest.starts_with('/') {
        return None;
    }
    let rest = rest.split(['?', '#']).next()?;
    let mut bytes = Vec::with_capacity(rest.len());
    let mut left = rest.bytes();
    while let Some(byte) = left.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(left.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push((high * 16 + low) as u8);
    }
    (!bytes.contains(&0)).then(|| PathBuf::from(OsStr::from_bytes(&bytes)))
}

/// The URI of an absolute path.
pub(super) fn of(path: &Path) -> Option<Uri> {
    let mut text = "file://".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text.parse().ok()
}

/// The one spelling by which we know what a URI names: editors escape differently.
pub(super) fn canonical(uri: &Uri) -> Uri {
    path(uri).and_then(|path| of(&path)).unwrap_or_else(|| uri.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_uris_agree() {
        for (uri, expected) in [
            ("file:///a/b%20c/%C3%A9.rules.hcl", Some("/a/b c/é.rules.hcl")),
            ("file://localhost/a", Some("/a")),
            ("file:///a%3Ab#x", Some("/a:b")),
            ("untitled:Untitled-1", None),
            ("file://elsewhere/a", None),
            ("file:///a%00b", None),
        ] {
            let parsed: Uri = uri.parse().unwrap();
            assert_eq!(path(&parsed).as_deref(), expected.map(Path::new), "{uri}");
        }
        for (uri, expected) in [
            ("file:///a+b", "file:///a%2Bb"),
            ("file://localhost/a%62c", "file:///abc"),
            ("untitled:a+b", "untitled:a+b"),
        ] {
            assert_eq!(canonical(&uri.parse().unwrap()).as_str(), expected);
        }
        let odd = Path::new("/tmp/rü les/a+b (1).rules.hcl");
        assert_eq!(path(&of(odd).unwrap()).as_deref(), Some(odd));
    }
}
