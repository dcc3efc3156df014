"""Files and directories, as plain functions: a shell calls them on threads."""

import os
import stat
from urllib.parse import urlsplit, urlunsplit

LONGEST = 256 << 20
"""The longest document that is read, in bytes."""

SUFFIXES = (".md", ".markdown", ".html", ".htm", ".xhtml")


def read(path):
    """The bytes of a regular file."""
    try:
        with open(path, "rb", opener=_regular) as file:
            found = file.read(LONGEST + 1)
    except (OSError, ValueError) as error:
        return {"Err": _absence(error)}
    if len(found) > LONGEST:
        return {"Err": {"Unreadable": f"longer than {LONGEST >> 20} MiB"}}
    return {"Ok": found}


def look(path):
    """What stands at a path."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        return {"Err": _absence(error)}
    if stat.S_ISREG(mode):
        return {"Ok": "File"}
    return {"Ok": "Directory" if stat.S_ISDIR(mode) else "Other"}


def _regular(path, flags):
    # A pipe would wait for who writes to it, and a device may never end.
    file = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    raise OSError("is no regular file")


def _absence(error):
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return "Missing"
    return {"Unreadable": _reason(error)}


def _reason(error):
    return getattr(error, "strerror", None) or str(error)


def walk(starts):
    """The documents that each start stands for, one by one."""
    for start in starts:
        if start.lower().startswith(("http://", "https://")):
            try:
                yield _document("web", _address(start), "")
            except ValueError as error:
                yield _unread(start, str(error))
            continue
        standing = look(start)
        match standing:
            case {"Ok": "Directory"}:
                yield from _under(start)
            case {"Ok": "File"}:
                yield _document("local", os.path.normpath(start), os.path.dirname(start) or ".")
            case {"Ok": _}:
                yield _unread(start, "is no regular file")
            case {"Err": "Missing"}:
                yield _unread(start, "no such file or directory")
            case {"Err": {"Unreadable": reason}}:
                yield _unread(start, reason)


def _under(start):
    """Left out are hidden ones, node_modules, and what is marked as a cache."""
    lost = []
    for folder, folders, files in os.walk(start, onerror=lost.append):
        if folder != start and "CACHEDIR.TAG" in files:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        for name in sorted(files):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield _document("local", os.path.normpath(os.path.join(folder, name)), start)
        while lost:
            error = lost.pop()
            yield _unread(error.filename, _reason(error))


def _address(text):
    """Without its fragment, and spelt as links to it will be."""
    parts = urlsplit(text)
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path or "/", parts.query, ""))


def _document(kind, name, root):
    if not _is_unicode(name):
        return _unread(name, "its name is not Unicode")
    return {"Document": {"resource": {"kind": kind, "name": name}, "root": root}}


def _is_unicode(name):
    """A system that knows bytes alone gives what is no text in half characters, which no answer may hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unread(document, reason):
    document = document.encode(errors="backslashreplace").decode()
    return {"Unread": {"document": document, "reason": reason}}
