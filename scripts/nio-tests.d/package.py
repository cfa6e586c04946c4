"""The scratch package: SwiftNIO's test files without what cannot be compiled or run, and the shim beside them."""

import re
import shutil
import subprocess
from pathlib import Path

import declarations

HERE = Path(__file__).resolve().parent

# Each file is run on its own; beside it are files with what it uses.
FILES = {
    "NIOPosixTests": [
        "EventLoopFutureTest", "EventLoopFutureIsolatedTests", "EventLoopTest", "NIOScheduledCallbackTests", "SerialExecutorTests",
        "NIOLoopBoundTests", "IdleStateHandlerTest", "EchoServerClientTest", "ChannelNotificationTest", "ChannelPipelineTest",
        "AsyncChannelBootstrapTests", "ChannelTests", "BootstrapTest", "FileRegionTest", "SocketOptionProviderTest",
    ],
    "NIOHTTP1Tests": ["HTTPServerClientTest", "HTTPServerUpgradeTests"],
    "NIOSSLTests": ["NIOSSLIntegrationTest", "NIOSSLALPNTest", "ClientSNITests"],
}
SUPPORT = {
    "NIOPosixTests": ["TestUtils", "XCTest+AsyncAwait", "CoWValue"],
    "NIOHTTP1Tests": ["TestUtils"],
    "NIOSSLTests": ["NIOSSLTestHelpers", "TLS13RecordObserver", "TLSConfigurationTest", "SSLCertificateTest", "UnwrappingTests"],
}
EDITS = [
    # Where a group's name is left out SwiftNIO's is meant, whatever ours is called.
    (r"group: \.singletonMultiThreadedEventLoopGroup", "group: MultiThreadedEventLoopGroup.singleton"),
    # Tests that are inherited are not found on Linux: those of this base class are run on the bridge's loop.
    (
        r"try XCTSkipIf\(type\(of: self\) == _BaseScheduledCallbackTests\.self.*",
        "if type(of: self) == _BaseScheduledCallbackTests.self {\n"
        "            self.requirements = MTELGScheduledCallbackTests.Requirements()\n            return\n        }",
    ),
    # For certificate chains that no test of these needs, of packages that take long to build.
    (r"(?m)^import (Crypto|SwiftASN1|X509)$|^let customChain = .*$", ""),
]
PACKAGES = {"NIOPosixTests": "swift-nio", "NIOHTTP1Tests": "swift-nio", "NIOSSLTests": "swift-nio-ssl"}
REMOVED = ("internals", "nature", "support")
KINDS = REMOVED + ("differs", "machine", "ours")


class Wrong(Exception):
    pass


class Case:
    def __init__(self, line):
        parts = [part.strip() for part in line.split(" | ")]
        if len(parts) != 4 or parts[2] not in KINDS:
            raise Wrong(f"cases.txt: cannot read: {line}")
        self.file, self.name, self.kind, self.reason = parts


def cases():
    lines = (HERE / "cases.txt").read_text().splitlines()
    return [Case(line) for line in lines if line.strip() and not line.startswith("#")]


def write(path, text):
    """Only where it is new: what is unchanged is not compiled again."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def prepare(bridge, package, trait):
    """The package's manifest, with the versions that the bridge uses, and the sources of what it depends on."""
    manifest, plain = (HERE / "Package.swift").read_text(), '.package(path: "..")'
    if plain not in manifest:
        raise Wrong(f"the manifest has no {plain} any more")
    write(package / "Package.swift", manifest.replace(plain, f'.package(path: "..", traits: ["{trait}"])') if trait else manifest)
    checkouts = package / ".build/checkouts"
    if not all((checkouts / name).exists() for name in PACKAGES.values()):
        shutil.copyfile(bridge / "Package.resolved", package / "Package.resolved")
        subprocess.run(["swift", "package", "--package-path", str(package), "resolve"], check=True)
    return checkouts


def make(checkouts, package, is_baseline):
    """Puts the tests there; for a baseline without the bridge's names, so that SwiftNIO's own loops are used. Returns
    {file: [(test that was taken out, kind, reason)]}."""
    removed, known = {}, cases()
    for module, files in FILES.items():
        folder, wanted = package / "Tests" / module, set()
        for name in files + SUPPORT[module]:
            source = checkouts / PACKAGES[module] / "Tests" / module / f"{name}.swift"
            if not source.exists():
                raise Wrong(f"{PACKAGES[module]} has no {module}/{name}.swift any more")
            text, removed[name] = trimmed(renamed(source.read_text()), name, known, removed.get(name, []), module)
            write(folder / source.name, text)
            wanted.add(source.name)
        for part in sorted((HERE / "shim").glob("*.swift")):
            if (part.stem == "Pairs" and module != "NIOPosixTests") or (part.stem == "Names" and is_baseline):
                continue
            write(folder / f"Shim{part.name}", part.read_text())
            wanted.add(f"Shim{part.name}")
        for left in set(path.name for path in folder.glob("*.swift")) - wanted:
            (folder / left).unlink()
    return removed


def renamed(text):
    for pattern, replacement in EDITS:
        text = re.sub(pattern, replacement, text)
    return text


def trimmed(text, name, known, removed, module):
    for case in known:
        if case.file != name or case.kind not in REMOVED:
            continue
        try:
            text, taken = declarations.without(text, case.name)
        except declarations.NotFound:
            if module == "NIOPosixTests":
                raise Wrong(f"cases.txt: {name} has no {case.name}") from None
            continue
        if case.kind != "support":
            removed = removed + [(test, case.kind, case.reason) for test in declarations.tests(taken)]
    return text, removed


def files_of_types(package):
    """{type: file} of a module's tests."""
    found = {}
    for module, files in FILES.items():
        for name in files:
            for kind in declarations.types((package / "Tests" / module / f"{name}.swift").read_text()):
                found.setdefault((module, kind), name)
    return found
