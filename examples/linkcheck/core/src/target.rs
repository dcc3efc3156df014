//! Where a link leads: from what a document says to what there is to look at.

use std::{borrow::Cow, fmt};

use percent_encoding::percent_decode_str;
use serde::Serialize;
use url::Url;

/// Something that links lead to, under the one name that it has however they are written.
///
/// It is the key by which each distinct target is probed once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "portable", derive(serde::Deserialize))]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum Resource {
    /// A file or directory: its path, decoded, with `/` between its parts and no `.` or removable `..` among them. It is
    /// relative to the working directory, which is `.`, or begins with `/`.
    Local(String),
    /// A web address without its fragment, as the URL standard serialises it.
    Web(String),
}

impl Resource {
    /// The local resource of a path; the path is taken as it is, not percent-decoded.
    pub fn local(path: &str) -> Self {
        Self::Local(normalize(path))
    }

    /// The web resource of an address, and its fragment.
    ///
    /// # Errors
    /// An address that is not a whole `http:` or `https:` URL.
    pub fn web(address: &str) -> Result<(Self, Option<String>), Malformed> {
        let url = Url::parse(address).map_err(|error| Malformed::Url(error.to_string()))?;
        if !is_web(&url) {
            return Err(Malformed::Url(format!(
                "`{}:` is not the web",
                url.scheme()
            )));
        }
        Ok(web(url))
    }

    /// The path or the address.
    pub fn name(&self) -> &str {
        match self {
            Self::Local(name) | Self::Web(name) => name,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Something to look at, and the fragment that must be in it, as written; never an empty one.
    Resource(Resource, Option<String>),
    /// Something that is no place: the scheme, such as `mailto`.
    Ignored(String),
    /// Nothing: the link cannot be understood.
    Malformed(Malformed),
}

/// Why a link cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "malformed", content = "detail", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Malformed {
    /// It is no URL, with the reason.
    Url(String),
    /// The path's percent-escapes decode to bytes that are not UTF-8.
    NotUtf8,
    /// The path holds a zero byte.
    ZeroByte,
    /// The path begins with a Windows drive.
    Drive,
    /// A `file:` URL names another host.
    OtherHost,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(reason) => write!(f, "malformed URL: {reason}"),
            Self::NotUtf8 => f.write_str("percent-escapes are not UTF-8"),
            Self::ZeroByte => f.write_str("path holds a zero byte"),
            Self::Drive => f.write_str("path begins with a Windows drive"),
            Self::OtherHost => f.write_str("file on another host"),
        }
    }
}

impl std::error::Error for Malformed {}

/// What the links of one document are relative to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    at: At,
    /// The directory that a local `/` means.
    root: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    /// A file's path, or a directory's with a slash at its end.
    Local(String),
    Web(Url),
}

impl Base {
    /// The base of a document that has no `<base href>`.
    ///
    /// `root` is the directory that a local link's leading slash means, such as the one that a web server would serve.
    pub fn new(document: &Resource, root: &str) -> Self {
        let at = match document {
            Resource::Local(path) => At::Local(path.clone()),
            Resource::Web(address) => match Url::parse(address) {
                Ok(url) => At::Web(url),
                Err(_) => At::Local(address.clone()),
            },
        };
        Self {
            at,
            root: normalize(root),
        }
    }

    /// The base of the same document with the `<base href>` that it has; one that leads nowhere counts as none.
    #[must_use]
    pub fn rebased(self, href: Option<&str>) -> Self {
        let Some(href) = href else {
            return self;
        };
        let is_directory = names_directory(&tidy(href));
        let at = match self.resolve(href) {
            Target::Resource(Resource::Local(mut path), _) => {
                if is_directory {
                    path.push('/');
                }
                At::Local(path)
            }
            Target::Resource(Resource::Web(address), _) => match Url::parse(&address) {
                Ok(url) => At::Web(url),
                Err(_) => return self,
            },
            _ => return self,
        };
        Self { at, ..self }
    }

    /// Says where `link`, as a document writes it, leads.
    pub fn resolve(&self, link: &str) -> Target {
        let link = tidy(link);
        match scheme(&link) {
            Some(scheme) if is_any(scheme, &["http", "https"]) => self.resolve_web(&link),
            Some(scheme) if is_any(scheme, &["file"]) => {
                resolve_file(&link[scheme.len() + 1..]).into()
            }
            Some(drive) if drive.len() == 1 => Target::Malformed(Malformed::Drive),
            Some(scheme) => Target::Ignored(scheme.to_ascii_lowercase()),
            None => match &self.at {
                At::Web(_) => self.resolve_web(&link),
                At::Local(_) if link.starts_with("//") => self.resolve_web(&link),
                At::Local(path) => self.resolve_local(path, &link).into(),
            },
        }
    }

