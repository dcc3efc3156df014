//! A run of steps: what each came to, how long it took, and the summary.

use std::process::ExitCode;
use std::time::{Duration, Instant};

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
    keep_going: bool,
    steps: Vec<Step>,
    not_run: Vec<String>,
}

impl Run {
    pub(crate) fn new(keep_going: bool) -> Self {
        Self {
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
        println!("\n==> {name}");
        let start = Instant::now();
        let came_to = check();
        let step = Step {
            name,
            took: start.elapsed(),
            came_to,
        };
        println!("{}", step.line());
        self.steps.push(step);
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
        let took: Duration = self.steps.iter().map(|step| step.took).sum();
        println!("\n==> summary, after {} s", took.as_secs());
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
    use super::{Run, Stop};

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
    fn a_line_names_the_step_and_the_reason() {
        let (run, _) = three(false);
        let line = run.steps[0].line();
        assert!(line.starts_with("SKIPPED"), "{line}");
        assert!(line.ends_with("s  a: refused"), "{line}");
    }
}
