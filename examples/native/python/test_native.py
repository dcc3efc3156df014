"""The native library under a real foreign shell: asyncio and threads, and what the process has left afterwards.

    PYTHONPATH=target/native/python python3 -m unittest discover -s examples/native/python
"""

import asyncio
import contextlib
import gc
import io
import json
import os
import pathlib
import runpy
import tempfile
import threading
import unittest
import weakref

from linkcheck_native import Bell, Encoding, Session, SessionError, Settings

import linkcheck
from shell import Shell
from support import PATIENCE, Clean, Site, counts, resident

SESSIONS = int(os.environ.get("STILLPOINT_SESSIONS", 1000))
WARM_UP = 200
"""Sessions until what the process keeps for itself has settled: caches, heaps, stacks."""

TOLERANCE = 1 << 20
"""Bytes that may be resident more after the sessions than after the warm-up. A session that is left alive takes some
kilobytes, so that a thousand of them are several times this."""


def run(program):
    """Runs it to its end; a test that hangs is to fail."""
    return asyncio.run(asyncio.wait_for(program, 15 * PATIENCE))


@contextlib.contextmanager
def folder(**files):
    with tempfile.TemporaryDirectory() as path:
        for name, text in files.items():
            (pathlib.Path(path) / f"{name}.md").write_text(text, encoding="utf-8")
        yield path


def found(report):
    return sorted((item["link"], item["code"], item["reason"]) for item in report["findings"])


def at_rest(test, rest):
    """The core has nothing left: no leak, and nothing of it is out."""
    test.assertTrue(rest["isBaseline"], rest["text"])
    test.assertEqual(set(rest["outstanding"].values()), {0}, rest["text"])


