//! The configuration: a TOML file, then `KARIPASS_SECTION_KEY` variables, then flags, validated once into typed values.
//!
//! Every key stands once, in `keys`: its name, what is allowed, and where it goes. An unknown key or a bad value is
//! refused with the place it came from and what is allowed there.
//!
//! Architecture invariant: nothing is read but the file (and whether the paths it names are there); the environment and the
//! flags are parameters. No setting is parsed after [`Config::load`].

mod draft;
mod error;
mod keys;
mod network;
mod read;
mod settings;
#[cfg(test)]
mod tests;
mod value;

use std::ffi::OsString;
use std::path::Path;

pub use error::{ConfigError, Origin};
pub use network::{Listen, ListenError, PortRange, PortRangeError, transport_name};
pub use settings::{Api, Config, Ivr, Limits, Mail, Overrides, Rtp, Sip, Site, Store, Trace};

use draft::Draft;

impl Config {
    /// Reads the settings: what the file says, over that what the environment says, over that what the flags say.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        overrides: &Overrides,
    ) -> Result<Config, ConfigError> {
        let mut draft = Draft::new()?;
        if let Some(path) = file {
            draft.read_file(path)?;
        }
        draft.read_environment(environment)?;
        draft.override_with(overrides);
        draft.finish()
    }
}
