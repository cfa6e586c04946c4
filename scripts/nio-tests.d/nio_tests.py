"""SwiftNIO's own tests on the bridge: makes the scratch package, and runs what is in it. See scripts/nio-tests."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import package
import runs
import table

ROOT = Path(__file__).resolve().parents[2]
BRIDGE = ROOT / "Bridges/SluiceNIO"


def parse():
    parser = argparse.ArgumentParser(prog="scripts/nio-tests", description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILE", help="only these, such as ChannelTests (all)")
    parser.add_argument("--test", metavar="REGEX", help="only tests whose names match")
    parser.add_argument("--seconds", type=int, default=240, metavar="S", help="that one file may take (240)")
    parser.add_argument("--silence", type=int, default=40, metavar="S", help="without a word, after which a test hangs (40)")
    parser.add_argument("--table", action="store_true", help="write Bridges/SluiceNIO/docs/nio-tests.md")
    parser.add_argument("--baseline", action="store_true", help="on SwiftNIO's own loops, to see what the machine does to the tests")
    parser.add_argument("--trait", metavar="NAME", help="with this trait of the bridge")
    parser.add_argument("--no-build", action="store_true", help="take what is built")
    parser.add_argument("--list", action="store_true", help="print the files")
    return parser.parse_args()


def main():
    options = parse()
    every = [name for files in package.FILES.values() for name in files]
    if options.list:
        print("\n".join(every))
        return 0
    for name in options.files:
        if name not in every:
            raise package.Wrong(f"no such file: {name} (--list names them)")
    wanted = options.files or every
    if options.table and (options.test or options.files or options.baseline or options.trait):
        raise package.Wrong("the table is of all files on the bridge as it is by default: --table goes with no FILE, --test, --baseline or --trait")
    scratch = BRIDGE / (".build-nio-baseline" if options.baseline else ".build-nio-tests")

    removed = package.make(package.prepare(BRIDGE, scratch, options.trait), scratch, options.baseline)
    if not options.no_build:
        build = ["swift", "build", "--package-path", str(scratch), "--build-tests"]
        if subprocess.run(["timeout", "--kill-after=30", "2400", *build]).returncode:
            raise package.Wrong("SwiftNIO's tests do not compile on the bridge")

    tests = runs.tests(scratch)
    owners = package.files_of_types(scratch)
    results = {}
    for name in wanted:
        mine = [test for test in tests if owners.get((test.module, test.suite)) == name]
        if not mine:
            raise package.Wrong(f"{name}: the program that was built names no test of it")
        if options.test:
            mine = [test for test in mine if runs.re.search(options.test, test.name)]
        results[name] = runs.run(scratch, mine, options.seconds, options.silence)
        print(table.line(name, results[name], removed[name]), flush=True)
        for result in results[name]:
            if result.state not in ("passed", "skipped"):
                print(f"    {result.state}: {result.test.suite}.{result.test.name}", flush=True)
                for text in result.notes[:4]:
                    print(f"        {text}", flush=True)
    known = {(case.file, case.name): case for case in package.cases() if case.kind not in package.REMOVED}
    if options.table:
        versions = table.versions(scratch / "Package.resolved", package.PACKAGES.values())
        target = BRIDGE / "docs/nio-tests.md"
        target.parent.mkdir(exist_ok=True)
        target.write_text(table.page(results, removed, known, versions, os.environ.get("SLUICE_DRIVER")))
        print(f"wrote {target.relative_to(ROOT)}")
    return 1 if table.surprises(results, known) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except package.Wrong as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
