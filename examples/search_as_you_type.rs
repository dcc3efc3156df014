//! A screen with a search field: of what is typed only the latest is searched for, and nothing is once the screen is
//! gone. `cargo run --example search_as_you_type`.
use stillpoint::{Emitted, Executor, Operation, Request, RequestId, Scope, Shell, effects};

/// What the core asks: the pages that have this in their names.
struct Find(String);
impl Operation for Find {
    type Output = Vec<&'static str>;
}
/// What it shows.
struct Show(String);
effects! { enum Effect { Find => request Find, Show => notify Show } }

/// The core: all that is done for one screen is in one scope.
struct Screen {
    scope: Scope,
    shell: Shell<Effect>,
}

impl Screen {
    /// Another letter was typed: whoever searches for less is ended.
    fn typed(&self, text: &str) {
        let (text, shell) = (text.to_owned(), self.shell.clone());
        drop(self.scope.latest("search").spawn(async move {
            if let Ok(pages) = shell.request(Find(text.clone())).await {
                shell.notify(Show(format!("{text}: {pages:?}"))).ok();
            }
        }));
    }
}

const PAGES: [&str; 4] = ["sea", "season", "sealing", "shell"];

/// The shell: it has searches under way, and stops those that nobody wants any more.
#[derive(Default)]
struct Terminal(Vec<Request<Find>>);

impl Terminal {
    fn look(&mut self, executor: &mut Executor<Effect>) {
        executor.run_until_stalled();
        for emitted in executor.drain() {
            match emitted {
                Emitted::Effect(Effect::Find(find)) => {
                    println!("find {:?}", find.operation.0);
                    self.0.push(find);
                }
                Emitted::Effect(Effect::Show(show)) => println!("show {}", show.operation.0),
                Emitted::Cancelled(id) => self.stop(id),
            }
        }
    }

    fn stop(&mut self, id: RequestId) {
        let at = self.0.iter().position(|find| find.id() == id);
        println!("stop {:?}", self.0.remove(at.unwrap()).operation.0);
    }

    /// The searches under way have found something.
    fn answer(&mut self, executor: &mut Executor<Effect>) {
        for find in self.0.drain(..) {
            let mut pages = PAGES.to_vec();
            pages.retain(|page| page.contains(&find.operation.0));
            executor.resolve(find.resolver, pages).unwrap();
        }
        self.look(executor);
    }
}

fn main() {
    let (mut executor, mut terminal) = (Executor::<Effect>::new(), Terminal::default());
    let screen = Screen {
        scope: executor.spawner().name("search").scope(),
        shell: executor.shell(),
    };
    for text in ["s", "se", "sea"] {
        screen.typed(text);
        terminal.look(&mut executor);
    }
    terminal.answer(&mut executor);

    screen.typed("seas");
    terminal.look(&mut executor);
    let closed = screen.scope.close(); // the user goes elsewhere
    terminal.look(&mut executor);
    let report = futures::executor::block_on(closed);
    println!(
        "{} was under way, {} were replaced, {} was done",
        report.tasks, report.aborted, report.completed
    );
    executor.teardown().assert_baseline();
}
