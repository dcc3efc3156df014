//! The core's parts, put together by hand over the folder of odd documents.

mod support;

use std::{collections::HashMap, fs, path::Path};

use linkcheck::files::{Walk, slashed};
use linkcheck_core::{
    document::{Document, Format},
    target::{Base, Resource, Target, index_of},
};
use support::fixtures;

#[test]
fn what_is_broken_is_found_and_nothing_else() {
    let site = fixtures::site();
    let root = slashed(site.path()).expect("a Unicode path");
    let names: Vec<_> = Walk::new(&root)
        .expect("a directory")
        .map(|name| name.expect("a readable document"))
        .collect();
    let documents: HashMap<_, _> = names
        .iter()
        .map(|name| (name.clone(), document(name)))
        .collect();
    let mut broken = Vec::new();
    for name in &names {
        let base = base(name, &documents[name], &root);
        for link in &documents[name].links {
            if !leads_somewhere(&documents, &base.resolve(&link.destination), &root) {
                let name = name[root.len() + 1..].to_owned();
                broken.push((name, link.place.line, link.destination.clone()));
            }
        }
    }
    let broken: Vec<_> = broken
        .iter()
        .map(|(name, line, link)| (name.as_str(), *line, link.as_str()))
        .collect();
    let mut expected = fixtures::BROKEN;
    expected.sort_by_key(|(name, ..)| names.iter().position(|known| known.ends_with(name)));
    assert_eq!(broken, expected);
}

fn document(name: &str) -> Document {
    let format = Format::of_path(name).expect("a document");
    Document::parse(format, &fs::read(name).expect("a file"), None)
}

fn base(name: &str, document: &Document, root: &str) -> Base {
    Base::new(&Resource::local(name), root).rebased(document.base.as_deref())
}

fn leads_somewhere(documents: &HashMap<String, Document>, target: &Target, root: &str) -> bool {
    let (path, fragment) = match target {
        Target::Ignored(_) => return true,
        Target::Malformed(_) | Target::Resource(Resource::Web(_), _) => return false,
        Target::Resource(Resource::Local(path), fragment) => (path, fragment),
    };
    let Some(fragment) = fragment else {
        return Path::new(path).exists();
    };
    let path = if Path::new(path).is_dir() {
        index_of(path)
    } else {
        path.clone()
    };
    let Some(document) = documents.get(&path) else {
        return Path::new(&path).exists() && Format::of_path(&path).is_none();
    };
    document.anchors.answers(fragment)
        || document.redirect.as_ref().is_some_and(|redirect| {
            let to = base(&path, document, root).resolve(&format!("{redirect}#{fragment}"));
            leads_somewhere(documents, &to, root)
        })
}
