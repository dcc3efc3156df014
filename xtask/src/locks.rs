//! The lock files: in step with the manifests, and free of anybody's mirror.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::files::{execute, read};
use crate::run::{Run, Stop};

/// The manifests that have one.
const MANIFESTS: &[&str] = &["Cargo.toml", "fuzz/Cargo.toml"];

/// The name that cargo has for crates.io, whatever it is fetched through.
const SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The step of a test run.
pub(crate) fn test(run: &mut Run) {
    run.step("the lock files", || {
        for manifest in MANIFESTS {
            // While it is in step, no command of cargo changes it.
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
            execute(
                Command::new("cargo")
                    .args(["metadata", "--locked", "--format-version", "1"])
                    .args(["--manifest-path", manifest])
                    .current_dir(&root)
                    .stdout(Stdio::null()),
            )?;
            let path = root.join(manifest).with_extension("lock");
            let lock = read(&path)?;
            if let Some(source) = foreign(&lock) {
                return Err(Stop::Failed(format!(
                    "{} has a package from `{source}`",
                    path.display()
                )));
            }
        }
        Ok(())
    });
}

/// The first source of a package that is not crates.io.
fn foreign(lock: &str) -> Option<&str> {
    lock.lines()
        .filter_map(|line| line.strip_prefix("source = \"")?.strip_suffix('"'))
        .find(|source| *source != SOURCE)
}

#[cfg(test)]
mod tests {
    use super::{SOURCE, foreign};

    #[test]
    fn a_mirror_is_found() {
        let lock = |source: &str| format!("[[package]]\nname = \"a\"\nsource = \"{source}\"\n");
        assert_eq!(foreign(&lock(SOURCE)), None);
        let mirror = "registry+https://mirror.example/index";
        assert_eq!(foreign(&(lock(SOURCE) + &lock(mirror))), Some(mirror));
    }
}
