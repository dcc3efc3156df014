//! The least of a schedule that still fails.

use std::ops::ControlFlow;

use super::schedule::Choices;

/// What a candidate has chosen, if it fails; or that nothing more is to be tried.
pub(super) type Tried = ControlFlow<(), Option<Choices>>;

/// Finds a smaller list of choices that fails. What `run` says that a candidate has chosen may be less than it says
/// itself.
///
/// First whole parts of the list go, ever smaller ones, as in delta debugging (Zeller and Hildebrandt, "Simplifying and
/// Isolating Failure-Inducing Input", 2002); then each choice that is left is made earlier, and lower; and again, until
/// nothing of it helps.
pub(super) fn shrink(choices: Choices, run: impl FnMut(&Choices) -> Tried) -> Choices {
    let mut shrinking = Shrinking { best: choices, run };
    loop {
        let before = shrinking.best.size();
        if shrinking.pass().is_break() || shrinking.best.size() == before {
            return shrinking.best;
        }
    }
}

struct Shrinking<R> {
    best: Choices,
    run: R,
}

impl<R: FnMut(&Choices) -> Tried> Shrinking<R> {
    fn pass(&mut self) -> ControlFlow<()> {
        self.drop_parts()?;
        self.hasten()?;
        self.lower()
    }

    /// Takes a candidate for the best, if it fails and is smaller.
    fn adopts(&mut self, picks: impl IntoIterator<Item = (usize, u32)>) -> ControlFlow<(), bool> {
        let chosen = (self.run)(&self.best.with(picks))?;
        let smaller = chosen.filter(|chosen| chosen.size() < self.best.size());
        let is_adopted = smaller.is_some();
        self.best = smaller.unwrap_or_else(|| std::mem::take(&mut self.best));
        ControlFlow::Continue(is_adopted)
    }

    /// Tries parts of the list from its end, since what comes after a failure is no part of it.
    fn drop_parts(&mut self) -> ControlFlow<()> {
        let mut part = self.best.len();
        while part > 0 {
            let mut end = self.best.len();
            while end > 0 {
                let start = end.saturating_sub(part);
                let numbers = self.best.numbers();
                self.adopts(numbers[start..end].iter().map(|number| (*number, 0)))?;
                // What has gone may be more than was tried.
                end = start.min(self.best.len());
            }
            part /= 2;
        }
        ControlFlow::Continue(())
    }

    /// Makes each choice earlier, for which it may have to be another: the last that there is will be made lower later.
    fn hasten(&mut self) -> ControlFlow<()> {
        for number in self.best.numbers() {
            let pick = self.best.pick(number);
            let free = (0..number).filter(|_| pick > 0);
            for earlier in free {
                if self.best.pick(earlier) == 0
                    && (self.adopts([(number, 0), (earlier, pick)])?
                        || self.adopts([(number, 0), (earlier, u32::MAX)])?)
                {
                    break;
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn lower(&mut self) -> ControlFlow<()> {
        for number in self.best.numbers() {
            for pick in 1..self.best.pick(number) {
                if self.adopts([(number, pick)])? {
                    break;
                }
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shrunk(from: &str, fails: impl Fn(&Choices) -> bool) -> String {
        // No choice is of more than ten.
        let run = |choices: &Choices| {
            let chosen = choices.with(
                choices
                    .numbers()
                    .into_iter()
                    .map(|at| (at, choices.pick(at).min(9))),
            );
            ControlFlow::Continue(fails(&chosen).then_some(chosen))
        };
        shrink(from.parse().unwrap(), run).to_string()
    }

    #[test]
    fn what_needs_no_choice_loses_all() {
        assert_eq!(shrunk("1=2 3=4 9=9", |_| true), "");
    }

    #[test]
    fn what_does_not_matter_goes_and_the_rest_becomes_low() {
        let many = (0..200)
            .map(|number| format!("{number}=7"))
            .collect::<Vec<_>>()
            .join(" ");
        let fails = |choices: &Choices| choices.pick(50) >= 3 && choices.pick(120) >= 1;
        assert_eq!(shrunk(&many, fails), "50=3 120=1");
    }

    #[test]
    fn what_may_be_earlier_is() {
        let fails = |choices: &Choices| choices.numbers().iter().any(|number| *number >= 5);
        assert_eq!(shrunk("90=1 95=2", fails), "5=1");
        let later_is_less = |choices: &Choices| {
            let is_enough = |number| choices.pick(number) + number as u32 >= 9;
            choices.numbers().into_iter().any(is_enough)
        };
        assert_eq!(shrunk("7=2", later_is_less), "0=9");
    }

    #[test]
    fn it_stops_when_it_is_told_to() {
        let mut runs = 0;
        let shrunk = shrink("1=1 2=1".parse().unwrap(), |_| {
            runs += 1;
            match runs {
                2 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(None),
            }
        });
        assert_eq!(shrunk.to_string(), "1=1 2=1");
        assert_eq!(runs, 2);
    }

    #[test]
    fn what_a_run_did_not_get_to_goes_too() {
        let run = |choices: &Choices| {
            let reached = choices.with(
                choices
                    .numbers()
                    .into_iter()
                    .filter(|number| *number > 4)
                    .map(|at| (at, 0)),
            );
            ControlFlow::Continue((choices.pick(3) > 0).then_some(reached))
        };
        assert_eq!(
            shrink("3=1 7=1 8=1".parse().unwrap(), run).to_string(),
            "3=1"
        );
    }
}
