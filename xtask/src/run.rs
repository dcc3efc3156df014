//! A run of steps: what each came to, how long it took, and the summary.
//!
//! Some steps may be made [aside](Run::aside), on a thread of their own. What they print is kept until they are joined.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::files::target;

/// Why a step did not pass.
#[derive(Debug)]
pub(crate) enum Stop {
    /// What it checks is wrong.
    Failed(String),
    /// It could not be checked here.
    Skipped(String),
}

struct Step {
    name: String,
    took: Duration,
    came_to: Result<(), Stop>,
}

/// The steps so far.
pub(crate) struct Run {
    begun: Instant,
    keep_going: bool,
    steps: Vec<Step>,
    not_run: Vec<String>,
}

impl Run {
    pub(crate) fn new(keep_going: bool) -> Self {
        Self {
            begun: Instant::now(),
            keep_going,
            steps: Vec::new(),
            not_run: Vec::new(),
        }
    }

    /// Makes a step, unless an earlier one has failed.
    pub(crate) fn step(
        &mut self,
        name: impl Into<String>,
        check: impl FnOnce() -> Result<(), Stop>,
    ) {
        let name = name.into();
        if !self.keep_going && self.failed() > 0 {
            self.not_run.push(name);
            return;
        }
        say(&format!("\n==> {name}"));
        let start = Instant::now();
        let came_to = check();
        let step = Step {
            name,
            took: start.elapsed(),
            came_to,
        };
        say(&step.line());
        self.steps.push(step);
    }

    /// Makes steps on a thread of their own, until one of them fails. `name` is that of the file, in the target folder,
    /// that has what they print.
    pub(crate) fn aside(
        &self,
        name: &'static str,
        steps: impl FnOnce(&mut Run) + Send + 'static,
    ) -> Aside {
        let keep_going = self.keep_going;
        let log = target().map(|folder| folder.join(format!("{name}.log")));
        let log = log.unwrap_or_else(|_| std::env::temp_dir().join(format!("{name}.log")));
        let said = File::create(&log);
        let thread = thread::spawn(move || {
            // Where there is no file, what they print stands among the others'.
            SAID.set(said.ok());
            let mut run = Run::new(keep_going);
            steps(&mut run);
            run
        });
        Aside { name, thread, log }
    }

    /// Waits for steps that were made aside, prints what they printed, and counts them among these.
    pub(crate) fn join(&mut self, aside: Aside) {
        let joined = aside.thread.join();
        println!("\n==> aside: {}", aside.name);
        let said = fs::read(aside.log).unwrap_or_default();
        print!("{}", String::from_utf8_lossy(&said));
        match joined {
            Ok(run) => {
                self.steps.extend(run.steps);
                self.not_run.extend(run.not_run);
            }
            Err(_) => self.steps.push(Step {
                name: aside.name.to_owned(),
                took: Duration::ZERO,
                came_to: Err(Stop::Failed("it panicked".to_owned())),
            }),
        }
    }

    fn count(&self, is_so: impl Fn(&Result<(), Stop>) -> bool) -> usize {
        self.steps
            .iter()
            .filter(|step| is_so(&step.came_to))
            .count()
    }

    fn failed(&self) -> usize {
        self.count(|came_to| matches!(came_to, Err(Stop::Failed(_))))
    }

    fn closing_line(&self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.count(Result::is_ok),
            self.failed(),
            self.count(|came_to| matches!(came_to, Err(Stop::Skipped(_)))),
        )
    }

    /// Prints the summary, and gives the exit code.
    pub(crate) fn finish(self) -> ExitCode {
        let took = self.begun.elapsed().as_secs();
        println!("\n==> summary, after {took} s");
        for step in &self.steps {
            println!("{}", step.line());
        }
        if !self.not_run.is_empty() {
            println!("not run after the failure: {}", self.not_run.join("; "));
        }
        println!("{}", self.closing_line());
        if self.failed() == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Steps that are made on a thread of their own.
#[must_use = "they count once they are joined"]
pub(crate) struct Aside {
    name: &'static str,
    thread: JoinHandle<Run>,
    log: PathBuf,
}

thread_local! {
    /// Where the steps of this thread print, if that is not what the program prints.
    static SAID: RefCell<Option<File>> = const { RefCell::new(None) };
}

/// Prints a line of a step.
pub(crate) fn say(line: &str) {
    SAID.with_borrow_mut(|said| match said {
        Some(file) => drop(writeln!(file, "{line}")),
        None => println!("{line}"),
    });
}

/// Where a program prints that a step starts.
pub(crate) fn output() -> Stdio {
    SAID.with_borrow(|said| {
        let file = said.as_ref().and_then(|file| file.try_clone().ok());
        file.map_or_else(Stdio::inherit, Stdio::from)
    })
}

impl Step {
    fn line(&self) -> String {
        let (word, why) = match &self.came_to {
            Ok(()) => ("passed", ""),
            Err(Stop::Failed(why)) => ("FAILED", why.as_str()),
            Err(Stop::Skipped(why)) => ("SKIPPED", why.as_str()),
        };
        let separator = if why.is_empty() { "" } else { ": " };
        format!(
            "{word:7} {:7.1} s  {}{separator}{why}",
            self.took.as_secs_f64(),
            self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::{Run, Stop, output};

    fn three(keep_going: bool) -> (Run, Vec<&'static str>) {
        let mut run = Run::new(keep_going);
        let mut made = Vec::new();
        run.step("a", || {
            made.push("a");
            Err(Stop::Skipped("refused".to_owned()))
        });
        run.step("b", || {
            made.push("b");
            Err(Stop::Failed("wrong".to_owned()))
        });
        run.step("c", || {
            made.push("c");
            Ok(())
        });
        (run, made)
    }

    #[test]
    fn the_first_failure_ends_the_run_and_a_skip_does_not() {
        let (run, made) = three(false);
        assert_eq!(made, ["a", "b"]);
        assert_eq!(run.not_run, ["c"]);
        assert_eq!(run.closing_line(), "0 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn keep_going_makes_every_step() {
        let (run, made) = three(true);
        assert_eq!(made, ["a", "b", "c"]);
        assert_eq!(run.closing_line(), "1 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn what_is_made_aside_is_counted_with_the_rest_and_what_it_prints_is_kept() {
        let (mut run, _) = three(false);
        let aside = run.aside("xtask-test", |run| {
            run.step("d", || {
                let mut version = Command::new("rustc");
                let status = version.arg("--version").stdout(output()).status();
                Err(Stop::Skipped(status.unwrap().to_string()))
            });
        });
        let log = aside.log.clone();
        run.join(aside);
        let said = fs::read_to_string(&log).unwrap();
        assert!(said.starts_with("\n==> d\nrustc 1."), "{said}");
        assert!(said.ends_with("d: exit status: 0\n"), "{said}");
        assert_eq!(run.closing_line(), "0 passed, 1 failed, 2 skipped");
        run.join(run.aside("xtask-test", |_| panic!("as a step may")));
        assert_eq!(run.closing_line(), "0 passed, 2 failed, 2 skipped");
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_line_names_the_step_and_the_reason() {
        let (run, _) = three(false);
        let line = run.steps[0].line();
        assert!(line.starts_with("SKIPPED"), "{line}");
        assert!(line.ends_with("s  a: refused"), "{line}");
    }
}
