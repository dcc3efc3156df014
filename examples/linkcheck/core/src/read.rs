//! One local document.

use stillpoint::Shell;

use crate::{
    document::{Document, Format},
    effect::{Absence, Effect, Read},
};

/// Reads a document, and keeps of it what it links to and what can be linked to.
pub(crate) async fn read(shell: Shell<Effect>, path: String) -> Result<Document, Absence> {
    let format = Format::of_path(&path).unwrap_or(Format::Html);
    let bytes = match shell.request(Read(path)).await {
        Ok(read) => read?,
        Err(error) => return Err(Absence::Unreadable(error.to_string())),
    };
    Ok(Document::parse(format, &bytes, None))
}
