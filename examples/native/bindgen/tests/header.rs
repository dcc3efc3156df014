//! The header that is committed is the one that cbindgen writes.

use std::fs;

#[test]
fn the_committed_header_is_in_step_with_the_source() {
    let committed = native_bindgen::home().join("include/linkcheck.h");
    let committed = fs::read_to_string(committed).unwrap();
    // Not `assert_eq`, which would print both of them in one line each.
    assert!(
        committed == native_bindgen::header().unwrap(),
        "it is not: `cargo xtask native --bless` writes it anew"
    );
}
