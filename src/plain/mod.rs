//! What an executor says of itself, for shells in other languages: plain data, as `web/host.d.ts` has its types.

#[cfg(any(feature = "bridge", feature = "web"))]
mod report;
mod snapshot;

#[cfg(feature = "web")]
pub(crate) use report::PlainTotals;
#[cfg(any(feature = "bridge", feature = "web"))]
pub(crate) use report::{PlainReport, Unseen};
#[cfg(any(feature = "bridge", feature = "web"))]
pub(crate) use snapshot::PlainSnapshot;
