"""The Swift in the documents, and what is said about it in the comment above each block.

    <!-- snippet:
    given server: TCPServer, connection: TCPConnection
    | func handle(_ line: consuming ByteQueue) {}
    -->
    ```swift
    ...

`given` names what the block uses and does not show: parameters of the function that it is compiled in. A line with a bar is a line of
code before the block. `fails TEXT` says that the block must not compile, and that each error has one of the texts. `skip REASON`
leaves it out. Without a comment a block is compiled as it is.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^( *)(`{3,})(\w*)[ \t]*$")
COMMENT = re.compile(r"^ *<!-- snippet:(.*)$")


class Wrong(Exception):
    """Something is wrong with a document, whatever the compiler would say."""


@dataclass
class Snippet:
    document: str
    line: int
    """The number of its first line of code."""
    code: list[str]
    given: str = ""
    before: list[str] = field(default_factory=list)
    fails: list[str] = field(default_factory=list)
    skip: str = ""

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"

    def direct(self, text: str, line: int) -> None:
        """Takes one line of the comment above the block."""
        word, _, rest = text.strip().partition(" ")
        rest = rest.strip()
        if not word:
            return
        if word == "|":
            self.before.append(rest)
        elif word == "given" and rest:
            self.given = f"{self.given}, {rest}" if self.given else rest
        elif word == "fails" and rest:
            self.fails.append(rest)
        elif word == "skip" and rest:
            self.skip = rest
        else:
            raise Wrong(f"{self.document}:{line}: not understood: '{text.strip()}'. There are: given, |, fails, skip, each with more behind it")


def snippets(document: str, text: str) -> list[Snippet]:
    """All Swift blocks of a document, in their order."""
    found: list[Snippet] = []
    comment: list[tuple[int, str]] = []
    in_comment = False
    fence: re.Match[str] | None = None
    block: Snippet | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if fence is not None:
            if line.strip() == fence[2]:
                if block is not None:
                    found.append(block)
                fence, block = None, None
            elif block is not None:
                block.code.append(line.removeprefix(fence[1]))
        elif in_comment:
            end = line.find("-->")
            in_comment = end < 0
            comment.append((number, line if in_comment else line[:end]))
        elif match := COMMENT.match(line):
            if comment:
                raise Wrong(f"{document}:{number}: two comments for one block")
            end = match[1].find("-->")
            in_comment = end < 0
            comment = [(number, match[1] if in_comment else match[1][:end])]
        elif match := FENCE.match(line):
            fence = match
            if match[3] == "swift":
                block = Snippet(document, number + 1, [])
                for at, directive in comment:
                    block.direct(directive, at)
                comment = []
        if comment and not in_comment and fence is None and line.strip() and "-->" not in line:
            raise Wrong(f"{document}:{comment[0][0]}: no Swift follows this comment")
    if fence is not None or comment:
        raise Wrong(f"{document}: ends within a block, or with a comment for none")
    return found


def read(root: Path) -> list[Snippet]:
    """The Swift of the readme, the guides, and the articles beside the sources."""
    files = [root / "README.md", root / "CONTRIBUTING.md"]
    files += sorted(root.glob("docs/*.md")) + sorted(root.glob("deploy/*.md"))
    files += sorted(root.glob("Sources/**/*.docc/**/*.md"))
    found = []
    for file in files:
        found += snippets(str(file.relative_to(root)), file.read_text())
    return found
