//! How a run is to be done.

use std::{num::NonZeroUsize, time::Duration};

use crate::{exclude::Excludes, retry::Policy};

/// What the user wants, as far as it is not a matter of the shell.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many documents and targets are worked on at once, at most.
    pub concurrency: NonZeroUsize,
    /// How long one try of a web address may take.
    pub deadline: Duration,
    /// When a web address is tried again.
    pub policy: Policy,
    /// Says whether web addresses are left alone.
    pub offline: bool,
    /// The links that are left alone.
    pub excludes: Excludes,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: NonZeroUsize::MIN.saturating_add(31),
            deadline: Duration::from_secs(20),
            policy: Policy::default(),
            offline: false,
            excludes: Excludes::default(),
        }
    }
}
