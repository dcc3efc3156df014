//! A library whose tokio runtime is a static: the failure.

use std::sync::OnceLock;

use stillpoint::Teardown;
use tokio::runtime::Runtime;
use unload_app::driven::{Driven, runtime};
use unload_app::{Effect, Library, Line, exports};

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// A core that a runtime drives, which outlives it.
pub struct Core {
    driven: Driven,
}

impl Library for Core {
    fn begin() -> Self {
        Self {
            driven: Driven::begin(RUNTIME.get_or_init(runtime).handle()),
        }
    }

    fn line(&mut self) -> Line {
        self.driven.line()
    }

    fn tear_down(self) -> Teardown<Effect> {
        self.driven.tear_down(RUNTIME.get_or_init(runtime).handle())
    }
}

exports!(Core);
