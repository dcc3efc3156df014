//! The packed crate, as a registry would have it: what is in it, that it builds by itself, and with what at least.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::checks::{cargo_of, oldest_rust, stated};
use crate::files::{execute, failed, make, read, remove, root, target};
use crate::needs;
use crate::run::{Run, Stop};

/// What may be in the package: these files, and those in these folders that end so. No tests, nor what they read.
const FILES: &[&str] = &[
    ".cargo_vcs_info.json",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "Cargo.toml.orig",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
];
const FOLDERS: &[(&str, &[&str])] = &[
    ("src", &[".rs", ".d.ts"]),
    ("docs", &[".md", ".json"]),
    ("examples", &[".rs"]),
];

/// The most bytes that all its files may have, unpacked: about a quarter more than they had when this was written.
const MOST_BYTES: u64 = 1_200_000;

/// The steps of a test run.
pub(crate) fn test(run: &mut Run) {
    let mut packed = None;
    run.step("the package: what is in it, and that it builds", || {
        let folder = pack("")?;
        contents(&folder)?;
        packed = Some(folder);
        Ok(())
    });
    run.step(
        "the package's tests, with the lowest versions and the oldest Rust",
        || match &packed {
            Some(packed) => lowest(packed),
            None => Err(Stop::Skipped("it was not packed".to_owned())),
        },
    );
}

/// Packs the library and builds what was packed. Gives its folder.
pub(crate) fn pack(flags: &str) -> Result<PathBuf, Stop> {
    let target = target()?;
    let mut cargo = Command::new("cargo");
    cargo
        .args(["package", "--package", "stillpoint", "--allow-dirty"])
        .args(flags.split_whitespace())
        .arg("--target-dir")
        .arg(&target)
        .current_dir(root());
    execute(&mut cargo)?;
    let version = stated("version")?;
    Ok(target.join(format!("package/stillpoint-{version}")))
}

/// Holds what lies in the folder to what may.
fn contents(folder: &Path) -> Result<(), Stop> {
    let mut files = Vec::new();
    walk(folder, folder, &mut files)?;
    let bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    println!(
        "    {} files, {bytes} bytes, at most {MOST_BYTES}",
        files.len()
    );
    let names = files.iter().map(|(name, _)| name.as_str());
    let strange: Vec<_> = names.filter(|name| !belongs(name)).collect();
    if !strange.is_empty() {
        return Err(Stop::Failed(format!(
            "no part of the package: {}",
            strange.join(", ")
        )));
    }
    if bytes > MOST_BYTES {
        return Err(Stop::Failed(format!("{bytes} bytes are too many")));
    }
    Ok(())
}

/// Says whether a file may be in the package.
fn belongs(name: &str) -> bool {
    FILES.contains(&name)
        || FOLDERS.iter().any(|(folder, endings)| {
            name.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
                && endings.iter().any(|ending| name.ends_with(ending))
        })
}

/// The files under a folder, by their paths in it, with their sizes.
fn walk(root: &Path, folder: &Path, files: &mut Vec<(String, u64)>) -> Result<(), Stop> {
    let read = fs::read_dir(folder).map_err(|error| failed(folder, &error))?;
    for entry in read {
        let path = entry.map_err(|error| failed(folder, &error))?.path();
        if path.is_dir() {
            walk(root, &path, files)?;
            continue;
        }
        let about = fs::metadata(&path).map_err(|error| failed(&path, &error))?;
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
        files.push((name.replace('\\', "/"), about.len()));
    }
    Ok(())
}

/// Tests the packed crate with the lowest versions that it admits of what it names, and with the oldest Rust: a bound
/// that is too low in the manifest is found nowhere else.
fn lowest(packed: &Path) -> Result<(), Stop> {
    let oldest = oldest_rust()?;
    needs::toolchain("nightly")?;
    needs::toolchain(&oldest)?;
    let home = target()?.join("lowest");
    let copy = home.join("stillpoint");
    remove(&copy)?;
    make(&copy)?;
    let mut files = Vec::new();
    walk(packed, packed, &mut files)?;
    for (name, _) in &files {
        let (from, to) = (packed.join(name), copy.join(name));
        make(to.parent().unwrap_or(&copy))?;
        fs::copy(&from, &to).map_err(|error| failed(&from, &error))?;
    }
    // It lies in a folder of this workspace, and is no member.
    let manifest = copy.join("Cargo.toml");
    let text = read(&manifest)?;
    fs::write(&manifest, text + "\n[workspace]\n").map_err(|error| failed(&manifest, &error))?;
    let manifest = manifest.display();
    cargo_of(
        "nightly",
        &format!("update -Zdirect-minimal-versions --quiet --manifest-path {manifest}"),
    )?;
    cargo_of(
        &oldest,
        &format!(
            "test --manifest-path {manifest} --locked --all-features --lib --target-dir {}",
            home.join("target").display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::belongs;

    #[test]
    fn tests_and_their_data_are_no_part_of_the_package() {
        for name in [
            "Cargo.toml",
            "src/lib.rs",
            "src/web/host.d.ts",
            "docs/wire.schema.json",
            "examples/hello.rs",
        ] {
            assert!(belongs(name), "{name}");
        }
        for name in [
            "tests/bell.rs",
            "src/data.json",
            "srcs/lib.rs",
            "xtask/kept/public-api.txt",
            "Cargo.toml/x",
            "web/screenshot.png",
        ] {
            assert!(!belongs(name), "{name}");
        }
    }
}
