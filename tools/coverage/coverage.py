#!/usr/bin/env python3
"""Lines and branches of the library that the tests reach, by room.

    dotnet build -c Release tests/EmbeddedBackprop.Tests
    python3 tools/coverage/coverage.py                   the quick suite, one folder of tests after the other
    python3 tools/coverage/coverage.py IO Data           two folders alone
    python3 tools/coverage/coverage.py --report          the table of earlier runs again
    python3 tools/coverage/coverage.py --report 30       with the 30 files that miss most
    python3 tools/coverage/coverage.py --report FILE.cs  the lines of a file that no test reaches, and the branches: line:missed/all

Reports are in artifacts/coverage, one a folder of tests; a folder that is run again replaces its report. A line or branch counts as reached when one
of them reached it. The library beside the tests is instrumented in place: run nothing else in this checkout meanwhile.

Only the tests' own process counts. What tests start does not: ebp, programs compiled ahead of time, kernels between guard pages. Generated code
(imports of the C library) is left out.
"""

import collections
import glob
import json
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TESTS = os.path.join(ROOT, "tests", "EmbeddedBackprop.Tests")
REPORTS = os.path.join(ROOT, "artifacts", "coverage")
SETTINGS = os.path.join(ROOT, "tools", "coverage", "coverage.runsettings")
LIBRARY = "/_/src/EmbeddedBackprop/"

# Folders whose tests run other programs, or read sources, alone.
ELSEWHERE = {"Aot", "Architecture", "Benchmarks", "Documentation", "Ebp", "Packages", "Results", "Support"}


def folders():
    """The folders of tests that call the library."""
    names = (name for name in os.listdir(TESTS) if glob.glob(os.path.join(TESTS, name, "**", "*Tests.cs"), recursive=True))
    return sorted(set(names) - ELSEWHERE - {"bin", "obj"})


def run(folder):
    """Runs the quick tests of a folder; true when all pass."""
    results = os.path.join(REPORTS, folder)
    shutil.rmtree(results, ignore_errors=True)
    wanted = f"FullyQualifiedName~EmbeddedBackprop.Tests.{folder}.&TestCategory!=Slow&TestCategory!=Exhaustive"
    command = ["dotnet", "test", "-c", "Release", "--no-build", TESTS, "--filter", wanted, "--settings", SETTINGS,
               "--collect", "XPlat Code Coverage", "--results-directory", results]
    output = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, check=False)
    print(folder, *(line.strip() for line in output.stdout.splitlines() if line.startswith(("Passed!", "Failed!", "No test"))), flush=True)
    if output.returncode != 0:
        print(output.stdout)
    return output.returncode == 0


def unite():
    """The lines and the branches of every file: true when a report reached them."""
    lines, branches = collections.defaultdict(dict), collections.defaultdict(dict)
    for report in glob.glob(os.path.join(REPORTS, "*", "*", "coverage.json")):
        with open(report, encoding="utf-8") as source:
            modules = json.load(source)
        for path, types in (item for module in modules.values() for item in module.items() if item[0].startswith(LIBRARY)):
            file = path[len(LIBRARY):]
            for name, method in (item for methods in types.values() for item in methods.items()):
                for line, hits in method["Lines"].items():
                    lines[file][int(line)] = lines[file].get(int(line), False) or hits > 0
                for branch in method["Branches"]:
                    key = (branch["Line"], name, branch["Offset"], branch["Path"])
                    branches[file][key] = branches[file].get(key, False) or branch["Hits"] > 0
    return lines, branches


def share(reached, count):
    return f"{reached:,} of {count:,} | {100 * reached / max(count, 1):.1f} %"


def print_rooms(lines, branches):
    rooms = collections.defaultdict(lambda: [0, 0, 0, 0])
    for file in lines:
        parts = file.split("/")
        room = "/".join(parts[:2] if parts[0] in ("Kernels", "Export") and len(parts) > 2 else parts[:1] if len(parts) > 1 else ["(itself)"])
        figures = (sum(lines[file].values()), len(lines[file]), sum(branches[file].values()), len(branches[file]))
        for name in (room, "all"):
            rooms[name] = [a + b for a, b in zip(rooms[name], figures)]
    print("| room | lines | | branches | |\n| --- | ---: | ---: | ---: | ---: |")
    for name in sorted(rooms, key=lambda name: (name == "all", name)):
        print(f"| {name} | {share(*rooms[name][:2])} | {share(*rooms[name][2:])} |")


def missed(file_lines, file_branches):
    return [line for line in sorted(file_lines) if not file_lines[line]], [key[0] for key in sorted(file_branches) if not file_branches[key]]


def print_files(lines, branches, count):
    worst = sorted(lines, key=lambda file: (-sum(map(len, missed(lines[file], branches[file]))), file))
    print("\n| file | lines | | branches | |\n| --- | ---: | ---: | ---: | ---: |")
    for file in worst[:count]:
        print(f"| {file} | {share(sum(lines[file].values()), len(lines[file]))} | {share(sum(branches[file].values()), len(branches[file]))} |")


def print_file(lines, branches, name):
    for file in (file for file in sorted(lines) if file.endswith(name)):
        unreached, parts = missed(lines[file], branches[file])
        whole = collections.Counter(key[0] for key in branches[file])
        print(file)
        print("  lines   ", *unreached)
        print("  branches", *(f"{line}:{count}/{whole[line]}" for line, count in sorted(collections.Counter(parts).items())))


def main(arguments):
    passed = True
    if arguments[:1] != ["--report"]:
        for folder in arguments or folders():
            passed = run(folder) and passed
        arguments = []
    lines, branches = unite()
    wishes = arguments[1:]
    if not wishes or wishes[0].isdigit():
        print_rooms(lines, branches)
        if wishes:
            print_files(lines, branches, int(wishes[0]))
    else:
        for name in wishes:
            print_file(lines, branches, name)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