class Linkcheck(Clean):
    def test_documents_and_web_addresses_are_checked(self):
        async def go(path, site):
            # The core gives up on what hangs when the time is over that it asks for, which is when the server hangs.
            # Where something else answers, that is cancelled.
            async def sleep(_):
                await asyncio.to_thread(site.hung.wait, PATIENCE)

            performing = linkcheck.handlers([path], asyncio.Event(), lambda _: None) | {"Sleep": sleep}
            settings = Settings(concurrency=1, retries=0)
            async with Shell(lambda bell: Session.check(settings, Encoding.JSON, bell), performing) as shell:
                await shell.done()
            return json.loads(shell.session.report()), shell.rest

        with Site() as site:
            text = f"""# Title
                [](#title) [](#gone) [](b.md) [](c.md) [](b.md#b)
                []({site.url}/page#one) []({site.url}/page#two) [](<{site.url}/chunked#two>) []({site.url}/moved)
                []({site.url}/missing) []({site.url}/loop) []({site.url}/fumbles-head) []({site.url}/cut)
                []({site.url}/hang)"""
            with folder(a=text.replace("\n                ", "\n"), b="# B") as path:
                report, rest = run(go(path, site))
            self.assertTrue(site.left.wait(PATIENCE), "what was cancelled is still being asked")
            self.assertEqual(
                found(report),
                sorted([
                    ("#gone", "no-anchor", "no anchor #gone"),
                    ("c.md", "no-file", f"no such file: {path}/c.md"),
                    (f"{site.url}/page#two", "no-anchor", "no anchor #two"),
                    (f"{site.url}/missing", "status", "404 Not Found"),
                    (f"{site.url}/loop", "failed", f"redirect loop at {site.url}/loop"),
                    (f"{site.url}/cut", "failed", "connection closed before the answer was complete"),
                    (f"{site.url}/hang", "failed", "no answer in time"),
                ]),
            )
            self.assertIn("GET /fumbles-head", site.requests)
        self.assertEqual(report["summary"]["documents"], 2)
        at_rest(self, rest)
        self.assertGreater(rest["totals"]["cancelled"], 0)

    def test_who_has_seen_enough_gets_what_is_known(self):
        async def go(path, site):
            stop = asyncio.Event()

            async def when_it_hangs():
                await asyncio.to_thread(site.hung.wait, PATIENCE)
                stop.set()

            waiting = asyncio.ensure_future(when_it_hangs())
            checked = await linkcheck.check([path], Settings(), stop)
            await waiting
            return checked

        with Site() as site, folder(a=f"[](#gone) []({site.url}/hang)") as path:
            report, rest = run(go(path, site))
            self.assertTrue(site.left.wait(PATIENCE), "what was cancelled is still being asked")
        self.assertTrue(report["summary"]["interrupted"])
        self.assertEqual(found(report), [("#gone", "no-anchor", "no anchor #gone")])
        at_rest(self, rest)

    def test_the_command_prints_and_says_how_it_went(self):
        def command(*arguments):
            with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
                status = linkcheck.main(arguments)
            return status, out.getvalue(), err.getvalue()

        with folder(good="[](#good)\n# Good", bad="[](no&#27;.md) [](https://e.org/)") as path:
            status, out, err = command("--offline", "--stats", f"{path}/good.md")
            self.assertEqual(status, 0)
            self.assertIn("0 broken", out)
            self.assertIn("every count is back at its baseline", err)
            status, out, _ = command("--offline", path)
            self.assertEqual(status, linkcheck.BROKEN)
            self.assertIn("bad.md:1:1  no\\x1b.md  no such file", out)
            status, out, _ = command("--offline", "--json", path)
            self.assertEqual(json.loads(out)["summary"]["skipped"], 1)
            status, _, err = command("--offline", f"{path}/none.md")
            self.assertEqual(status, linkcheck.MISUSE)
            self.assertIn("none.md: no such file or directory", err)

    def test_what_cannot_be_walked_is_told_and_the_walk_goes_on(self):
        with folder(good="# Good") as path:
            try:
                pathlib.Path(os.fsdecode(os.fsencode(path) + b"/\xff.md")).write_text("# Odd")
            except OSError:
                self.skipTest("this system takes no such name")
            report, rest = run(linkcheck.check(["http://[", path, f"{path}/good.md"], Settings(offline=True)))
        self.assertEqual(report["summary"]["documents"], 1)
        self.assertEqual(
            [(item["document"], item["reason"]) for item in report["unread"]],
            [(f"{path}/\\udcff.md", "its name is not Unicode"), ("http://[", "Invalid IPv6 URL")],
        )
        at_rest(self, rest)

    def test_a_handler_that_raises_fails_its_request_and_no_other(self):
        def read(path):
            if path.endswith("a.md"):
                raise RuntimeError("no disk")
            return {"Ok": b"# B"}

        async def go(path):
            performing = linkcheck.handlers([path], asyncio.Event(), lambda _: None) | {"Read": read}
            async with Shell(lambda bell: Session.check(Settings(), Encoding.JSON, bell), performing) as shell:
                await shell.done()
            return json.loads(shell.session.report()), shell.rest

        with folder(a="", b="") as path:
            report, rest = run(go(path))
        self.assertEqual([unread["reason"] for unread in report["unread"]], ["the shell failed it: no disk"])
        self.assertEqual(report["summary"]["documents"], 1)
        at_rest(self, rest)


