#!/usr/bin/env python3
"""The other implementation: CPython's bytearray and memoryview, driven line by line.

One operation per line in, one outcome per line out. `new` starts a sequence and forgets the one before.
Outcomes: `ok`, `ok <value>`, `locked` (BufferError: Existing exports), `bounds`, `none` (no such owner or view).

OracleSequence.swift performs the same operations on IOBuffers and writes the same outcomes. An operation that only
one side defines (a second writer, a resize to the same size, a range that Python would clip) is never sent.
"""

import sys


class Oracle:
    def __init__(self):
        self.owner = None
        self.views = {}

    def new(self, content):
        for view in self.views.values():
            view.release()
        self.views = {}
        self.owner = bytearray(bytes.fromhex(content))
        return "ok"

    # Exports

    def read(self, name, start, end):
        self.views[name] = memoryview(self.owner)[int(start):int(end)].toreadonly()
        return "ok"

    def write(self, name, start, end):
        self.views[name] = memoryview(self.owner)[int(start):int(end)]
        return "ok"

    def share(self, name, source):
        self.views[name] = memoryview(self.views[source])
        return "ok"

    def slice(self, name, source, start, end):
        self.views[name] = self.views[source][int(start):int(end)]
        return "ok"

    def split(self, name, source, at):
        whole = self.views[source]
        self.views[source], self.views[name] = whole[:int(at)], whole[int(at):]
        whole.release()
        return "ok"

    def narrow(self, name, start, end):
        whole = self.views[name]
        self.views[name] = whole[int(start):int(end)]
        whole.release()
        return "ok"

    def freeze(self, name):
        writer = self.views[name]
        self.views[name] = writer.toreadonly()
        writer.release()
        return "ok"

    def release(self, name):
        self.views.pop(name).release()
        return "ok"

    # The owner

    def resize(self, size):
        size = int(size)
        if size > len(self.owner):
            self.owner.extend(bytes(size - len(self.owner)))
        else:
            del self.owner[size:]
        return "ok"

    def append(self, content):
        self.owner += bytes.fromhex(content)
        return "ok"

    def appendint(self, value, size, signed, order):
        self.owner += int(value).to_bytes(int(size), order, signed=signed == "signed")
        return "ok"

    def appendtext(self, content):
        self.owner += bytes.fromhex(content).decode("utf-8").encode("utf-8")
        return "ok"

    def clear(self):
        self.owner.clear()
        return "ok"

    def drop(self):
        self.owner = None
        return "ok"

    def finish(self, name):
        self.views[name] = memoryview(self.owner).toreadonly()
        self.owner = None
        return "ok"

    def size(self):
        return f"ok {len(self.owner)}"

    def content(self):
        return f"ok {self.owner.hex()}"

    # Through a view

    def count(self, name):
        return f"ok {len(self.views[name])}"

    def bytes(self, name):
        return f"ok {self.views[name].hex()}"

    def store(self, name, offset, value, size, signed, order):
        offset, size = int(offset), int(size)
        if offset < 0:
            return "bounds"
        # An assignment that does not fit raises ValueError: a memoryview cannot grow.
        self.views[name][offset:offset + size] = int(value).to_bytes(size, order, signed=signed == "signed")
        return "ok"

    def load(self, name, offset, size, signed, order):
        offset, size = int(offset), int(size)
        part = self.views[name][offset:offset + size] if offset >= 0 else b""
        if len(part) != size:
            return "bounds"
        return f"ok {int.from_bytes(part, order, signed=signed == 'signed')}"

    def byte(self, name, index):
        return f"ok {self.views[name][int(index)]}"

    def find(self, name, needle):
        return f"ok {bytes(self.views[name]).find(bytes.fromhex(needle))}"

    def index(self, name, value, start):
        return f"ok {bytes(self.views[name]).find(int(value), int(start))}"

    def starts(self, name, prefix):
        return f"ok {bytes(self.views[name]).startswith(bytes.fromhex(prefix))}"

    def equal(self, name, other):
        return f"ok {self.views[name] == self.views[other]}"

    def text(self, name):
        try:
            return f"ok {bytes(self.views[name]).decode('utf-8').encode('utf-8').hex()}"
        except UnicodeDecodeError:
            return "invalid"

    OWNER = {"read", "write", "resize", "append", "appendint", "appendtext", "clear", "drop", "finish", "size", "content"}

    def perform(self, line):
        # An empty hexadecimal argument is written as "-": splitting would lose it.
        verb, *arguments = ["" if word == "-" else word for word in line.split()]
        if verb in self.OWNER and self.owner is None:
            return "none"
        try:
            return getattr(self, verb)(*arguments)
        except BufferError as error:
            # "Existing exports of data: object cannot be re-sized"
            return "locked" if str(error).startswith("Existing exports") else f"error {error}"
        except (IndexError, ValueError):
            return "bounds"
        except KeyError:
            return "none"
        except Exception as error:  # noqa: BLE001 - every surprise must come out as a difference
            return f"error {type(error).__name__}: {error}"


def main():
    oracle = Oracle()
    for line in sys.stdin:
        if line.strip() == "":
            sys.stdout.flush()
            continue
        sys.stdout.write(oracle.perform(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
