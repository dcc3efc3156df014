//! Coverage-guided histories, through the interpreter of `tests/histories`.
#![no_main]

#[path = "../../tests/histories/machine/mod.rs"]
mod machine;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let history = machine::decode::history(bytes);
    if let Err(difference) = machine::run::run(&history) {
        panic!("{difference}\n{history:?}");
    }
});
