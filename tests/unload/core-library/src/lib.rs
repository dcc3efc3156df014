//! A library that holds an executor and drives it itself.

use std::future::pending;
use std::rc::Rc;

use stillpoint::{Emitted, Executor, LocalExecutor, Teardown};
use unload_app::{ASKS, Effect, LINES, Library, Line, exports, populate};

/// One executor that other threads answer, and one that is bound to the loader's.
pub struct Core {
    executor: Executor<Effect>,
    local: LocalExecutor<Effect>,
    lines: Vec<Line>,
}

impl Library for Core {
    fn begin() -> Self {
        let mut executor = Executor::builder().on_ready(|| {}).build();
        populate(&executor.spawner(), &executor.shell());
        executor.run_until_stalled();
        let (mut resolvers, mut feeds) = (Vec::new(), Vec::new());
        for emitted in executor.drain() {
            match emitted {
                Emitted::Effect(Effect::Ask(request)) => resolvers.push(request.resolver),
                Emitted::Effect(Effect::Ticks(ticks)) => feeds.push(ticks.feed),
                Emitted::Effect(Effect::Close(_)) | Emitted::Cancelled(_) => {}
            }
        }
        assert_eq!((resolvers.len(), feeds.len()), (LINES * ASKS, LINES));
        let lines = feeds
            .into_iter()
            .map(|feed| Line {
                resolvers: resolvers.split_off(resolvers.len() - ASKS),
                feed,
            })
            .collect();

        let mut local = LocalExecutor::new();
        let bound = Rc::new(());
        drop(local.local_spawner().spawn(async move {
            pending::<()>().await;
            drop(bound);
        }));
        populate(&local.spawner(), &local.shell());
        local.run_until_stalled();
        // One effect is taken and abandoned; the others stay untaken.
        drop(local.drain().next());
        Self {
            executor,
            local,
            lines,
        }
    }

    fn line(&mut self) -> Line {
        self.lines.pop().expect("a line was taken too often")
    }

    fn drive(&mut self) {
        let _ = self.executor.run_for(100);
    }

    fn tear_down(self) -> Teardown<Effect> {
        let local = self.local.teardown();
        assert!(local.is_baseline() && local.is_unloadable());
        self.executor.teardown()
    }
}

exports!(Core);
