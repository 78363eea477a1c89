//! Where an account store is: `sqlite:PATH`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Names an account store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreUrl(Place);

/// The kinds of store there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A file of SQLite's.
    Sqlite(PathBuf),
}

impl StoreUrl {
    /// The store in this file, whatever the file's name looks like.
    pub fn file(path: impl AsRef<Path>) -> StoreUrl {
        StoreUrl(Place::Sqlite(path.as_ref().to_owned()))
    }

    pub(super) fn place(&self) -> &Place {
        &self.0
    }
}

/// Why a text names no store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreUrlError {
    /// No store of that kind, or no path.
    #[error("{0:?} names no SQLite file")]
    Unknown(String),
    /// It would be a folder of that very name.
    #[error("{0:?}: ~ is not expanded; write the full path")]
    Tilde(String),
    /// As other programs write it, it would be a file of that very name, or one in the root.
    #[error("{0:?}: behind the colon is the path, with no // before it and no options after it")]
    NotAPath(String),
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;
    fn from_str(url: &str) -> Result<StoreUrl, StoreUrlError> {
        match url.strip_prefix("sqlite:") {
            Some(path) if path.starts_with("~/") => Err(StoreUrlError::Tilde(url.to_owned())),
            Some(path) if path.starts_with("//") || path.contains('?') => Err(StoreUrlError::NotAPath(url.to_owned())),
            Some(path) if !path.is_empty() => Ok(StoreUrl::file(path)),
            Some(_) | None => Err(StoreUrlError::Unknown(url.to_owned())),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_url_is_written_as_it_is_read() {
        for text in ["sqlite:karipass.db", "sqlite:/var/lib/karipass/karipass.db", "sqlite:100% #1.db"] {
            assert_eq!(text.parse::<StoreUrl>().unwrap().to_string(), text);
        }
        assert_eq!("sqlite:a.db".parse(), Ok(StoreUrl::file("a.db")));
    }

    #[test]
    fn what_would_be_another_file_than_is_meant_is_refused() {
        for (text, error) in [
            ("sqlite:", StoreUrlError::Unknown as fn(String) -> StoreUrlError),
            ("karipass.db", StoreUrlError::Unknown),
            ("postgres://db", StoreUrlError::Unknown),
            ("sqlite:~/a.db", StoreUrlError::Tilde),
            ("sqlite://a.db", StoreUrlError::NotAPath),
            ("sqlite:///srv/a.db", StoreUrlError::NotAPath),
            ("sqlite:a.db?mode=ro", StoreUrlError::NotAPath),
        ] {
            assert_eq!(text.parse::<StoreUrl>(), Err(error(text.to_owned())));
        }
    }
}
