//! What is known of one target, and what that says of a link to it.
//!
//! ```text
//!             look                  read, or the page came with the answer
//!   Nothing ────────▶ There ───────────────────────────────────────────────▶ Page
//!      │                │                            it cannot be read
//!      │ nothing there  └──────────────────────────────────────────────────▶ Sealed
//!      ▼
//!     Gone
//! ```

use std::sync::Arc;

use crate::{
    anchors::Anchors,
    document::{Document, Format},
    effect::{Absence, Standing},
    report::Fault,
    target::{Base, Resource, Target, index_of},
};

/// What is known of a target.
#[derive(Debug, Default)]
pub(crate) enum Knowledge {
    /// Nobody has looked.
    #[default]
    Nothing,
    /// It is there; of a document, its anchors are not known.
    There(Standing),
    /// It is a document, and these are its anchors.
    Page(Arc<Page>),
    /// It is there and cannot be read, with the reason.
    Sealed(String),
    /// It is not there.
    Gone(Fault),
}

/// What is kept of a document that was read.
#[derive(Debug)]
pub(crate) struct Page {
    anchors: Anchors,
    stub: Option<Box<Stub>>,
    /// Whether only the first part of it was read.
    truncated: bool,
}

/// A page that sends its reader on, with the fragment.
#[derive(Debug)]
struct Stub {
    base: Base,
    destination: String,
}

impl Page {
    /// Keeps what links can ask of a document, and gives its anchors' memory over.
    pub(crate) fn new(document: &mut Document, base: &Base, truncated: bool) -> Self {
        let stub = document.redirect.take().map(|destination| {
            Box::new(Stub {
                base: base.clone(),
                destination,
            })
        });
        Self {
            anchors: std::mem::take(&mut document.anchors),
            stub,
            truncated,
        }
    }
}

/// What is known of a link.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It leads somewhere.
    Good,
    /// It leads nowhere.
    Bad(Fault),
    /// It leads on to here, where the same is to be asked again.
    On(Resource, Option<String>),
    /// More must be known of the target.
    Unknown,
}

impl Knowledge {
    /// Says what becomes of a link to `resource`, of which this is known, with this fragment.
    pub(crate) fn verdict(&self, resource: &Resource, fragment: Option<&str>) -> Verdict {
        match (self, fragment) {
            (Self::Nothing, _) => Verdict::Unknown,
            (Self::Gone(fault), _) => Verdict::Bad(fault.clone()),
            (_, None) => Verdict::Good,
            (Self::Sealed(reason), Some(_)) => Verdict::Bad(Fault::Unreadable(reason.clone())),
            (Self::There(standing), Some(fragment)) => match resource {
                // What answered with no document has no anchors to miss.
                Resource::Web(_) => Verdict::Good,
                Resource::Local(path) => match standing {
                    Standing::Directory => {
                        Verdict::On(Resource::local(&index_of(path)), Some(fragment.to_owned()))
                    }
                    Standing::File if Format::of_path(path).is_some() => Verdict::Unknown,
                    Standing::File | Standing::Other => Verdict::Good,
                },
            },
            (Self::Page(page), Some(fragment)) => page.verdict(fragment),
        }
    }

    /// What a look has shown.
    pub(crate) fn looked(path: &str, found: Result<Standing, Absence>) -> Self {
        match found {
            Ok(standing) => Self::There(standing),
            Err(absence) => Self::absent(path, absence),
        }
    }

    /// What it says that a file could not be read.
    pub(crate) fn unread(path: &str, absence: Absence) -> Self {
        match absence {
            Absence::Unreadable(reason) => Self::Sealed(reason),
            missing => Self::absent(path, missing),
        }
    }

    fn absent(path: &str, absence: Absence) -> Self {
        Self::Gone(match absence {
            Absence::Missing => Fault::NoFile(path.to_owned()),
            Absence::Unreadable(reason) => Fault::Unreadable(reason),
        })
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

impl Page {
    fn verdict(&self, fragment: &str) -> Verdict {
        if self.truncated || self.anchors.answers(fragment) {
            return Verdict::Good;
        }
        let missing = || Verdict::Bad(Fault::NoAnchor(fragment.to_owned()));
        let Some(stub) = &self.stub else {
            return missing();
        };
        let target = match stub.destination.contains('#') {
            true => stub.base.resolve(&stub.destination),
            false => stub
                .base
                .resolve(&format!("{}#{fragment}", stub.destination)),
        };
        match target {
            Target::Resource(resource, fragment) => Verdict::On(resource, fragment),
            Target::Ignored(_) | Target::Malformed(_) => missing(),
        }
    }
}
