//! The web host: its tests in node and in a browser, its traps, and its types.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::checks::{WASM, cargo, cargo_with};
use crate::files::{execute, failed, files, target};
use crate::needs;
use crate::run::{Run, Stop};

/// What runs a test that is compiled for wasm.
const RUNNER: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER";

/// What `tsc` is asked for: everything that is strict, of an engine that has `using`.
const STRICT: &str = "--strict --noEmit --target es2022 --module esnext --moduleResolution bundler --lib \
                      esnext,dom,dom.asynciterable";

/// The steps of a test run.
pub(crate) fn test(run: &mut Run) {
    run.step(format!("the web host for {WASM}"), || {
        needs::target(WASM)?;
        cargo(&format!(
            "check --package stillpoint --features web --target {WASM}"
        ))
    });
    run.step("the web host, in node", || {
        needs::program("node")?;
        tests(&[])
    });
    for (place, variable) in [
        ("a page", "WASM_BINDGEN_USE_BROWSER"),
        ("a worker", "WASM_BINDGEN_USE_DEDICATED_WORKER"),
    ] {
        run.step(format!("the web host, in {place} of Chromium"), || {
            needs::browser()?;
            let driver = match std::env::var("CHROMEDRIVER") {
                Ok(named) => named,
                Err(_) => {
                    needs::program("chromedriver")?;
                    in_path("chromedriver")
                }
            };
            tests(&[(variable, "1"), ("CHROMEDRIVER", &driver)])
        });
    }
    let mut module = None;
    run.step("the web host after a trap, and when it is lost", || {
        let built = build()?;
        let tests = files(&sources(), |name| name.ends_with(".test.mjs"))?;
        let mut node = Command::new("node");
        node.env("WEB_TESTS", &built)
            .args(["--expose-gc", "--test"])
            .args(tests);
        execute(&mut node)?;
        module = Some(built);
        Ok(())
    });
    run.step(
        "the types of the handlers, as written from the effect",
        || cargo("test --package web-tests --test typescript"),
    );
    run.step("the types of the web host, by tsc --strict", || {
        needs::packages(&sources())?;
        let Some(module) = &module else {
            return Err(Stop::Skipped("its module was not built".to_owned()));
        };
        let program = module.join("types.ts");
        fs::copy(sources().join("types.ts"), &program).map_err(|error| failed(&program, &error))?;
        execute(
            Command::new("node")
                .arg(sources().join("node_modules/typescript/bin/tsc"))
                .args(STRICT.split(' '))
                .arg(program),
        )
    });
}

/// The tests that are compiled for wasm, wherever these variables have them run.
fn tests(variables: &[(&str, &str)]) -> Result<(), Stop> {
    needs::target(WASM)?;
    let runner = needs::wasm_bindgen(&target()?)?.join("wasm-bindgen-test-runner");
    let runner = runner.display().to_string();
    let mut all = vec![(RUNNER, runner.as_str())];
    all.extend(variables);
    cargo_with(&all, &format!("test --package web-tests --target {WASM}"))
}

/// Builds the tests' module for node. Gives its folder.
fn build() -> Result<PathBuf, Stop> {
    needs::program("node")?;
    needs::target(WASM)?;
    let target = target()?;
    let tools = needs::wasm_bindgen(&target)?;
    cargo(&format!("build --package web-tests --target {WASM}"))?;
    let out = target.join("web-tests");
    execute(
        Command::new(tools.join("wasm-bindgen"))
            .args(["--target", "nodejs", "--out-dir"])
            .arg(&out)
            .arg(target.join(WASM).join("debug/web_tests.wasm")),
    )?;
    Ok(out)
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/web/node")
}

/// Where a program is that is there.
fn in_path(name: &str) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .map_or_else(|| name.to_owned(), |path| path.display().to_string())
}
