"""The least that drives a session: it orders a rehearsal to ask for a name, and answers."""

import json

from linkcheck_native import Bell, Encoding, Session


class Post(Bell):
    """Rings on whichever thread brought work: an app posts an event to its loop, and calls nothing of the session."""

    rung = True  # the first turn is not rung for

    def ring(self):
        self.rung = True


post = Post()
session = Session.rehearsal(Encoding.JSON, post)
while post.rung:
    post.rung = False
    session.run(1000)
    for item in json.loads(session.drain())["items"]:
        print(item)
        match item:
            case {"type": "stream", "effect": "Orders", "id": id}:
                session.send(id, b'{"Ask":"your name"}')
            case {"type": "request", "effect": "Ask", "id": id}:
                session.resolve(id, b'"Ada"')
print(json.loads(session.teardown())["items"][-1]["text"])
