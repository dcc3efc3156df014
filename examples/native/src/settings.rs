//! What the user of a shell wants.

use std::num::NonZeroUsize;
use std::time::Duration;

use linkcheck_core::exclude::Excludes;
use linkcheck_core::retry::Policy;
use serde::Deserialize;

use crate::SessionError;

/// What a check is to do. As JSON, which is what C gives, each field may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, uniffi::Record)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Settings {
    /// How many documents and targets are worked on at once, at most; not 0.
    #[uniffi(default = 32)]
    pub concurrency: u32,
    /// How long one try of a web address may take, in milliseconds.
    #[uniffi(default = 20000)]
    pub timeout_ms: u32,
    /// How often a web address is tried again where that may help.
    #[uniffi(default = 2)]
    pub retries: u32,
    /// Whether web addresses are left alone.
    #[uniffi(default = false)]
    pub offline: bool,
    /// Links that are left alone: globs, or regular expressions after `re:`.
    #[uniffi(default = [])]
    pub exclude: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: 32,
            timeout_ms: 20_000,
            retries: 2,
            offline: false,
            exclude: Vec::new(),
        }
    }
}

impl Settings {
    /// Of JSON.
    pub(crate) fn read(json: &[u8]) -> Result<Self, SessionError> {
        serde_json::from_slice(json)
            .map_err(|error| SessionError::BadArgument(format!("the settings: {error}")))
    }

    pub(crate) fn for_core(&self) -> Result<linkcheck_core::Settings, SessionError> {
        let concurrency = usize::try_from(self.concurrency)
            .ok()
            .and_then(NonZeroUsize::new);
        let concurrency = concurrency.ok_or_else(|| {
            SessionError::BadArgument("a concurrency of 0 checks nothing".to_owned())
        })?;
        let excludes = Excludes::new(&self.exclude)
            .map_err(|error| SessionError::BadArgument(error.to_string()))?;
        Ok(linkcheck_core::Settings {
            concurrency,
            deadline: Duration::from_millis(self.timeout_ms.into()),
            policy: Policy {
                retries: self.retries,
                ..Policy::default()
            },
            offline: self.offline,
            excludes,
        })
    }
}
