"""What the tests stand on: a web server that misbehaves on request, and what the system says of this process."""

import gc
import http.server
import os
import pathlib
import sys
import threading
import time
import unittest

import linkcheck_native

PATIENCE = 20
"""Seconds until what ought to happen soon counts as not happening."""


def counts():
    """What a test is to leave as it was."""
    gc.collect()
    # The bells that UniFFI keeps for Rust lie in a table of its module, which has no count of its own.
    found = {"bells": len(linkcheck_native._UniffiFfiConverterTypeBell._handle_map._map)}
    if pathlib.Path("/proc/self/task").is_dir():
        found["threads"] = len(os.listdir("/proc/self/task"))
        found["descriptors"] = len(os.listdir("/proc/self/fd"))
    return found


def resident():
    """Bytes in memory."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Clean(unittest.TestCase):
    """Each test leaves the process as it was: no bell, thread or descriptor more."""

    def setUp(self):
        lost = []
        usual, sys.unraisablehook = sys.unraisablehook, lambda error: lost.append(str(error.exc_value))
        before = counts()
        self.addCleanup(self._compare, before)
        self.addCleanup(self.assertEqual, lost, [])  # nor an exception that nobody could catch, as of a lost socket
        self.addCleanup(gc.collect)
        self.addCleanup(setattr, sys, "unraisablehook", usual)
        self.addCleanup(gc.collect)

    def _compare(self, before):
        # A thread that was joined is still listed until the system has done with it.
        end = time.monotonic() + PATIENCE
        while (after := counts()).get("threads") != before.get("threads") and time.monotonic() < end:
            time.sleep(0)
        self.assertEqual(after, before)


class Site:
    """A web server on the loopback address, as a context. `/hang` answers nothing until the client goes."""

    def __enter__(self):
        self.hung = threading.Event()
        self.left = threading.Event()
        self.requests = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                site.requests.append(f"{self.command} {self.path}")
                match self.path:
                    case "/page":
                        self._answer(200, b"<h1 id=one>1</h1>")
                    case "/chunked":
                        self._chunked(b"<h1 id=", b"two>2</h1>")
                    case "/moved":
                        self._answer(301, location="/page")
                    case "/loop":
                        self._answer(302, location="/loop")
                    case "/fumbles-head" if self.command == "HEAD":
                        self._answer(405)
                    case "/fumbles-head":
                        self._answer(200)
                    case "/cut":
                        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Len")
                        self.close_connection = True
                    case "/hang":
                        site.hung.set()
                        self.rfile.read(1)
                        site.left.set()
                        self.close_connection = True
                    case _:
                        self._answer(404)

            do_HEAD = do_GET

            def _answer(self, status, body=b"", location=None):
                self.send_response(status)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                if location:
                    self.send_header("Location", location)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def _chunked(self, *chunks):
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for chunk in (*chunks, b"") if self.command != "HEAD" else ():
                    self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False  # so that closing it waits for them
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
