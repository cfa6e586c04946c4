"""Tests of what checks the documents: python3 -m unittest discover -s scripts/snippets.d

What can be seen without the compiler; and, with the modules of a debug build, that wrong snippets are caught.
"""

import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).resolve().parent)]

from compiler import Compiler, check
from documents import Wrong, snippets


def block(code, comment=""):
    return snippets("page.md", f"Text.\n\n{comment}```swift\n{code}\n```\n")


class Documents(unittest.TestCase):
    def test_blocks_have_their_place(self):
        found = block("let a = 1\nlet b = 2")
        self.assertEqual([(snippet.place, snippet.code) for snippet in found], [("page.md:4", ["let a = 1", "let b = 2"])])

    def test_other_languages_are_left_alone(self):
        self.assertEqual(snippets("page.md", "```\nlet\n```\n\n````\n```swift\n```\n````\n\n```yaml\na: b\n```\n"), [])

    def test_blocks_of_lists_lose_their_indentation(self):
        self.assertEqual(snippets("page.md", "* x\n\n  ```swift\n  f()\n    g()\n  ```\n")[0].code, ["f()", "  g()"])

    def test_comments_direct_the_next_block(self):
        found = block("f(a)", "<!-- snippet: given a: Int\n| let b = a\ngiven c: Int\nfails no reason\n-->\n")[0]
        self.assertEqual((found.given, found.before, found.fails), ("a: Int, c: Int", ["let b = a"], ["no reason"]))

    def test_what_is_not_understood_is_an_error(self):
        for comment in ["skip", "given", "fails", "fails:", "ignore this", "skipped"]:
            with self.assertRaises(Wrong, msg=comment):
                block("f()", f"<!-- snippet: {comment} -->\n")

    def test_a_comment_without_a_block_is_an_error(self):
        for text in ["<!-- snippet: skip x -->\n", "<!-- snippet: skip x -->\nText.\n\n```swift\nf()\n```\n", "```swift\nf()\n"]:
            with self.assertRaises(Wrong, msg=text):
                snippets("page.md", text)


class Compiling(unittest.TestCase):
    """Every way in which a snippet can be wrong, among others that are right."""

    def wrong(self, code, comment=""):
        right = block("try await server.run { connection in _ = try await connection.receive() }")
        with tempfile.TemporaryDirectory() as scratch:
            return check(right + block(code, comment), Compiler(ROOT, (ROOT / ".build/debug/Modules").resolve(), Path(scratch)))

    def test_what_is_right_passes(self):
        self.assertEqual(self.wrong("import Logging\n\nlet logger = Logger(label: name)\nlogger.info(\"\\(server.address)\")", "<!-- snippet: given name: String -->\n"), [])

    def test_an_error_is_caught_at_its_line(self):
        (text,) = self.wrong("let view = try await connection.receive()\nview.doesNotExist()")
        self.assertIn("page.md:5:", text)

    def test_a_warning_is_caught(self):
        (text,) = self.wrong("let unused = 1")
        self.assertIn("page.md:4:", text)

    def test_what_the_checks_of_ownership_find_is_caught(self):
        (text,) = self.wrong("try await connection.send(view)\ntry await connection.send(view)", "<!-- snippet: given view: consuming ReadView -->\n")
        self.assertIn("consumed more than once", text)

    def test_a_wrong_manifest_is_caught(self):
        (text,) = self.wrong('.product(name: "Sluice", package: "sluice"),\n.package(url: "x", brunch: "main"),')
        self.assertIn("page.md:5:", text)

    def test_what_must_not_compile_and_does_is_caught(self):
        (text,) = self.wrong("print(1)", "<!-- snippet: fails used after consume -->\n")
        self.assertIn("this compiles, and must not", text)

    def test_what_does_not_compile_for_another_reason_is_caught(self):
        (text,) = self.wrong("print(a)", "<!-- snippet: fails used after consume -->\n")
        self.assertIn("another reason", text)


if __name__ == "__main__":
    unittest.main()
