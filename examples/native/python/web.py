"""As much of HTTP/1.1 as a link checker needs, on asyncio. A task of it that is cancelled closes its connection."""

import asyncio
import datetime
import email.utils
import functools
import socket
import ssl
from urllib.parse import urldefrag, urljoin, urlsplit

REDIRECTS = 10
"""How many redirects are followed."""

PAGE = 8 << 20
"""How much of a page is read, in bytes."""

HEAD = 64 << 10
"""How long the head of an answer may be, in bytes."""

FUMBLED = {400, 403, 404, 405, 406, 501}
"""What a server may say to HEAD that knows GET."""

DOCUMENTS = {"text/html", "application/xhtml+xml", "text/markdown"}


class Failure(Exception):
    """Why there is no answer, as the core knows it."""

    def __init__(self, kind, detail=None):
        super().__init__(kind)
        self.wire = {"failure": kind} if detail is None else {"failure": kind, "detail": detail}


async def probe(operation):
    """Asks a web address, once."""
    try:
        return {"Ok": await _follow(operation["address"], operation["wants_page"])}
    except Failure as failure:
        return {"Err": failure.wire}


async def _follow(url, wants_page):
    passed = set()
    method = "GET" if wants_page else "HEAD"
    while True:
        try:
            status, headers, body = await _ask(method, url, wants_page)
        except Failure as failure:
            if method == "HEAD" and failure.wire["failure"] == "reset":
                method = "GET"
                continue
            raise
        if method == "HEAD" and status in FUMBLED:
            method = "GET"
            continue
        if status not in (301, 302, 303, 307, 308) or "location" not in headers:
            return _answer(url, status, headers, body)
        passed.add(url)
        location = headers["location"]
        url = urldefrag(urljoin(url, location)).url
        if urlsplit(url).scheme not in ("http", "https"):
            raise Failure("bad-redirect", location)
        if url in passed:
            raise Failure("redirect-loop", url)
        if len(passed) > REDIRECTS:
            raise Failure("too-many-redirects", REDIRECTS)


def _answer(url, status, headers, body):
    page = None
    if body is not None:
        bytes, truncated = body
        page = {"content_type": headers.get("content-type", ""), "bytes": bytes, "truncated": truncated}
    return {"status": status, "final_url": url, "retry_after": _retry_after(headers), "page": page}


async def _ask(method, url, wants_page):
    """One request: the status, the headers, and the page and whether it is cut off, where it is wanted."""
    writer = None
    try:
        reader, writer = await _connect(url)
        writer.write(_request(method, url))
        status, headers = await _head(reader)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        body = None
        if method == "GET" and wants_page and 200 <= status < 300 and kind in DOCUMENTS:
            body = await _body(reader, headers)
        return status, headers, body
    except socket.gaierror:
        raise Failure("dns") from None
    except ConnectionRefusedError:
        raise Failure("refused") from None
    except (ConnectionError, asyncio.IncompleteReadError, EOFError):
        raise Failure("reset") from None
    except ssl.SSLError as error:
        raise Failure("tls", error.reason or str(error)) from None
    except TimeoutError:
        raise Failure("timeout") from None
    except (OSError, ValueError, asyncio.LimitOverrunError) as error:
        raise Failure("other", str(error)) from None
    finally:
        if writer is not None:
            writer.transport.abort()


async def _connect(url):
    parts = urlsplit(url)
    secure = _certificates() if parts.scheme == "https" else None
    port = parts.port or (443 if secure else 80)
    return await asyncio.open_connection(parts.hostname, port, ssl=secure, limit=HEAD)


@functools.cache
def _certificates():
    return ssl.create_default_context()


def _request(method, url):
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        "User-Agent: Mozilla/5.0 (compatible; linkcheck/0.1.0)",
        "Accept: text/html,application/xhtml+xml,*/*;q=0.8",
        "Accept-Encoding: identity",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


async def _head(reader):
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        version, status = (first.split(" ") + [""])[:2]
        if not version.startswith("HTTP/1.") or not status.isdecimal() or len(status) != 3:
            raise ValueError("what answers does not speak HTTP/1.1")
        if int(status) < 200:
            continue  # an interim answer, before the one that counts
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), value.strip())
        return int(status), headers


async def _body(reader, headers):
    if headers.get("transfer-encoding", "").lower() == "chunked":
        chunks = _chunks(reader)
    else:
        length = headers.get("content-length")
        chunks = _plain(reader, int(length) if length is not None else None)
    body = bytearray()
    async for chunk in chunks:
        room = PAGE - len(body)
        body += chunk[:room]
        if len(chunk) > room:
            return body, True
    return body, False


async def _plain(reader, length):
    while length is None or length > 0:
        chunk = await reader.read(HEAD if length is None else min(length, HEAD))
        if not chunk:
            if length is not None:
                raise EOFError
            return
        if length is not None:
            length -= len(chunk)
        yield chunk


async def _chunks(reader):
    while True:
        size = int((await reader.readline()).partition(b";")[0], 16)
        if size == 0:
            return
        async for chunk in _plain(reader, size):
            yield chunk
        await reader.readexactly(2)


def _retry_after(headers):
    """How long the server asks to wait: its seconds, or its date as seen from the date of the same answer."""
    value = headers.get("retry-after", "")
    if value.isascii() and value.isdecimal() and len(value) < 10:
        return {"secs": int(value), "nanos": 0}
    try:
        then, now = (email.utils.parsedate_to_datetime(text) for text in (value, headers.get("date", "")))
        wait = max(then - now, datetime.timedelta())
    except (TypeError, ValueError):
        return None
    return {"secs": int(wait.total_seconds()), "nanos": 0}
