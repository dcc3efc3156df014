//! `cargo xtask web`: the page, built, optimised and served; its tests and its figures.
//!
//! ```text
//!   web/*.html *.js *.css ───────────────────────────────────────────▶ target/page/site/       what a user serves
//!   web ────────┐
//!               ├─ cargo ─▶ .wasm ─ wasm-bindgen ─┬─ .js ────────────▶ target/page/site/pkg/
//!   web/lab, … ─┘                                 └─ .wasm ─ wasm-opt ─▶ target/page/NAME/
//! ```

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::checks::{WASM, cargo};
use crate::files::{copy, execute, files, make, remove, target};
use crate::needs;
use crate::run::{Run, Stop};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    build_only: bool,
    figures: bool,
    port: u16,
}

/// Where the page is served unless another port is named.
const PORT: u16 = 8080;

/// Reads what comes after `web`, or says what is wrong with it.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        build_only: false,
        figures: false,
        port: PORT,
    };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--build-only" => options.build_only = true,
            "--figures" => options.figures = true,
            "--port" => {
                let port = arguments.next().and_then(|port| port.parse().ok());
                options.port = port.ok_or("`--port` is followed by a number below 65536")?;
            }
            _ => return Err(format!("`{argument}` is no flag of web")),
        }
    }
    Ok(options)
}

/// Builds, and serves until Ctrl-C, or measures.
pub(crate) fn web(options: Options) -> ExitCode {
    let mut run = Run::new(false);
    let parts = if options.figures { PARTS } else { &PARTS[..1] };
    run.step("the page, built and optimised", || build(parts));
    if options.figures {
        run.step("figures", figures);
    } else if !options.build_only {
        run.step("serving", || serve(options.port));
    }
    run.finish()
}

/// The steps of a test run.
pub(crate) fn test(run: &mut Run) {
    let mut built = false;
    run.step("the page, built and optimised", || {
        needs::browser()?;
        build(PARTS)?;
        built = true;
        Ok(())
    });
    run.step("the page in Chromium", || {
        if !built {
            return Err(Stop::Skipped("it was not built".to_owned()));
        }
        let mut node = node()?;
        node.env("STILLPOINT_WEB", home()?)
            .env("STILLPOINT_BROWSER", needs::browser()?)
            .arg("--test");
        // By their names: what a folder means to `node --test` differs between its versions.
        for test in files(&sources().join("tests"), |name| name.ends_with(".test.js"))? {
            node.arg(test);
        }
        execute(&mut node)
    });
}

/// A library for wasm.
struct Part {
    package: &'static str,
    /// The name of its library, and of the folder that it goes to.
    name: &'static str,
    /// Whether JavaScript is written for it.
    bound: bool,
}

/// The page first; the others are for its tests and figures.
const PARTS: &[Part] = &[
    Part {
        package: "linkcheck-web",
        name: "linkcheck_web",
        bound: true,
    },
    Part {
        package: "web-lab",
        name: "lab",
        bound: true,
    },
    Part {
        package: "web-empty",
        name: "empty",
        bound: true,
    },
    Part {
        package: "web-bare",
        name: "bare",
        bound: false,
    },
];

fn build(parts: &[Part]) -> Result<(), Stop> {
    needs::target(WASM)?;
    needs::packages(&sources())?;
    let home = home()?;
    let site = home.join("site");
    // What an earlier build has left is no part of this one.
    remove(&site)?;
    for part in parts {
        cargo(&format!(
            "build --package {} --profile web --target {WASM}",
            part.package
        ))?;
        let built = target()?.join(format!("{WASM}/web/{}.wasm", part.name));
        let out = match part.package {
            "linkcheck-web" => site.join("pkg"),
            _ => home.join(part.name),
        };
        let raw = home.join("raw");
        remove(&out)?;
        make(&out)?;
        make(&raw)?;
        let module = if part.bound {
            let tools = needs::wasm_bindgen(&target()?)?;
            execute(
                Command::new(tools.join("wasm-bindgen"))
                    .args(["--target", "web", "--out-dir"])
                    .arg(&out)
                    .arg(&built),
            )?;
            format!("{}_bg.wasm", part.name)
        } else {
            copy(&built, &out)?;
            format!("{}.wasm", part.name)
        };
        // What it was before is a figure.
        copy(&out.join(&module), &raw)?;
        let mut optimise = node()?;
        optimise
            .arg(sources().join("node_modules/binaryen/bin/wasm-opt"))
            .arg("-Os")
            .arg(raw.join(&module))
            .arg("-o")
            .arg(out.join(&module));
        execute(&mut optimise)?;
    }
    for file in files(&sources(), is_of_the_site)? {
        copy(&file, &site)?;
    }
    println!("    the page is in {}", site.display());
    Ok(())
}

/// What a server of the page serves; the rest of the folder builds it, tests it or describes it.
fn is_of_the_site(name: &str) -> bool {
    let kinds = [".html", ".js", ".css", ".svg"];
    let others = ["server.js", "figures.js"];
    kinds.iter().any(|kind| name.ends_with(kind)) && !others.contains(&name)
}

fn serve(port: u16) -> Result<(), Stop> {
    execute(
        node()?
            .arg(sources().join("server.js"))
            .arg(home()?.join("site"))
            .args(["--port", &port.to_string()]),
    )
}

fn figures() -> Result<(), Stop> {
    execute(
        node()?
            .env("STILLPOINT_WEB", home()?)
            .env("STILLPOINT_BROWSER", needs::browser()?)
            .arg(sources().join("figures.js")),
    )
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../web")
}

fn home() -> Result<PathBuf, Stop> {
    Ok(target()?.join("page"))
}

fn node() -> Result<Command, Stop> {
    needs::program("node")?;
    Ok(Command::new("node"))
}

#[cfg(test)]
mod tests {
    use super::{Options, PORT, is_of_the_site, parse};

    fn of(line: &str) -> Result<Options, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_are_read_and_others_named() {
        let plain = of("").unwrap();
        assert_eq!(plain.port, PORT);
        assert!(!plain.build_only && !plain.figures);
        assert_eq!(of("--port 0").unwrap().port, 0);
        assert!(of("--build-only --figures").unwrap().figures);
        assert!(of("--port").unwrap_err().starts_with("`--port`"));
        assert!(of("--port 70000").unwrap_err().starts_with("`--port`"));
        assert_eq!(of("--prot 1").unwrap_err(), "`--prot` is no flag of web");
    }

    #[test]
    fn the_site_is_what_the_page_loads() {
        assert!(is_of_the_site("index.html"));
        assert!(is_of_the_site("app.js"));
        for other in [
            "server.js",
            "figures.js",
            "package.json",
            "README.md",
            "Cargo.toml",
        ] {
            assert!(!is_of_the_site(other), "{other}");
        }
    }
}