class Rehearsal(Clean):
    """What linkcheck's core does not ask for: a stream that the shell feeds, and a panic."""

    async def rehearse(self, orders, ask):
        """Feeds orders, and gives what was said, and the shell."""
        said = []

        async def feed(_):
            for order in orders:
                yield order

        performing = {"Orders": feed, "Ask": ask, "Say": said.append}
        async with Shell(lambda bell: Session.rehearsal(Encoding.JSON, bell), performing) as shell:
            await shell.done()
        at_rest(self, shell.rest)
        return said, shell

    def test_a_stream_is_fed_as_fast_as_the_core_takes_its_items(self):
        orders = [{"Say": str(number)} for number in range(100)]
        said, _ = run(self.rehearse(orders, None))
        self.assertEqual(said, [str(number) for number in range(100)] + ["the orders have ended"])

    def test_answers_come_from_other_threads(self):
        threads = set()
        said = []
        questions = 50

        async def go():
            all_said = asyncio.Event()

            def ask(what):
                threads.add(threading.get_ident())
                return what.upper()

            def say(what):
                said.append(what)
                if len(said) == questions:
                    all_said.set()

            async def feed(_):
                for number in range(questions):
                    yield {"Ask": f"question {number}"}
                # Where the orders end, the core gives up what is unanswered.
                await all_said.wait()

            performing = {"Orders": feed, "Ask": ask, "Say": say}
            async with Shell(lambda bell: Session.rehearsal(Encoding.JSON, bell), performing) as shell:
                await shell.done()
            return shell.rest

        rest = run(go())
        self.assertEqual(set(said[:-1]), {f"QUESTION {number}" for number in range(questions)})
        self.assertNotIn(threading.get_ident(), threads)
        at_rest(self, rest)

    def test_what_is_given_up_is_cancelled(self):
        cancelled = []
        asked = []

        async def go():
            all_asked = asyncio.Event()

            async def ask(what):
                asked.append(what)
                if len(asked) == 3:
                    all_asked.set()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    cancelled.append(what)
                    raise

            async def feed(_):
                for what in "abc":
                    yield {"Ask": what}
                await all_asked.wait()
                yield "GiveUp"

            performing = {"Orders": feed, "Ask": ask, "Say": lambda _: None}
            async with Shell(lambda bell: Session.rehearsal(Encoding.JSON, bell), performing) as shell:
                await shell.done()
            return shell.rest

        rest = run(go())
        self.assertEqual(cancelled, ["a", "b", "c"])
        self.assertEqual(rest["totals"]["cancelled"], 3)
        at_rest(self, rest)

    def test_a_panic_is_told_and_the_core_goes_on(self):
        said, shell = run(self.rehearse([{"Panic": "on order"}, {"Say": "after it"}], None))
        self.assertEqual(shell.panics, ["on order"])
        self.assertEqual(said, ["after it", "the orders have ended"])

    def test_an_order_that_does_not_decode_fails_the_stream_with_the_place(self):
        said, shell = run(self.rehearse([{"Say": "first"}, {"Say": 7}], None))
        self.assertEqual(said, ["first", "the orders have ended"])

    def test_an_answer_that_does_not_decode_fails_its_request_with_the_place(self):
        async def go():
            said = asyncio.Queue()

            async def feed(_):
                yield {"Ask": "what"}
                self.assertRegex(await said.get(), "the shell failed it: the answer to `Ask` .* does not decode")

            async def ask(_):
                return 7

            performing = {"Orders": feed, "Ask": ask, "Say": said.put_nowait}
            async with Shell(lambda bell: Session.rehearsal(Encoding.JSON, bell), performing) as shell:
                await shell.done()
            return said.get_nowait()

        self.assertEqual(run(go()), "the orders have ended")

    def test_a_handler_that_gives_no_answer_fails_its_request(self):
        async def unwritable(_):
            return object()

        async def cancels_itself(_):
            raise asyncio.CancelledError

        async def go(ask):
            said = asyncio.Queue()
            heard = []

            async def feed(_):
                yield {"Ask": "what"}
                heard.append(await asyncio.wait_for(said.get(), PATIENCE))

            performing = {"Orders": feed, "Ask": ask, "Say": said.put_nowait}
            async with Shell(lambda bell: Session.rehearsal(Encoding.JSON, bell), performing) as shell:
                await shell.done()
            at_rest(self, shell.rest)
            return heard

        for ask in (unwritable, lambda _: object(), cancels_itself):
            heard = run(go(ask))
            self.assertEqual(len(heard), 1)
            self.assertIn("the shell failed it: ", heard[0])

    def test_a_shell_whose_last_notification_is_not_heard_ends_what_is_under_way(self):
        ended = []

        async def go():
            begun = asyncio.Event()

            async def ask(_):
                begun.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.append("ask")

            async def feed(_):
                yield {"Ask": "what"}
                await asyncio.Event().wait()

            def say(_):
                raise ZeroDivisionError

            performing = {"Orders": feed, "Ask": ask, "Say": say}
            with self.assertRaises(ZeroDivisionError):
                async with Shell(lambda bell: Session.rehearsal(Encoding.JSON, bell), performing) as shell:
                    await begun.wait()
                    shell.session.send(1 << 24, b'{"Say":"something"}')
                    shell.session.run(1000)  # and the batch of the teardown has it
            self.assertEqual(ended, ["ask"])

        run(go())

    def test_a_shell_that_is_left_in_the_middle_tears_its_core_down(self):
        async def go():
            begun = asyncio.Event()

            async def forever(_):
                begun.set()
                await asyncio.Event().wait()
                yield "GiveUp"

            performing = {"Orders": forever, "Say": lambda _: None}
            shell = Shell(lambda bell: Session.rehearsal(Encoding.JSON, bell), performing)
            with self.assertRaises(ZeroDivisionError):
                async with shell:
                    await begun.wait()
                    1 / 0
            return shell.rest

        rest = run(go())
        self.assertEqual(rest["tasks"], 1)
        at_rest(self, rest)


    def test_a_shell_that_is_left_waits_for_what_it_cancels(self):
        ended = []

        async def go():
            begun = asyncio.Event()

            async def forever(_):
                begun.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    await asyncio.sleep(0)  # as who closes a connection
                    ended.append("orders")
                yield "GiveUp"

            performing = {"Orders": forever, "Say": lambda _: None}
            async with Shell(lambda bell: Session.rehearsal(Encoding.JSON, bell), performing) as shell:
                await begun.wait()
            self.assertEqual(ended, ["orders"])
            return shell.rest

        at_rest(self, run(go()))


