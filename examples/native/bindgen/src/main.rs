//! `native-bindgen bindings LIBRARY FOLDER` writes bindings; `native-bindgen header` prints the header.

#![forbid(unsafe_code)]

use std::path::Path;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["bindings", library, out] => {
            native_bindgen::bindings(Path::new(library), Path::new(out))?;
        }
        ["header"] => print!("{}", native_bindgen::header()?),
        _ => bail!("usage: native-bindgen bindings LIBRARY FOLDER | native-bindgen header"),
    }
    Ok(())
}
