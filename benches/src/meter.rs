//! How a part of a workload is measured.

/// Measures some parts of a workload, and not what is between them.
pub trait Meter {
    /// Measures this part.
    fn measure<R>(&mut self, part: impl FnOnce() -> R) -> R;

    /// Learns how many bytes have crossed a bridge.
    fn crossed(&mut self, _bytes: u64) {}
}
