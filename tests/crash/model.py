"""model - what must become of files that are dropped, repeated, changed, undone, retried, released and run again.

One Name is one file name under one rule for names delivered before; its arrivals are in the order in which they came.  Nothing here knows
how ingestd does it.
"""
import dataclasses

ROWS, BAD = 4, b"bad"


@dataclasses.dataclass
class Arrival:
    content: bytes
    state: str = ""
    version: int = 0  # of the job it was loaded under
    ident: str = ""


class Name:
    def __init__(self, name, rule):
        self.name, self.rule, self.arrivals = name, rule, []

    def live(self):
        return [a for a in self.arrivals if a.state == "done"]

    def load(self, a, version, released=False):
        """What the gate says to a's content now."""
        others = [o for o in self.live() if o is not a]
        if any(o.content == a.content for o in others):
            a.state = "duplicate" if not a.content.startswith(BAD) else "failed"
        elif a.content.startswith(BAD):
            a.state = "failed"
        elif others and self.rule == "hold" and not released:
            a.state = "held"
        else:
            if self.rule == "replace" and not released:
                for o in others:
                    o.state = "undone"
            a.state, a.version = "done", version

    def drop(self, content, version):
        a = Arrival(content)
        self.arrivals.append(a)
        self.load(a, version)

    def undo(self, a, version):
        if a.state != "done":
            return False
        a.state = "undone"
        return True

    def retry(self, a, version):
        if a.state == "done" or (a.state == "duplicate" and any(o.content == a.content for o in self.live())):
            return False
        self.load(a, version)
        return True

    def release(self, a, version):
        if a.state != "held":
            return False
        self.load(a, version, released=True)
        return True

    def rerun(self, a, version):
        if a.state == "done":
            a.version = version
            return True
        if a.state == "duplicate":
            return False
        self.load(a, version)
        return True

    def rows(self):
        """(name, content, row, version) of each document that must be stored."""
        return [(self.name, a.content.decode(), i, a.version) for a in self.live() for i in range(ROWS)]
