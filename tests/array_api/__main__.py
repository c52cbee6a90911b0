"""Runs the public suite `array-api-tests` against graphc: `python -m tests.array_api PATH [...]`.

PATH is a checkout of https://github.com/data-apis/array-api-tests; what follows goes to pytest.
"""

from __future__ import annotations

import collections
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SKIPS = HERE / "skips.txt"
EXAMPLES = "100"
SEED = "0"


def left_out() -> list[tuple[str, str]]:
    """Returns what `skips.txt` leaves out, each with its reason, the comment above it."""
    found: list[tuple[str, str]] = []
    reason = ""
    for line in SKIPS.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            reason = line.removeprefix("#").strip()
        elif line.strip():
            found.append((line.strip(), reason))
    return found


def command(suite: Path, more: list[str]) -> list[str]:
    """Returns the command that runs the suite with our list of skips, a fixed seed and count."""
    made = [
        sys.executable, "-m", "pytest", str(suite / "array_api_tests"), "-q", "-rfE",
        "--skips-file", str(SKIPS), "-p", "no:cacheprovider", "-c", str(suite / "pytest.ini"),
        "--rootdir", str(suite), f"--hypothesis-seed={SEED}", "--disable-deadline",
    ]  # fmt: skip
    if not any(word.startswith("--max-examples") for word in more):
        made += ["--max-examples", EXAMPLES]
    return made + more


def main(arguments: list[str]) -> int:
    """Runs the suite and prints what passed, failed and was skipped, and what is left out."""
    if not arguments or not (Path(arguments[0]) / "array_api_tests").is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    suite = Path(arguments[0]).resolve()
    environment = {
        **os.environ,
        "ARRAY_API_TESTS_MODULE": "tests.array_api.eager",
        "ARRAY_API_TESTS_VERSION": "2024.12",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{suite}",
    }
    done = subprocess.run(
        command(suite, arguments[1:]), env=environment, cwd=suite, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    print(done.stdout)
    counts = collections.Counter[str]()
    last = done.stdout.rstrip().rpartition("\n")[2]
    for number, word in re.findall(r"(\d+) (passed|failed|skipped|errors?|xfailed)", last):
        counts[word] += int(number)
    print("graphc and the Array API:", dict(counts), f"(seed {SEED})")
    print("left out:")
    for name, reason in left_out():
        print(f"  {name}: {reason}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
