//! Keeps the types of the handlers, as they are written from the effect.
#![cfg(not(target_family = "wasm"))]

use std::fs;

use stillpoint::typescript;
use web_tests::Effect;

#[test]
fn the_handlers_types_are_those_of_the_effect() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/handlers.d.ts");
    let types = typescript::handlers::<Effect>();
    if fs::read_to_string(file).ok().as_ref() != Some(&types) {
        fs::write(file, &types).unwrap();
        panic!("src/handlers.d.ts was not that of the effect, and is written anew");
    }
}

#[test]
fn an_effect_that_is_called_as_a_keyword_is_called_so() {
    stillpoint::effects! {
        #[allow(non_camel_case_types, dead_code)]
        enum Effect {
            r#try => notify u32,
        }
    }
    let types = typescript::handlers::<Effect>();
    assert!(
        types.contains("\n    try: (operation: number) =>"),
        "{types}"
    );
}
