//! A library that holds an executor and a tokio runtime, each for an object's lifetime.

use stillpoint::Teardown;
use tokio::runtime::Runtime;
use unload_app::driven::{Driven, runtime};
use unload_app::{Effect, Library, Line, exports};

/// A runtime, and a core that it drives.
pub struct Core {
    runtime: Runtime,
    driven: Driven,
}

impl Library for Core {
    fn begin() -> Self {
        let runtime = runtime();
        let driven = Driven::begin(runtime.handle());
        Self { runtime, driven }
    }

    fn line(&mut self) -> Line {
        self.driven.line()
    }

    fn tear_down(self) -> Teardown<Effect> {
        let Self { runtime, driven } = self;
        let report = driven.tear_down(runtime.handle());
        // Joins its threads.
        drop(runtime);
        report
    }
}

exports!(Core);