    fn resolve_web(&self, link: &str) -> Target {
        let parsed = match &self.at {
            At::Web(base) => base.join(link),
            // Over which protocol a file's `//host/path` would go is open; it is most likely this one.
            At::Local(_) if link.starts_with("//") => Url::parse(&format!("https:{link}")),
            At::Local(_) => Url::parse(link),
        };
        match parsed {
            Ok(url) => {
                let (resource, fragment) = web(url);
                Target::Resource(resource, fragment)
            }
            Err(error) => Target::Malformed(Malformed::Url(error.to_string())),
        }
    }

    fn resolve_local(&self, base: &str, link: &str) -> Result<Target, Malformed> {
        let (path, fragment) = split_fragment(link);
        let path = decode(without_query(path))?;
        let path = if path.is_empty() {
            normalize(base)
        } else if let Some(rest) = path.strip_prefix('/') {
            normalize(&format!("{}/{rest}", self.root))
        } else {
            let directory = base.rfind('/').map_or("", |slash| &base[..=slash]);
            normalize(&format!("{directory}{path}"))
        };
        Ok(Target::Resource(
            Resource::Local(path),
            fragment.and_then(meaningful),
        ))
    }
}

impl From<Result<Self, Malformed>> for Target {
    fn from(result: Result<Self, Malformed>) -> Self {
        result.unwrap_or_else(Self::Malformed)
    }
}

/// The document that a server would show for a directory.
pub fn index_of(directory: &str) -> String {
    normalize(&format!("{directory}/index.html"))
}

fn resolve_file(rest: &str) -> Result<Target, Malformed> {
    let (path, fragment) = split_fragment(rest);
    let path = match without_query(path).strip_prefix("//") {
        None => without_query(path),
        Some(after) => {
            let (host, path) = after.split_at(after.find('/').unwrap_or(after.len()));
            if !host.is_empty() && !host.eq_ignore_ascii_case("localhost") {
                return Err(Malformed::OtherHost);
            }
            path
        }
    };
    let path = normalize(&format!("/{}", decode(path)?));
    Ok(Target::Resource(
        Resource::Local(path),
        fragment.and_then(meaningful),
    ))
}

fn web(mut url: Url) -> (Resource, Option<String>) {
    let fragment = url.fragment().and_then(meaningful);
    url.set_fragment(None);
    (Resource::Web(url.into()), fragment)
}

fn is_web(url: &Url) -> bool {
    is_any(url.scheme(), &["http", "https"])
}

/// Takes away what browsers do: white space and control characters around a link, line breaks and tabs in it.
fn tidy(link: &str) -> Cow<'_, str> {
    let link = link.trim_matches(|c: char| c <= ' ');
    if link.contains(['\t', '\n', '\r']) {
        Cow::Owned(link.replace(['\t', '\n', '\r'], ""))
    } else {
        Cow::Borrowed(link)
    }
}

fn scheme(link: &str) -> Option<&str> {
    let (scheme, _) = link.split_once(':')?;
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.bytes().all(good))
        .then_some(scheme)
}

fn is_any(scheme: &str, known: &[&str]) -> bool {
    known.iter().any(|name| scheme.eq_ignore_ascii_case(name))
}

fn split_fragment(link: &str) -> (&str, Option<&str>) {
    match link.split_once('#') {
        Some((path, fragment)) => (path, Some(fragment)),
        None => (link, None),
    }
}

fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

/// The part of a fragment that names an anchor: directives such as `:~:text=` speak to the browser alone.
fn meaningful(fragment: &str) -> Option<String> {
    let name = fragment.split(":~:").next().unwrap_or_default();
    (!name.is_empty()).then(|| name.to_owned())
}

fn decode(path: &str) -> Result<Cow<'_, str>, Malformed> {
    let path = percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| Malformed::NotUtf8)?;
    if path.contains('\0') {
        return Err(Malformed::ZeroByte);
    }
    Ok(path)
}

/// Says whether a link's path ends as that of a directory does: in a slash, in `.` or in `..`.
fn names_directory(link: &str) -> bool {
    let path = percent_decode_str(without_query(split_fragment(link).0)).decode_utf8_lossy();
    !path.is_empty() && matches!(path.rsplit('/').next(), Some("" | "." | ".."))
}

