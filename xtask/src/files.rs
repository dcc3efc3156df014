//! Folders, files and programs, as steps use them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::Stop;

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The workspace's target folder. Cargo's own answer: a user may have it anywhere.
pub(crate) fn target() -> Result<PathBuf, Stop> {
    let said = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Stop::Failed(format!("`cargo metadata`: {error}")))?;
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
    match said["target_directory"].as_str() {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => Err(Stop::Failed(
            "`cargo metadata` names no target folder".to_owned(),
        )),
    }
}

/// Runs a program to its end, and shows how.
pub(crate) fn execute(command: &mut Command) -> Result<(), Stop> {
    let shown = format!("{command:?}").replace('"', "");
    println!("    {shown}");
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Stop::Failed(format!("`{shown}`: {status}"))),
        Err(error) => Err(Stop::Failed(format!("`{shown}`: {error}"))),
    }
}

/// Runs a program to its end, and gives what it prints.
pub(crate) fn output(command: &mut Command) -> Result<String, Stop> {
    finish(command).map(|(out, _)| out)
}

/// Runs a program to its end, and gives what it prints as output and as errors.
pub(crate) fn finish(command: &mut Command) -> Result<(String, String), Stop> {
    let program = command.get_program().to_string_lossy().into_owned();
    let said = command
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Stop::Failed(format!("`{program}`: {error}")))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let err = text(&said.stderr);
    if said.status.success() {
        return Ok((text(&said.stdout), err));
    }
    let why = err.lines().last().unwrap_or_default();
    Err(Stop::Failed(format!("`{program}`: {}: {why}", said.status)))
}

/// The files of a folder, not those of its folders, in the order of their names. That there is none is a failure.
pub(crate) fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, Stop> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if path.is_file() && name.is_some_and(&wanted) {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    };
    let found = read().map_err(|error| failed(folder, &error))?;
    match found.is_empty() {
        true => Err(Stop::Failed(format!(
            "{}: nothing that is wanted",
            folder.display()
        ))),
        false => Ok(found),
    }
}

/// What a file says.
pub(crate) fn read(path: &Path) -> Result<String, Stop> {
    fs::read_to_string(path).map_err(|error| failed(path, &error))
}

/// Copies a file into a folder.
pub(crate) fn copy(file: &Path, folder: &Path) -> Result<(), Stop> {
    let name = file.file_name().unwrap_or_default();
    fs::copy(file, folder.join(name))
        .map(drop)
        .map_err(|error| failed(file, &error))
}

/// Makes a folder, with those that it lies in.
pub(crate) fn make(folder: &Path) -> Result<(), Stop> {
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))
}

/// Removes a folder, if it is there.
pub(crate) fn remove(folder: &Path) -> Result<(), Stop> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(folder, &error)),
        _ => Ok(()),
    }
}

/// What is said of a file that cannot be had.
pub(crate) fn failed(path: &Path, error: &std::io::Error) -> Stop {
    Stop::Failed(format!("{}: {error}", path.display()))
}
