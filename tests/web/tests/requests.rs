//! What becomes of a request at its handler.
#![cfg(target_family = "wasm")]

mod support;

use stillpoint::RequestError;
use support::{World, pass};
use wasm_bindgen_test::wasm_bindgen_test;
use web_tests::Ask;

fn ask(world: &World, what: &'static str) -> stillpoint::LocalJoinHandle<()> {
    let (shell, log) = (world.shell.clone(), world.log());
    world.spawn(async move {
        log.say(match shell.request(Ask(what.to_owned())).await {
            Ok(answer) => format!("answer {answer}"),
            Err(RequestError::Failed(why)) => format!("failed: {why}"),
            Err(error) => format!("error {error}"),
        });
    })
}

#[wasm_bindgen_test]
async fn a_promise_answers_and_so_does_a_plain_value() {
    for own in [
        "Ask: async what => what.toUpperCase()",
        "Ask: what => what.toUpperCase()",
        "Ask: what => ({ then(done) { done(what.toUpperCase()); done('again') } })",
    ] {
        let world = World::new(own);
        ask(&world, "a").await.unwrap();
        pass().await;
        assert_eq!(world.trace(), ["answer A"], "{own}");
        world.close();
    }
}
