//! The progress bar.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error that shows how far a run is; hidden, it costs nothing.
///
/// Dropping it takes it off the screen.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Makes a bar, shown or hidden.
    pub fn new(shown: bool) -> Self {
        let target = if shown {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let template = "{spinner} {bar:30} {pos}/{len} targets  {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        if shown {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { bar }
    }

    /// Shows how many of the targets known so far are done, and how many documents were read and links are broken.
    pub fn show(&self, done: u64, known: u64, documents: u64, broken: u64) {
        if self.bar.is_hidden() {
            return;
        }
        self.bar.set_length(known);
        self.bar.set_position(done);
        self.bar
            .set_message(format!("{documents} read, {broken} broken"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_bar_shows_nothing() {
        let progress = Progress::new(false);
        progress.show(1, 2, 3, 4);
        assert!(progress.bar.is_hidden());
        assert_eq!(progress.bar.position(), 0);
    }
}
