"""Compiles snippets, as the code of a user's package would be, against the modules that the package's own build has made."""

import re
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from documents import Snippet, Wrong

IMPORT = re.compile(r"^(@testable |public |internal )?import \w+")
# What cannot stand within a function. A block that has it stands at the top of its file.
OUTERMOST = re.compile(r"^ *(((public|private|internal|package) )*(extension|protocol) |@Test\b|@Suite\b)")
# What blocks have without saying so.
COMMON = {"server": "TCPServer", "connection": "TCPConnection", "loop": "EventLoop", "arena": "BufferArena"}
# The beginnings of what stands in manifests, and the types of it.
MANIFEST = {".package(": "Package.Dependency", ".product(": "Target.Dependency", ".target(": "Target", ".testTarget(": "Target"}


def source(snippet: Snippet, number: int) -> tuple[list[str], list[str]]:
    """Its imports, and the rest of it, whose lines the compiler knows by their place in the document."""
    imports = [line for line in snippet.before + snippet.code if IMPORT.match(line)]
    # In their lines' places, so that the others keep theirs.
    code = ["" if IMPORT.match(line) or line.strip() == "@main" else line for line in snippet.code]
    lines = [line for line in snippet.before if not IMPORT.match(line)]
    lines += [f'#sourceLocation(file: "{snippet.document}", line: {snippet.line})'] + code + ["#sourceLocation()"]
    if not any(OUTERMOST.match(line) for line in snippet.code):
        given = [f"{name}: {kind}" for name, kind in COMMON.items() if f"{name}:" not in snippet.given]
        lines = [f"func snippet{number}({', '.join(given + [snippet.given] * bool(snippet.given))}) async throws {{"] + lines + ["}"]
    elif snippet.given:
        raise Wrong(f"{snippet.place}: an extension or a protocol stands at the top of a file, where nothing is given")
    return imports, lines


def file(snippets: list[Snippet]) -> str:
    """One source file with all of these."""
    imports: dict[str, None] = {"import Sluice": None}
    lines: list[str] = []
    for number, snippet in enumerate(snippets):
        own, rest = source(snippet, number)
        imports.update(dict.fromkeys(own))
        lines += rest
    return "\n".join([*imports, *lines, ""])


def is_manifest(snippet: Snippet) -> bool:
    return any(line.startswith(tuple(MANIFEST)) for line in snippet.code)


def manifest(snippets: list[Snippet]) -> str:
    """One source file with all of these: what a manifest has in its arrays."""
    lines = ["import PackageDescription"]
    for snippet in snippets:
        # Each of its parts in an array of its own; a part ends where the next one begins.
        starts = [at for at, line in enumerate(snippet.code) if line.startswith(tuple(MANIFEST))]
        for start, end in zip(starts, starts[1:] + [len(snippet.code)]):
            kind = next(kind for begin, kind in MANIFEST.items() if snippet.code[start].startswith(begin))
            # Not within the array, where it is not allowed: so the line before is counted as well.
            lines += [f'#sourceLocation(file: "{snippet.document}", line: {snippet.line + start - 1})']
            lines += [f"func snippet{len(lines)}() -> [{kind}] {{ [", *snippet.code[start:end], "] }", "#sourceLocation()"]
    return "\n".join([*lines, ""])


class Compiler:
    def __init__(self, root: Path, modules: Path, scratch: Path):
        if not (modules / "Sluice.swiftmodule").exists():
            raise Wrong(f"there is no Sluice.swiftmodule in {modules}: build the package first, with all of its traits")
        flags = subprocess.run(["pkg-config", "--cflags", "liburing"], capture_output=True, text=True, check=False).stdout
        self.scratch = scratch
        self.command = [
            # As far as all is known: the checks of ownership come behind those of types.
            "swiftc", "-emit-sil", "-o", "/dev/null", "-parse-as-library", "-module-name", "Snippets", "-swift-version", "6",
            "-warnings-as-errors", "-no-color-diagnostics", "-diagnostic-style", "llvm", "-I", str(modules),
            "-I", str(root / "Sources/CLiburing"), "-I", str(modules.parents[2] / "checkouts/swift-system/Sources/CSystem/include"),
            *shlex.split(flags),
        ]  # fmt: skip
        toolchain = Path(shutil.which("swiftc") or "").resolve().parent.parent
        self.command += ["-I", str(toolchain / "lib/swift/pm/ManifestAPI"), "-package-description-version", "6.2.0"]

    def compile(self, name: str, text: str) -> tuple[bool, list[str], str]:
        """Whether it compiles, its errors, and all that the compiler said."""
        path = self.scratch / f"{name}.swift"
        path.write_text(text)
        run = subprocess.run([*self.command, str(path)], capture_output=True, text=True, check=False)
        output = run.stdout + run.stderr
        errors = [line for line in output.splitlines() if ": error: " in line or line.startswith("error: ")]
        return run.returncode == 0, errors, output

    def refusal(self, snippet: Snippet, number: int) -> str | None:
        """What is wrong with a snippet that must not compile; nil: nothing."""
        succeeds, errors, output = self.compile(f"refused{number}", file([snippet]))
        if succeeds:
            return f"{snippet.place}: error: this compiles, and must not: '{snippet.fails[0]}'"
        missing = [text for text in snippet.fails if not any(text in error for error in errors)]
        others = [error for error in errors if not any(text in error for text in snippet.fails)]
        if missing or others or not errors:
            return f"{snippet.place}: error: the compiler gives another reason than '{'; '.join(missing or snippet.fails)}':\n{output}"
        return None


def check(snippets: list[Snippet], compiler: Compiler) -> list[str]:
    """What is wrong, a text for each."""
    wanted = [snippet for snippet in snippets if not snippet.skip]
    good = [snippet for snippet in wanted if not snippet.fails and not is_manifest(snippet)]
    bad = [snippet for snippet in wanted if snippet.fails]
    with ThreadPoolExecutor(max_workers=2) as pool:
        # At once, and the others beside it.
        texts = {"code": file(good), "manifests": manifest([snippet for snippet in wanted if is_manifest(snippet)])}
        wholes = list(pool.map(compiler.compile, texts.keys(), texts.values()))
        refusals = list(pool.map(compiler.refusal, bad, range(len(bad))))
    return [output for succeeds, _, output in wholes if not succeeds] + [refusal for refusal in refusals if refusal]
