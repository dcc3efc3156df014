//! tokio leaves thread-locals with destructors on whatever thread enters its runtime, so that its code must never go.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
