"""The process that `memory.peak_of` starts: prepare, note the peak, work, note it again."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path


def main(target: str) -> None:
    """Reads the payload from standard input and prints `{"bytes": growth}`."""
    module_name, _, function = target.partition(":")
    if not module_name.startswith("graphc."):
        raise SystemExit("only graphc's own functions are run here")
    module = importlib.import_module(module_name)
    payload = json.load(sys.stdin)
    prepared = module.prepare(payload)
    before = forget_peak()
    getattr(module, function)(payload, prepared)
    print(json.dumps({"bytes": max(peak_bytes() - before, 0)}))


def forget_peak() -> int:
    """Starts the peak anew and returns the bytes held now; without Linux's help, the old peak."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak resident set
        return _status("VmRSS")
    except OSError:
        return peak_bytes()


def peak_bytes() -> int:
    """Returns the most memory this process has held (since `forget_peak`), in bytes."""
    try:
        return _status("VmHWM")
    except OSError:
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux kilobytes


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {field}")


if __name__ == "__main__":
    main(sys.argv[1])
