"""Builds the programs, says where they are, and which versions made them."""

import re
import shutil
import subprocess
import sys

import measuring
from measuring import ROOT, Failure
from scenarios import SERVERS

PACKAGES = {"EchoServer": ".", "EchoLoad": "Benchmarks", "NIOEcho": "Benchmarks", "FanOut": "Benchmarks"}


class Programs:
    def __init__(self, scratch_path):
        self.scratch_path = scratch_path
        self.help = {}

    def path(self, name):
        """Relative to the package's folder, so that commands can be shown and repeated as they are."""
        if name not in PACKAGES:
            return f"Benchmarks/C/build/{name}"
        folder = "" if PACKAGES[name] == "." else PACKAGES[name] + "/"
        return f"{folder}{self.scratch_path}/release/{name}"

    def is_there(self, name):
        return (ROOT / self.path(name)).is_file()

    def build(self):
        """In release. A product that does not build is left out, which the report says; the C programs must build."""
        measuring.build_c()
        failed = []
        for name, package in PACKAGES.items():
            print(f"building {name}", file=sys.stderr, flush=True)
            made = subprocess.run(
                ["swift", "build", "-c", "release", "--package-path", package, "--product", name, "--scratch-path",
                 self.scratch_path if package == "." else f"{package}/{self.scratch_path}"],
                cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=3600)
            if made.returncode != 0:
                errors = [line for line in made.stdout.splitlines() if "error:" in line] or made.stdout.splitlines()
                failed.append(f"{name} does not build: {' / '.join(errors[-3:])}")
                # What stands there is another state of the sources.
                (ROOT / self.path(name)).unlink(missing_ok=True)
        return failed

    def command(self, label, scenario):
        """The server's command line for a scenario, or None where it has none."""
        program, arguments, fan_out = SERVERS[label]
        if scenario.mode == "fanout":
            if fan_out is None:
                return None
            program, *arguments = fan_out
        return [self.path(program), *arguments, "--host", "127.0.0.1"]

    def missing(self, label, scenario):
        """Why a server cannot run, or None."""
        command = self.command(label, scenario)
        if command is None:
            return f"{label} has no fan-out"
        if not (ROOT / command[0]).is_file():
            return f"{label}: {command[0]} is not built"
        for option in command[1:]:
            if option.startswith("--") and option not in self.help_of(command[0]):
                return f"{label}: {command[0]} does not know {option}"
        return None

    def help_of(self, program):
        if program not in self.help:
            shown = subprocess.run([str(ROOT / program), "--help"], capture_output=True, text=True, timeout=20)
            self.help[program] = shown.stdout + shown.stderr
        return self.help[program]


def output(*command):
    """What a command prints, or '' where it is missing or fails."""
    if not shutil.which(command[0]):
        return ""
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    return ran.stdout.strip() if ran.returncode == 0 else ""


def versions():
    resolved = ROOT / "Benchmarks" / "Package.resolved"
    nio = ""
    if resolved.is_file():
        found = re.search(r'"identity"\s*:\s*"swift-nio".*?"version"\s*:\s*"([^"]+)"', resolved.read_text(), re.S)
        nio = found[1] if found else ""
    swift = re.search(r"Swift version (\S+)", output("swift", "--version"))
    commit = output("git", "rev-parse", "--short", "HEAD")
    if commit and output("git", "status", "--porcelain"):
        commit += ", with changes"
    return {"commit": commit or "unknown", "swift": swift[1] if swift else "unknown", "swift-nio": nio or "unknown",
            "liburing": output("pkg-config", "--modversion", "liburing") or "unknown",
            "gcc": output("cc", "-dumpfullversion") or "unknown"}
