"""Finds the links that lead nowhere, in Markdown and HTML: linkcheck's core in Rust, under a shell in Python.

    PYTHONPATH=target/native/python python3 examples/native/python/linkcheck.py README.md docs
"""

import argparse
import asyncio
import json
import signal
import sys

from linkcheck_native import Encoding, Session, Settings

import files
import web
from shell import Shell

BROKEN, MISUSE, INTERRUPTED = 1, 2, 130


def handlers(starts, stop, progress):
    """What performs the core's effects. `stop` is an event: the user has seen enough."""
    documents = files.walk(starts)

    async def sleep(duration):
        await asyncio.sleep(duration["secs"] + duration["nanos"] / 1e9)

    async def interrupt(_):
        await stop.wait()

    return {
        "NextDocument": lambda _: next(documents, None),
        "Read": files.read,
        "Look": files.look,
        "Probe": web.probe,
        "Sleep": sleep,
        "Interrupt": interrupt,
        "Progress": progress,
    }


async def check(starts, settings, stop=None, progress=lambda _: None):
    """Checks all that the starts stand for. Gives the report, and how the core came to rest."""
    performing = handlers(starts, stop or asyncio.Event(), progress)
    async with Shell(lambda bell: Session.check(settings, Encoding.JSON, bell), performing) as shell:
        await shell.done()
    report = shell.session.report()
    if report is None:
        raise RuntimeError("; ".join(shell.panics) or "the core gave no report")
    return json.loads(report), shell.rest


def main(arguments=None):
    """Gives the exit status."""
    options = _options().parse_args(arguments)
    settings = Settings(
        concurrency=options.concurrency,
        timeout_ms=int(options.timeout * 1000),
        retries=options.retries,
        offline=options.offline,
        exclude=options.exclude,
    )
    report, rest = asyncio.run(_interruptible(options.starts, settings))
    _print(report, options.json)
    if options.stats:
        print(rest["text"], file=sys.stderr)
    if report["summary"]["interrupted"]:
        return INTERRUPTED
    if report["unread"]:
        return MISUSE
    return BROKEN if report["findings"] else 0


async def _interruptible(starts, settings):
    """Checks until Ctrl-C, which is answered by what is known by then."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop.set)
    try:
        return await check(starts, settings, stop)
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _print(report, as_json):
    if as_json:
        print(json.dumps(report, indent=2, ensure_ascii=False))
        return
    for found in report["findings"]:
        print(_line(f"{found['document']}:{found['line']}:{found['column']}  {found['link']}  {found['reason']}"))
    for unread in report["unread"]:
        print(_line(f"{unread['document']}: {unread['reason']}"), file=sys.stderr)
    counts = ", ".join(f"{count} {name}" for name, count in report["summary"].items() if name != "interrupted")
    print(counts + (", interrupted" if report["summary"]["interrupted"] else ""))


def _line(text):
    """Shows control characters instead of sending them: a document's links must not speak to the terminal."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _options():
    options = argparse.ArgumentParser(prog="linkcheck.py", description=__doc__.partition("\n")[0])
    options.add_argument("starts", nargs="+", metavar="PATH|URL", help="documents, directories, or web pages")
    options.add_argument("--json", action="store_true", help="the report for programs")
    options.add_argument("--offline", action="store_true", help="leave web addresses alone")
    options.add_argument("--concurrency", type=_number, default=32, metavar="N", help="targets at once, at most")
    options.add_argument("--timeout", type=float, default=20, metavar="SECONDS", help="of one try of a web address")
    options.add_argument("--retries", type=_number, default=2, metavar="N", help="of a web address")
    options.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="links to leave alone")
    options.add_argument("--stats", action="store_true", help="how the core came to rest")
    return options


def _number(text):
    number = int(text)
    if not 0 <= number < 1 << 32:
        raise ValueError
    return number


if __name__ == "__main__":
    sys.exit(main())
