//! What a step needs beyond the toolchain in use. Each is installed where it is missing; a refusal skips the step.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::run::Stop;

/// How long an installation may take before it counts as not to be had.
const PATIENCE: Duration = Duration::from_secs(300);

/// Has a component of the toolchain in use; `command` is the cargo command that comes with it.
pub(crate) fn component(name: &str, command: &str) -> Result<(), Stop> {
    if quietly("cargo", &[command, "--version"]).is_ok() {
        return Ok(());
    }
    rustup(&["component", "add", name]).map(drop)
}

/// Has the standard library of a target, for the toolchain in use.
pub(crate) fn target(name: &str) -> Result<(), Stop> {
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let library = quietly(&compiler, &["--print", "target-libdir", "--target", name]);
    if library.is_ok_and(|path| Path::new(path.trim()).is_dir()) {
        return Ok(());
    }
    rustup(&["target", "add", name]).map(drop)
}

/// Has a program that rustup does not bring.
pub(crate) fn program(name: &str) -> Result<(), Stop> {
    quietly(name, &["--version"])
        .map(drop)
        .map_err(|why| Stop::Skipped(format!("`{name}`: {why}")))
}

/// Has a Python that knows `match`.
pub(crate) fn python() -> Result<(), Stop> {
    let look = "import sys; sys.exit(sys.version_info < (3, 10) and 'it is older than 3.10')";
    quietly("python3", &["-c", look])
        .map(drop)
        .map_err(|why| Stop::Skipped(format!("`python3`: {why}")))
}

/// Has a C compiler whose programs AddressSanitizer can watch. It tries one, in this folder.
pub(crate) fn address_sanitizer(folder: &Path) -> Result<(), Stop> {
    let why = |why: String| Stop::Skipped(format!("`cc -fsanitize=address`: {why}"));
    let source = folder.join("empty.c");
    std::fs::write(&source, "int main(void) { return 0; }\n")
        .map_err(|error| why(error.to_string()))?;
    let (program, source) = (folder.join("empty"), source.display().to_string());
    let program = program.display().to_string();
    let arguments = ["-fsanitize=address", "-o", &program, &source];
    quietly("cc", &arguments).map_err(why)?;
    quietly(&program, &[]).map(drop).map_err(why)
}

/// Has a toolchain.
pub(crate) fn toolchain(name: &str) -> Result<(), Stop> {
    if rustup(&["run", name, "cargo", "--version"]).is_ok() {
        return Ok(());
    }
    rustup(&["toolchain", "install", name, "--profile", "minimal"]).map(drop)
}

/// Has miri, with the standard library that it interprets, on the nightly toolchain.
pub(crate) fn miri() -> Result<(), Stop> {
    if rustup(&["run", "nightly", "cargo", "miri", "--version"]).is_err() {
        toolchain("nightly")?;
        rustup(&[
            "component",
            "add",
            "miri",
            "rust-src",
            "--toolchain",
            "nightly",
        ])?;
    }
    // It builds that library once, from sources and from what they depend on.
    rustup(&["run", "nightly", "cargo", "miri", "setup"]).map(drop)
}

/// Has what a sanitizer needs: the nightly toolchain with the sources of the standard library. Gives the target.
pub(crate) fn sanitizers() -> Result<String, Stop> {
    toolchain("nightly")?;
    let about = rustup(&["run", "nightly", "rustc", "--version", "--verbose"])?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.unwrap_or_default();
    if !SANITIZED.contains(&host) {
        return Err(Stop::Skipped(format!("no sanitizers for {host}")));
    }
    let folder = rustup(&["run", "nightly", "rustc", "--print", "sysroot"])?;
    let sources = Path::new(folder.trim()).join("lib/rustlib/src/rust/library/Cargo.lock");
    if !sources.is_file() {
        rustup(&["component", "add", "rust-src", "--toolchain", "nightly"])?;
    }
    Ok(host.to_owned())
}

/// The hosts on which Rust has both sanitizers, and a leak checker with one of them.
const SANITIZED: &[&str] = &["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// Has cargo-fuzz, which is not rustup's to install.
pub(crate) fn fuzz() -> Result<(), Stop> {
    toolchain("nightly")?;
    quietly("cargo", &["fuzz", "--version"])
        .map(drop)
        .map_err(|_| Stop::Skipped("cargo-fuzz is missing: `cargo install cargo-fuzz`".to_owned()))
}

/// Has the tools of wasm-bindgen, of the very version that the lock file has the crate in: what they share has no
/// stable form. Gives the folder with `wasm-bindgen` and `wasm-bindgen-test-runner`.
pub(crate) fn wasm_bindgen(target: &Path) -> Result<PathBuf, Stop> {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = std::fs::read_to_string(lock).map_err(|error| Stop::Failed(error.to_string()))?;
    let version = locked(&lock, "wasm-bindgen")
        .ok_or_else(|| Stop::Failed("Cargo.lock has no wasm-bindgen".to_owned()))?;
    // Of its features one alone is on by default, and fetches browsers.
    let cli = Tool {
        package: "wasm-bindgen-cli",
        program: "wasm-bindgen-test-runner",
        folder: "wasm-bindgen",
        flags: &["--no-default-features"],
    };
    cli.install(version, target)
}

/// Has a subcommand of cargo in this version. Gives its program.
pub(crate) fn subcommand(
    name: &'static str,
    version: &str,
    target: &Path,
) -> Result<PathBuf, Stop> {
    let tool = Tool {
        package: name,
        program: name,
        folder: name,
        flags: &["--locked"],
    };
    Ok(tool.install(version, target)?.join(name))
}

/// A program that is built from the registry.
struct Tool {
    package: &'static str,
    /// What is there once it is installed.
    program: &'static str,
    /// Where it goes, with the version behind it.
    folder: &'static str,
    flags: &'static [&'static str],
}

