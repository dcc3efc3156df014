//! The peers: each as those who know it would write it, with the channels that go with it.

pub mod async_executor;
mod bridge;
mod channels;
mod crux_command;
mod crux_core;
mod flag;
mod futures_unordered;
pub mod sketch;
mod stillpoint_local;
mod tokio_local_set;

use stillpoint_benches::{Visit, each_stillpoint};

/// Visits stillpoint and its peers.
pub fn each(visitor: &mut impl Visit) {
    each_stillpoint(visitor);
    visitor.visit::<stillpoint_local::SendTasks>("stillpoint-local-send");
    visitor.visit::<stillpoint_local::LocalTasks>("stillpoint-local");
    visitor.visit::<sketch::Floor>("floor");
    visitor.visit::<sketch::InSlab>("sketch-slab");
    visitor.visit::<sketch::AsyncTask>("sketch-async-task");
    visitor.visit::<async_executor::Local>("async-executor-local");
    visitor.visit::<async_executor::Shared>("async-executor");
    visitor.visit::<tokio_local_set::Tokio>("tokio-local-set");
    visitor.visit::<futures_unordered::Unordered>("futures-unordered");
    visitor.visit::<crux_command::Commanded>("crux-command");
    visitor.visit::<crux_core::Cored>("crux-core");
    visitor.visit::<bridge::OursMessagePack>("bridge-messagepack");
    visitor.visit::<bridge::OursJson>("bridge-json");
    visitor.visit::<bridge::CruxInBincode>("bridge-crux-bincode");
    visitor.visit::<bridge::CruxInJson>("bridge-crux-json");
}
