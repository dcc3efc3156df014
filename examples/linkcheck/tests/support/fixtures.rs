//! A folder of documents with everything that makes links hard, and what a checker has to say about it.

use std::{fs, path::Path};

use tempfile::TempDir;

/// The links of `site` that lead nowhere, as (document, line, link), in reading order. All others lead somewhere, or are
/// no places.
pub const BROKEN: [(&str, u32, &str); 13] = [
    ("README.md", 6, "#Getting-Started"),
    ("README.md", 7, "docs/missing.md"),
    ("README.md", 8, "docs/odd%20name.md#nowhere"),
    ("README.md", 9, "%FF.md"),
    ("docs/headings.md", 11, "#same-3"),
    ("docs/odd name.md", 4, "gone.png"),
    ("latin1.html", 2, "#e"),
    ("moved.html", 3, "page.html#lost"),
    ("page.html", 4, "gone.html"),
    ("page.html", 5, "#inert"),
    ("page.html", 8, "missing-2x.png"),
    ("rebased.html", 3, "README.md"),
    ("utf16.html", 1, "gone.md"),
];

/// Makes the folder.
pub fn site() -> TempDir {
    let site = tempfile::tempdir().expect("a temporary directory");
    let root = site.path();
    write(root, "README.md", README.as_bytes());
    write(root, "docs/odd name.md", ODD_NAME.as_bytes());
    write(root, "docs/headings.md", HEADINGS.as_bytes());
    write(root, "docs/100%.md", b"\xEF\xBB\xBF# Percent\r\n");
    write(root, "docs/a#b?c.md", b"# Odd\n\xFF\xFE not UTF-8\n");
    write(root, "docs/index.html", b"<h1 id=start>Docs</h1>");
    write(root, "latin1.html", LATIN1);
    write(root, "moved.html", MOVED.as_bytes());
    write(root, "page.html", PAGE.as_bytes());
    write(root, "rebased.html", REBASED.as_bytes());
    write(root, "utf16.html", &utf16(UTF16));
    write(root, "picture.png", b"\x89PNG");
    site
}

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, bytes).expect("a file");
}

fn utf16(text: &str) -> Vec<u8> {
    let mark = std::iter::once(0xFEFF);
    mark.chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect()
}

const README: &str = "\
# Getting Started

[a](#getting-started) [b](docs/odd%20name.md) [c](<docs/odd name.md#über-uns>) [d](docs/odd%20name.md#%C3%BCber-uns)
[e](docs/100%25.md) [f](docs/100%.md#percent) [g](docs/a%23b%3Fc.md) [h](docs/) [i](docs/#start) [j](#top)
![k](picture.png) [l](mailto:me@example.org) [m](docs?raw=true) [n](page.html#:~:text=x) [o](#user-content-getting-started)
[p](#Getting-Started)
[q](docs/missing.md)
[r](docs/odd%20name.md#nowhere)
[s](%FF.md)
";

const ODD_NAME: &str = "\
# Über uns
<a name=\"here\"></a> [a](#here) [b](../README.md) [c](./../docs/./headings.md#same-2)

<img src='gone.png'>
";

const HEADINGS: &str = "\
## Same
## Same
## Same
## `code` & *more* 🚀
## Own {#Chosen}

[a](#same) [b](#same-1) [c](#same-2) [d](#code--more-) [e](#Chosen) [f](#own)

`[not a link](nowhere.md)`

[g](#same-3)
";

const LATIN1: &[u8] = b"<meta charset=iso-8859-1><p id='\xE9'>\n<a href='#\xE9'>a</a> <a href='#%C3%A9'>b</a> <a href='#e'>c</a>";

const MOVED: &str = "\
<meta http-equiv=refresh content='0; url=page.html'>
<a href='page.html#named'>good</a>
<a href='page.html#lost'>broken</a>";

const PAGE: &str = "\
<!DOCTYPE html><html><head><title><a href=no.html></title></head>
<body id=body><a name='named'></a><a href='#body'>a</a> <a href='moved.html#named'>through a redirect</a>
<!-- <a href=no.html> --><script>'<a href=no.html>'</script>
<template><p id=inert></template><a href=gone.html>x</a>
<a href='#inert'>a template's content is not in the page</a>
<a href='docs/odd&#32;name.md?x=1&amp;y=2#here'>a</a> <a href='javascript:void(0)'>b</a> <a href='data:,x'>c</a>
<a href='/README.md'>from the root</a>
<img src=picture.png srcset='picture.png 1x, missing-2x.png 2x'>";

const REBASED: &str = "\
<base href='docs/'>
<a href='headings.md'>there</a> <a href='#start'>in the base's own page</a> <a href='../README.md'>up</a>
<a href='README.md'>not there</a>";

const UTF16: &str = "<a href='README.md'>é</a> <a href='gone.md'>x</a>";
