//! `cargo xtask native`: the shared library, the bindings of its languages, and what its tests need.
//!
//! ```text
//!   examples/native ─ cargo ─▶ the library ─ native-bindgen ─▶ target/native/swift/, kotlin/, python/
//!    └─ src/c.rs ─ native-bindgen ─ --bless ─▶ include/linkcheck.h ─▶ target/native/c/
//!                                    the library ─▶ python/ and c/ as well
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::checks::cargo;
use crate::files::{copy, execute, failed, files, make, output, read, remove, target};
use crate::needs;
use crate::run::{Run, Stop};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    bless: bool,
    test: bool,
}

/// Reads what comes after `native`, or says what is wrong with it.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        bless: false,
        test: false,
    };
    for argument in arguments {
        match argument.as_str() {
            "--bless" => options.bless = true,
            "--test" => options.test = true,
            _ => return Err(format!("`{argument}` is no flag of native")),
        }
    }
    Ok(options)
}

/// Builds what an app needs, or runs the tests.
pub(crate) fn native(options: Options) -> ExitCode {
    let mut run = Run::new(false);
    if options.bless {
        run.step("the header for C, written anew", bless);
    }
    if options.test {
        test(&mut run);
    } else if !options.bless {
        run.step("the library, and the bindings of its languages", || {
            let out = build(Profile::Release)?;
            println!("    {}", out.display());
            Ok(())
        });
    }
    run.finish()
}

/// The steps of a test run.
pub(crate) fn test(run: &mut Run) {
    run.step("the native library's tests, and its header", || {
        // One by one: together they would share their dependencies' features, and be built anew for that.
        cargo("test --package linkcheck-native")?;
        cargo("test --package native-bindgen")
    });
    let mut built = None;
    run.step("its bindings for Swift, Kotlin and Python", || {
        let out = build(Profile::Debug)?;
        for (folder, extension) in [("swift", ".swift"), ("kotlin/stillpoint/linkcheck", ".kt")] {
            files(&out.join(folder), |name| name.ends_with(extension))?;
        }
        built = Some(out);
        Ok(())
    });
    let built = || {
        built
            .as_deref()
            .ok_or_else(|| Stop::Skipped("it was not built".to_owned()))
    };
    run.step("it under a shell in Python", || {
        needs::python()?;
        python(built()?)
    });
    run.step(
        "it under C, with AddressSanitizer, which finds leaks too",
        || c(built()?),
    );
}

#[derive(Clone, Copy)]
enum Profile {
    Debug,
    Release,
}

/// Builds the library, and what each language needs beside it. Gives the folder.
fn build(profile: Profile) -> Result<PathBuf, Stop> {
    let (flag, built, out) = match profile {
        Profile::Debug => ("", "debug", "native-test"),
        Profile::Release => ("--release", "release", "native"),
    };
    cargo(&format!("build --package linkcheck-native {flag}"))?;
    let target = target()?;
    let library = target.join(built).join(library());
    let out = target.join(out);
    // What an earlier build has left is no part of this one.
    remove(&out)?;
    let folders = ["swift", "kotlin", "python", "c"].map(|name| out.join(name));
    for folder in &folders {
        make(folder)?;
    }
    bindgen(&["bindings".as_ref(), library.as_ref(), out.as_ref()])?;
    let [_, _, python, c] = folders;
    copy(&library, &python)?;
    copy(&library, &c)?;
    copy(&header(), &c)?;
    Ok(out)
}

/// The library's name on this system.
fn library() -> String {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    format!("{DLL_PREFIX}linkcheck_native{DLL_SUFFIX}")
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/native")
}

fn header() -> PathBuf {
    sources().join("include/linkcheck.h")
}

/// The program that writes bindings and the header, built.
fn bindgen_program() -> Result<Command, Stop> {
    cargo("build --package native-bindgen")?;
    let name = format!("native-bindgen{}", std::env::consts::EXE_SUFFIX);
    Ok(Command::new(target()?.join("debug").join(name)))
}

fn bindgen(arguments: &[&std::ffi::OsStr]) -> Result<(), Stop> {
    execute(bindgen_program()?.args(arguments))
}

fn bless() -> Result<(), Stop> {
    let text = output(bindgen_program()?.arg("header"))?;
    fs::write(header(), text).map_err(|error| failed(&header(), &error))
}

fn python(built: &Path) -> Result<(), Stop> {
    execute(
        Command::new("python3")
            .args([
                "-W",
                "error::ResourceWarning",
                "-W",
                "error::RuntimeWarning",
                "-m",
                "unittest",
                "discover",
                "--start-directory",
            ])
            .arg(sources().join("python"))
            .env("PYTHONPATH", built.join("python"))
            // Its caches are not to lie beside the sources.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("RUST_BACKTRACE", "0")
            // With a heap for each thread, what is resident depends on which threads met.
            .env("MALLOC_ARENA_MAX", "1"),
    )
}

/// The warnings that a program of somebody else's may have switched on.
const STRICT: [&str; 5] = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];

fn c(built: &Path) -> Result<(), Stop> {
    let library = built.join("c");
    needs::address_sanitizer(&library)?;
    for (name, sanitized) in [("hello", true), ("test", true), ("unload", false)] {
        let program = library.join(name);
        let mut cc = Command::new("cc");
        cc.args(STRICT)
            .arg("-g")
            .arg("-I")
            .arg(&library)
            .arg(sources().join(format!("c/{name}.c")))
            .arg("-o")
            .arg(&program);
        if sanitized {
            let mut rpath = std::ffi::OsString::from("-Wl,-rpath,");
            rpath.push(&library);
            cc.args(["-fsanitize=address", "-pthread", "-L"])
                .arg(&library)
                .arg("-llinkcheck_native")
                .arg(rpath);
        }
        execute(&mut cc)?;
        let mut program = Command::new(&program);
        program
            .arg(library.join(self::library()))
            .env("RUST_BACKTRACE", "0");
        match name {
            "hello" => is_shown(&output(&mut program)?)?,
            _ => execute(&mut program)?,
        }
    }
    Ok(())
}

/// Whether the README shows what the least program prints.
fn is_shown(text: &str) -> Result<(), Stop> {
    let readme = sources().join("README.md");
    let page = read(&readme)?;
    match page.contains(&format!("\n```text\n{text}```\n")) {
        true => Ok(()),
        false => Err(Stop::Failed(format!(
            "the README shows no program that prints\n{text}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Options, parse};

    fn of(line: &str) -> Result<Options, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn its_flags_are_read_and_others_named() {
        let options = |bless, test| Ok(Options { bless, test });
        assert_eq!(of(""), options(false, false));
        assert_eq!(of("--bless"), options(true, false));
        assert_eq!(of("--test --bless"), options(true, true));
        assert_eq!(of("--tset").unwrap_err(), "`--tset` is no flag of native");
    }
}