impl Tool {
    /// Installs it into a folder of its own, unless it is there. Gives the folder with its programs.
    fn install(&self, version: &str, target: &Path) -> Result<PathBuf, Stop> {
        let home = target.join(format!("tools/{}-{version}", self.folder));
        let programs = home.join("bin");
        let name = format!("{}{}", self.program, std::env::consts::EXE_SUFFIX);
        if programs.join(name).is_file() {
            return Ok(programs);
        }
        let package = self.package;
        println!("    installing {package} {version}, once: this takes some minutes");
        let installed = Command::new("cargo")
            .args(["install", package, "--version", version, "--quiet"])
            .args(self.flags)
            .arg("--root")
            .arg(&home)
            .arg("--target-dir")
            .arg(target.join("tools/build"))
            // What is set for a library under test is not for a tool.
            .env_remove("RUSTFLAGS")
            .stdin(Stdio::null())
            .status();
        match installed {
            Ok(status) if status.success() => Ok(programs),
            Ok(status) => Err(Stop::Skipped(format!(
                "`cargo install {package} --version {version}`: {status}"
            ))),
            Err(error) => Err(Stop::Skipped(error.to_string())),
        }
    }
}

/// The version of a package in a lock file.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

/// Has the packages of a folder's `package-lock.json`, for node.
pub(crate) fn packages(folder: &Path) -> Result<(), Stop> {
    program("npm")?;
    let changed = |path: &str| folder.join(path).metadata()?.modified();
    // What npm has written last, when it was done.
    let fresh = match (
        changed("node_modules/.package-lock.json"),
        changed("package-lock.json"),
    ) {
        (Ok(installed), Ok(asked)) => installed >= asked,
        _ => false,
    };
    if fresh {
        return Ok(());
    }
    let folder = folder.display().to_string();
    let arguments = ["ci", "--prefix", &folder, "--ignore-scripts", "--no-audit"];
    quietly("npm", &arguments)
        .map(drop)
        .map_err(|why| Stop::Skipped(format!("`npm ci` in web: {why}")))
}

/// Has a Chromium, or what is built from it: `STILLPOINT_BROWSER`, or the first that is there.
pub(crate) fn browser() -> Result<String, Stop> {
    let named = std::env::var("STILLPOINT_BROWSER").ok();
    let usual = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let names = match &named {
        Some(name) => vec![name.as_str()],
        None => usual.to_vec(),
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    names
        .iter()
        .flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
        .map(|path| path.display().to_string())
        .ok_or_else(|| Stop::Skipped(format!("no browser: {} is not there", names.join(", "))))
}

/// Runs rustup. Whatever goes wrong is a reason to skip.
fn rustup(arguments: &[&str]) -> Result<String, Stop> {
    quietly("rustup", arguments)
        .map_err(|why| Stop::Skipped(format!("`rustup {}`: {why}", arguments.join(" "))))
}

/// Runs a program without a word, and gives what it prints, or says what went wrong.
fn quietly(program: &str, arguments: &[&str]) -> Result<String, String> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let (status, out, err) = collect(child, PATIENCE)?;
    if status.success() {
        Ok(out)
    } else {
        Err(reason(&err))
    }
}

/// Waits for a child, and ends it when it takes too long.
fn collect(mut child: Child, patience: Duration) -> Result<(ExitStatus, String, String), String> {
    let out = child.stdout.take().map(read_aside);
    let err = child.stderr.take().map(read_aside);
    let start = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if start.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("no end after {} s", patience.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    let text = |reader: Option<std::thread::JoinHandle<String>>| {
        reader.and_then(|reader| reader.join().ok())
    };
    Ok((
        status,
        text(out).unwrap_or_default(),
        text(err).unwrap_or_default(),
    ))
}

/// Reads a pipe on a thread of its own, so that a full one holds nobody up.
fn read_aside(mut pipe: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The line that says why: the first error, or else the last line.
fn reason(err: &str) -> String {
    let mut lines = err.lines().map(str::trim).filter(|line| !line.is_empty());
    let last = lines.clone().next_back();
    lines
        .find(|line| line.starts_with("error"))
        .or(last)
        .unwrap_or("it failed without a word")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::{locked, reason};

    #[test]
    fn the_reason_is_the_error_line() {
        let refused =
            "info: syncing channel updates\nerror: no such toolchain\ninfo: rolled back\n";
        assert_eq!(reason(refused), "error: no such toolchain");
        assert_eq!(reason("info: a\n\nwarning: b\n"), "warning: b");
        assert_eq!(reason(""), "it failed without a word");
    }

    #[test]
    fn a_lock_file_knows_each_version() {
        let lock = "[[package]]\nname = \"ab\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"a\"\nversion = \"2.1.0\"\n";
        assert_eq!(locked(lock, "a"), Some("2.1.0"));
        assert_eq!(locked(lock, "ab"), Some("1.0.0"));
        assert_eq!(locked(lock, "b"), None);
    }
}
