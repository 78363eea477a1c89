//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

/// Why the configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: the configuration file cannot be read: {why}; check the path given to --config", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// The file is not TOML.
    #[error("{origin}, column {column}: this is not TOML: {why}")]
    Syntax {
        /// File and line.
        origin: Origin,
        /// Column, from 1.
        column: usize,
        /// The parser's words.
        why: String,
    },
    /// No such key or section.
    #[error("{origin}: {key} is not a setting; allowed: {allowed}")]
    UnknownKey {
        /// Where it is.
        origin: Origin,
        /// The key or section.
        key: String,
        /// What could be.
        allowed: String,
    },
    /// An unusable value.
    #[error("{origin}: {key}: {why}; allowed: {allowed}")]
    BadValue {
        /// Where it is.
        origin: Origin,
        /// Which setting.
        key: &'static str,
        /// What is wrong.
        why: String,
        /// The allowed values.
        allowed: &'static str,
    },
}

impl ConfigError {
    /// Whether the configuration file itself is missing or unreadable.
    pub fn is_resource(&self) -> bool {
        matches!(self, ConfigError::Unreadable { .. })
    }
}

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration file.
    File {
        /// Its path.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag.
    Flag(&'static str),
    /// Nowhere: the default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Variable(name) => write!(f, "variable {name}"),
            Origin::Flag(flag) => f.write_str(flag),
            Origin::Default => f.write_str("default"),
        }
    }
}