class Count(Bell):
    """Counts, and does what else it is given."""

    def __init__(self, act=lambda: None):
        self.act = act
        self.rung = 0
        self.session = None

    def ring(self):
        self.rung += 1
        self.act()


def begin(bell, encoding=Encoding.JSON):
    """A rehearsal, and the id of its orders."""
    session = Session.rehearsal(encoding, bell)
    session.run(1000)
    return session, json.loads(session.drain())["items"][0]["id"]


class Calls(Clean):
    """The calls themselves, without a loop."""

    def test_the_least_program_prints_what_the_page_of_examples_says(self):
        here = pathlib.Path(__file__)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            runpy.run_path(str(here.with_name("hello.py")))
        section = (here.parents[2] / "README.md").read_text().split("\n## native\n")[1]
        self.assertEqual(out.getvalue(), section.split("```text\n")[1].split("```")[0])

    def end(self, session):
        at_rest(self, json.loads(session.teardown())["items"][-1])

    def test_every_error_has_its_code(self):
        session, orders = begin(None)
        with self.assertRaisesRegex(SessionError.Undecodable, "`Orders`.*`Ask`"):
            session.send(orders, b'{"Ask":7}')
        with self.assertRaises(SessionError.WrongKind):
            session.resolve(orders, b"1")
        with self.assertRaises(SessionError.Unknown):
            session.end(7)
        with self.assertRaises(SessionError.TooLarge):
            session.send(orders, bytes((16 << 20) + 1))
        session.send(orders, b'{"Ask":"what"}')
        session.run(1000)
        ask = json.loads(session.drain())["items"][0]["id"]
        session.resolve(ask, b'"right"')
        with self.assertRaises(SessionError.AlreadyAnswered):
            session.fail(ask, "again")
        session.run(1000)
        with self.assertRaises(SessionError.Stale):
            session.resolve(ask, b'"late"')
        for _ in range(4):
            session.send(orders, b'"GiveUp"')
        with self.assertRaises(SessionError.Full):
            session.send(orders, b'"GiveUp"')
        with self.assertRaisesRegex(SessionError.BadArgument, "concurrency of 0"):
            Session.check(Settings(concurrency=0), Encoding.JSON, None)
        self.end(session)
        for call in (session.drain, session.snapshot, session.teardown, lambda: session.run(1)):
            with self.assertRaises(SessionError.TornDown):
                call()

    def test_messagepack_is_a_choice(self):
        session = Session.rehearsal(Encoding.MESSAGE_PACK, None)
        session.run(1000)
        self.assertTrue(session.drain().startswith(b"\x82\xa7version\xce\0\0\0\1\xa5items\xdd"))
        session.send(1 << 24, b"\x81\xa3Say\xa5hello")
        session.run(1000)
        self.assertTrue(session.drain().endswith(b"\xa5hello"))
        session.teardown()

    def test_a_bell_rings_once_on_the_thread_that_brought_work(self):
        rung_on = []
        bell = Count(lambda: rung_on.append(threading.get_ident()))
        session, orders = begin(bell)
        self.assertEqual(bell.rung, 0, "the first turn is not rung for")
        for _ in range(2):
            thread = threading.Thread(target=session.send, args=(orders, b'{"Say":"hello"}'))
            thread.start()
            thread.join()
        self.assertEqual(bell.rung, 1)
        self.assertNotEqual(rung_on, [threading.get_ident()])
        session.run(1000)
        session.send(orders, b'"GiveUp"')
        self.assertEqual(bell.rung, 2)
        self.end(session)

    def test_a_bell_that_drives_is_refused_and_nobody_waits(self):
        refused = []

        def drive():
            for call in (session.drain, session.snapshot, session.teardown, lambda: session.run(1000)):
                try:
                    call()
                except SessionError.WithinBell as error:
                    refused.append(str(error))

        session, orders = begin(Count(drive))
        session.send(orders, b'{"Say":"hello"}')
        self.assertEqual(len(refused), 4)
        self.assertIn("post an event", refused[0])
        session.run(1000)
        self.end(session)

    def test_a_bell_that_raises_is_contained_and_rung_again_and_told_of(self):
        def fail():
            raise ValueError("no loop")

        bell = Count(fail)
        session, orders = begin(bell)
        session.send(orders, b'{"Say":"hello"}')
        session.send(orders, b'{"Say":"hello"}')
        self.assertEqual(bell.rung, 2, "the second call rings again, since nobody was told")
        self.assertIn("no loop", session.run(1000).bell_failure)
        self.assertIsNone(session.run(1000).bell_failure)
        self.end(session)

    def test_many_threads_answer_while_one_drives(self):
        session, orders = begin(None)
        threads, each = 4, 300

        def send():
            sent = 0
            while sent < each:
                try:
                    session.send(orders, b'{"Say":"hello"}')
                    sent += 1
                except SessionError.Full:
                    session.run(100)

        senders = [threading.Thread(target=send) for _ in range(threads)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        session.run(1_000_000)
        self.assertEqual(len(json.loads(session.drain())["items"]), threads * each)
        self.end(session)

    def test_a_teardown_breaks_the_ring_of_a_bell_that_leads_to_its_session(self):
        bell = Count()
        bell.session, _ = begin(bell)
        self.end(bell.session)
        gone = weakref.ref(bell)
        del bell
        gc.collect()
        self.assertIsNone(gone())

    def test_a_session_that_is_let_go_of_lets_go_of_its_bell(self):
        bell = Count()
        session, orders = begin(bell)
        session.send(orders, b'{"Ask":"what"}')
        gone = weakref.ref(bell)
        del bell, session
        gc.collect()
        self.assertIsNone(gone())


@unittest.skipUnless(pathlib.Path("/proc/self/statm").exists(), "the system does not say how much memory there is")
class Thousand(Clean):
    def test_a_thousand_sessions_in_a_row_leave_nothing(self):
        async def one(number):
            """A check, and a rehearsal that is given up in the middle, with answers from threads."""

            async def sleep(_):
                await asyncio.Event().wait()

            async def stopped(_):
                await asyncio.Event().wait()

            async def probe(_):
                return {"Ok": {"status": 200, "final_url": "http://e.org/", "retry_after": None, "page": None}}

            documents = iter([f"{number}.md", "b.md"])

            def next_document(_):
                name = next(documents, None)
                resource = {"kind": "local", "name": name}
                return name and {"Document": {"resource": resource, "root": "."}}

            performing = {
                "NextDocument": next_document,
                "Read": lambda _: {"Ok": b"# B\n[](#b) [](#gone) [](http://e.org/) [](c.md)"},
                "Look": lambda _: {"Err": "Missing"},
                "Probe": probe,
                "Sleep": sleep,
                "Interrupt": stopped,
                "Progress": lambda _: None,
            }
            async with Shell(lambda bell: Session.check(Settings(), Encoding.JSON, bell), performing) as shell:
                await shell.done()
            at_rest(self, shell.rest)
            self.assertEqual(json.loads(shell.session.report())["summary"]["broken"], 4)

            asked = asyncio.Event()

            async def orders(_):
                yield {"Ask": "what"}
                await asyncio.Event().wait()

            async def ask(_):
                asked.set()
                await asyncio.Event().wait()

            performing = {"Orders": orders, "Ask": ask, "Say": lambda _: None}
            async with Shell(lambda bell: Session.rehearsal(Encoding.JSON, bell), performing) as shell:
                await asked.wait()
            at_rest(self, shell.rest)
            self.assertEqual(shell.rest["requests"], 2)

        async def all():
            settled = None
            for number in range(WARM_UP + SESSIONS):
                if number == WARM_UP:
                    settled = resident(), counts()
                await one(number)
            return settled, (resident(), counts())

        (memory, before), (now, after) = run(all())
        # Threads are asyncio's until its loop ends: this test's own end counts them.
        self.assertEqual(after | {"threads": 0}, before | {"threads": 0})
        self.assertLess(now - memory, TOLERANCE)


if __name__ == "__main__":
    unittest.main()
