//! Writes what other languages need of `examples/native`: bindings by UniFFI, from the library itself, and the header
//! for C by cbindgen, from its source.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use uniffi_bindgen::bindings::{GenerateOptions, TargetLanguage, generate_with_bindgen_paths};
use uniffi_bindgen::{BindgenPaths, BindgenPathsLayer};

/// The folder of `examples/native`.
#[must_use]
pub fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where UniFFI finds how things are to be named.
struct Home;

impl BindgenPathsLayer for Home {
    fn get_crate_root(&self, crate_name: &str) -> Option<camino::Utf8PathBuf> {
        let is_it = crate_name == "linkcheck_native";
        is_it.then(|| camino::Utf8PathBuf::from_path_buf(home()).ok())?
    }
}

/// Writes the bindings of each language into a folder of its name.
///
/// # Errors
///
/// The library cannot be read, or the folder not be written.
pub fn bindings(library: &Path, out: &Path) -> Result<()> {
    let text = |path: PathBuf| {
        camino::Utf8PathBuf::from_path_buf(path)
            .map_err(|path| anyhow::anyhow!("{}: not UTF-8", path.display()))
    };
    let languages = [
        ("swift", TargetLanguage::Swift),
        ("kotlin", TargetLanguage::Kotlin),
        ("python", TargetLanguage::Python),
    ];
    for (name, language) in languages {
        let mut paths = BindgenPaths::default();
        paths.add_layer(Home);
        let options = GenerateOptions {
            languages: vec![language],
            source: text(library.to_owned())?,
            out_dir: text(out.join(name))?,
            ..GenerateOptions::default()
        };
        generate_with_bindgen_paths(options, paths)
            .with_context(|| format!("bindings for {name}"))?;
    }
    Ok(())
}

/// The header for C.
///
/// # Errors
///
/// The source cannot be read as Rust.
pub fn header() -> Result<String> {
    let home = home();
    let config = cbindgen::Config::from_file(home.join("cbindgen.toml"))
        .map_err(|error| anyhow::anyhow!("cbindgen.toml: {error}"))?;
    let bindings = cbindgen::Builder::new()
        .with_src(home.join("src/c.rs"))
        .with_config(config)
        .generate()?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    Ok(String::from_utf8(text)?)
}