/// Removes empty parts, `.`, and each `..` that has a part before it to take away.
///
/// By the letters alone: where a directory is a symbolic link, its `..` is the directory that the link stands in.
fn normalize(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                _ if absolute => {}
                _ => parts.push(part),
            },
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(path: &str, fragment: Option<&str>) -> Target {
        Target::Resource(
            Resource::Local(path.to_owned()),
            fragment.map(str::to_owned),
        )
    }

    fn web(address: &str, fragment: Option<&str>) -> Target {
        Target::Resource(
            Resource::Web(address.to_owned()),
            fragment.map(str::to_owned),
        )
    }

    fn file() -> Base {
        Base::new(&Resource::local("docs/guide/a.md"), "site/")
    }

    fn page() -> Base {
        let (page, _) = Resource::web("https://Example.org:443/x/y.html?q#f").expect("an address");
        Base::new(&page, ".")
    }

    #[test]
    fn relative_links_start_at_the_document() {
        let base = file();
        assert_eq!(base.resolve("b.md"), local("docs/guide/b.md", None));
        assert_eq!(
            base.resolve("./b.md#x"),
            local("docs/guide/b.md", Some("x"))
        );
        assert_eq!(base.resolve("../../../z"), local("../z", None));
        assert_eq!(base.resolve("../.."), local(".", None));
        assert_eq!(base.resolve("../img/"), local("docs/img", None));
        assert_eq!(base.resolve("/top.md"), local("site/top.md", None));
        assert_eq!(base.resolve("/../../top.md"), local("../top.md", None));
        assert_eq!(base.resolve(r"a\b.md"), local(r"docs/guide/a\b.md", None));
    }

    #[test]
    fn a_document_can_mean_itself() {
        let base = file();
        for link in ["", "#", "?", "#:~:text=x"] {
            assert_eq!(base.resolve(link), local("docs/guide/a.md", None), "{link}");
        }
        assert_eq!(base.resolve("#x"), local("docs/guide/a.md", Some("x")));
        assert_eq!(
            page().resolve("#x"),
            web("https://example.org/x/y.html?q", Some("x"))
        );
    }

    #[test]
    fn a_file_has_one_name_however_it_is_written() {
        let base = file();
        let names = [
            "my%20notes.md",
            "my notes.md",
            "./my notes.md",
            "../guide//my%20notes.md?raw=true",
            " my notes.md\n",
            "/../docs/guide/my notes.md",
            "my%20no\n%74es.md",
        ];
        for name in names {
            assert_eq!(
                base.resolve(name),
                local("docs/guide/my notes.md", None),
                "{name}"
            );
        }
        assert_eq!(base.resolve("100%.md"), local("docs/guide/100%.md", None));
        assert_eq!(base.resolve("a%23b%3Fc"), local("docs/guide/a#b?c", None));
        assert_eq!(base.resolve("%C3%A9.md"), local("docs/guide/é.md", None));
        assert_eq!(
            base.resolve("a.md#%20x"),
            local("docs/guide/a.md", Some("%20x"))
        );
    }

    #[test]
    fn an_address_has_one_name_however_it_is_written() {
        for base in [file(), page()] {
            for link in [
                "https://example.org",
                "HTTPS://EXAMPLE.org:443/",
                "https://example.org/a/../#",
                "https:\\\\example.org",
            ] {
                assert_eq!(
                    base.resolve(link),
                    web("https://example.org/", None),
                    "{link}"
                );
            }
        }
        assert_eq!(file().resolve("//e.org/x"), web("https://e.org/x", None));
        assert_eq!(page().resolve("//e.org/x"), web("https://e.org/x", None));
        assert_eq!(
            page().resolve("z z?a b"),
            web("https://example.org/x/z%20z?a%20b", None)
        );
        assert_eq!(
            file().resolve("https://e.org/#a:~:text=b"),
            web("https://e.org/", Some("a"))
        );
    }

    #[test]
    fn what_is_no_place_is_ignored() {
        for (link, scheme) in [
            ("mailto:a@b.c", "mailto"),
            ("TEL:1", "tel"),
            ("javascript:void(0)", "javascript"),
            ("data:,x", "data"),
            ("about:blank", "about"),
            ("irc://x/y", "irc"),
        ] {
            assert_eq!(file().resolve(link), Target::Ignored(scheme.to_owned()));
            assert_eq!(page().resolve(link), Target::Ignored(scheme.to_owned()));
        }
        assert_eq!(
            file().resolve("a/b:c.md"),
            local("docs/guide/a/b:c.md", None)
        );
        assert_eq!(file().resolve("1:2"), local("docs/guide/1:2", None));
    }

    #[test]
    fn what_cannot_be_understood_says_why() {
        let malformed = |link: &str| match file().resolve(link) {
            Target::Malformed(reason) => reason.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(malformed("%FF.md"), "percent-escapes are not UTF-8");
        assert_eq!(malformed("a%00b"), "path holds a zero byte");
        assert_eq!(
            malformed(r"C:\docs\a.md"),
            "path begins with a Windows drive"
        );
        assert_eq!(malformed("file://host/x"), "file on another host");
        assert_eq!(malformed("https://"), "malformed URL: empty host");
        assert_eq!(
            malformed("http://a:b"),
            "malformed URL: invalid port number"
        );
        assert!(Resource::web("ftp://x/").is_err());
        assert!(Resource::web("x").is_err());
    }

    #[test]
    fn file_urls_are_absolute_paths() {
        assert_eq!(
            file().resolve("file:///a/b%20c#d"),
            local("/a/b c", Some("d"))
        );
        assert_eq!(file().resolve("FILE://localhost/a?q"), local("/a", None));
        assert_eq!(file().resolve("file:/../a"), local("/a", None));
    }

    #[test]
    fn a_base_moves_every_relative_link() {
        let base = file().rebased(Some("../api/"));
        assert_eq!(base.resolve("x.html"), local("docs/api/x.html", None));
        assert_eq!(base.resolve("#x"), local("docs/api", Some("x")));
        let base = file().rebased(Some("../api/index.html"));
        assert_eq!(base.resolve("x.html"), local("docs/api/x.html", None));
        assert_eq!(base.resolve("#x"), local("docs/api/index.html", Some("x")));
        let base = file().rebased(Some("https://e.org/d/"));
        assert_eq!(base.resolve("x.html"), web("https://e.org/d/x.html", None));
        assert_eq!(base.resolve("//f.org"), web("https://f.org/", None));
        let base = page().rebased(Some("/z/"));
        assert_eq!(base.resolve("x"), web("https://example.org/z/x", None));
        assert_eq!(file().rebased(Some("data:,")), file());
        assert_eq!(file().rebased(None), file());
    }

    #[test]
    fn a_base_of_dots_is_a_directory() {
        for here in [".", "./", "./.", "../guide/", " .\n", "%2E", ".?q#f"] {
            let base = file().rebased(Some(here));
            assert_eq!(base.resolve("x"), local("docs/guide/x", None), "{here}");
        }
        for above in ["..", "../", "./..", "../../docs/"] {
            let base = file().rebased(Some(above));
            assert_eq!(base.resolve("x"), local("docs/x", None), "{above}");
        }
        let base = file().rebased(Some("file:///docs/."));
        assert_eq!(base.resolve("x"), local("/docs/x", None));
        for itself in ["", "#f", "?q"] {
            let base = file().rebased(Some(itself));
            assert_eq!(base.resolve("x"), local("docs/guide/x", None), "{itself}");
        }
        assert_eq!(
            file().rebased(Some("...")).resolve("x"),
            local("docs/guide/x", None)
        );
    }

    #[test]
    fn a_base_at_the_working_directory_stays_there() {
        let base = Base::new(&Resource::local("./a.html"), "");
        assert_eq!(base.resolve("b"), local("b", None));
        assert_eq!(base.resolve("/b"), local("b", None));
        assert_eq!(
            base.clone().rebased(Some("./")).resolve("b"),
            local("b", None)
        );
        let base = Base::new(&Resource::local("/a/b.html"), "/");
        assert_eq!(base.resolve("/c"), local("/c", None));
        assert_eq!(base.resolve("../../../c"), local("/c", None));
        assert_eq!(index_of("."), "index.html");
        assert_eq!(index_of("/"), "/index.html");
    }

    #[test]
    fn no_link_makes_it_panic() {
        let pieces = [
            "%",
            "%2",
            "%2F",
            "/",
            "..",
            "#",
            "?",
            ":",
            "//",
            "http",
            "https://",
            "file:",
            "[",
            "]",
            "@",
            "é",
            "\\",
            "\0",
            " ",
            "\u{1F680}",
            ":~:",
            "a",
            "xn--",
            ".",
        ];
        let mut seed = 7_u64;
        for _ in 0..20_000 {
            let mut link = String::new();
            for _ in 0..8 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                link.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
            }
            for base in [file(), page()] {
                let _ = base.resolve(&link);
                let _ = base.rebased(Some(&link)).resolve(&link);
            }
        }
    }
}
