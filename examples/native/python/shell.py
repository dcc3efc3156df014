"""A shell on asyncio for a session of the native library: the loop that the bell asks for, and who performs what.

    session ── bell, on any thread ──▶ call_soon_threadsafe ──▶ turn: run, drain ──▶ each item to its handler
       ▲                                                                                   │
       └───────────────── resolve, fail, send, end: by its id, from any thread ◀───────────┘
"""

import asyncio
import contextlib
import functools
import inspect
import json

from linkcheck_native import Bell, SessionError

BUDGET = 1000
"""The polls of a turn. Between two turns the loop does its other work."""

class _Post(Bell):
    """Rings on whichever thread has brought work, and only posts."""

    def __init__(self, loop, turn):
        self._loop = loop
        self._turn = turn

    def ring(self):
        self._loop.call_soon_threadsafe(self._turn)


class Shell:
    """Drives a session, and performs what it asks by the handlers for its effects.

    What a handler is says how it is called. A coroutine function is a task of the loop, which is cancelled when the
    core gives its request up. An asynchronous generator feeds a stream, as fast as the core takes its items. A plain
    function answers a request from a thread of its own, and hears a notification at once, on the loop.

    Use it as an asynchronous context: on its way out it tears the session down, cancels what is under way, waits for
    it, and keeps the report of the core as `rest`.
    """

    def __init__(self, start, handlers):
        """`start` makes the session, of the bell that it is given."""
        self._start = start
        self._handlers = handlers
        self._tasks = {}  # by the id of the request that they perform
        self._threads = set()  # of those that cannot be cancelled, and end on their own
        self._room = None  # what waits for a turn, after which a stream may have room again
        self._done = None
        self.session = None
        self.panics = []
        self.rest = None

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self._done = loop.create_future()
        self._room = asyncio.Event()
        self.session = self._start(_Post(loop, self._turn))
        # A session begins with work, for which it does not ring.
        loop.call_soon(self._turn)
        return self

    async def done(self):
        """Waits until the core has nothing left to do."""
        await self._done

    async def __aexit__(self, *_):
        try:
            for item in json.loads(self.session.teardown())["items"]:
                self._take(item)
        finally:
            under_way = [*self._tasks.values(), *self._threads]
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    # --- the loop ---

    def _turn(self):
        try:
            turn = self.session.run(BUDGET)
            for item in json.loads(self.session.drain())["items"]:
                self._take(item)
        except SessionError.TornDown:
            return  # it was posted before the teardown
        except Exception as error:
            if not self._done.done():
                self._done.set_exception(error)
            return
        self._room.set()
        self._room = asyncio.Event()
        if turn.budget_spent:
            asyncio.get_running_loop().call_soon(self._turn)
        if turn.pending == 0 and not self._done.done():
            self._done.set_result(None)

    def _take(self, item):
        match item["type"]:
            case "request":
                self._begin(item, self._answer)
            case "stream":
                self._begin(item, self._feed)
            case "notify":
                self._handlers[item["effect"]](item["operation"])
            case "cancelled":
                task = self._tasks.get(item["id"])  # it takes itself out when it has ended
                if task is not None:
                    task.cancel()
            case "panic" | "unwritable":
                self.panics.append(item["message"])
            case "report":
                self.rest = item
            case _:
                pass  # of a later version, which says that it may be skipped

    def _begin(self, item, perform):
        id, handler = item["id"], self._handlers.get(item["effect"])
        if handler is None:
            self.session.fail(id, f"this shell performs no {item['effect']}")
        elif inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler):
            task = asyncio.ensure_future(perform(id, handler, item["operation"]))
            self._tasks[id] = task
            task.add_done_callback(functools.partial(self._ended, id))
        else:
            loop = asyncio.get_running_loop()
            thread = loop.run_in_executor(None, self._answer_now, id, handler, item["operation"])
            self._threads.add(thread)
            thread.add_done_callback(self._threads.discard)

    def _ended(self, id, task):
        del self._tasks[id]
        if task.cancelled():
            # By itself: where the core has given it up, it refuses this.
            self._tell(self.session.fail, id, "cancelled")

    # --- what performs ---

    async def _answer(self, id, handler, operation):
        try:
            answer = _bytes(await handler(operation))
        except Exception as error:
            self._tell(self.session.fail, id, _words(error))
        else:
            self._tell(self.session.resolve, id, answer)

    def _answer_now(self, id, handler, operation):
        """The same on a thread, which answers from there."""
        try:
            answer = _bytes(handler(operation))
        except Exception as error:
            self._tell(self.session.fail, id, _words(error))
        else:
            self._tell(self.session.resolve, id, answer)

    async def _feed(self, id, handler, operation):
        try:
            async for item in handler(operation):
                while not self._send(id, _bytes(item)):
                    await self._room.wait()
        except Exception as error:
            self._tell(self.session.fail, id, _words(error))
        else:
            self._tell(self.session.end, id)

    def _send(self, id, item):
        try:
            self.session.send(id, item)
        except SessionError.Full:
            return False
        return True

    def _tell(self, call, id, *what):
        try:
            call(id, *what)
        except SessionError as error:
            # The core is not to wait for an answer that this shell cannot give. Where nobody awaits one any more, this
            # is refused as well, and the notice has come or is on its way.
            with contextlib.suppress(SessionError):
                self.session.fail(id, _words(error))


def _bytes(value):
    # Bytes are a list of numbers in JSON.
    return json.dumps(value, default=list).encode()


def _words(error):
    return str(error) or type(error).__name__
