#!/usr/bin/env python3
"""Time and memory of `make demo` from a fresh clone: cold (empty package cache), then warm (everything up).

usage: python3.11 benchmarks/demo.py [--keep-cache]     standard library only; takes the cold run's minutes

The clone lies in a temporary folder and uses its own ports (YIDANG_PORT_BASE 57330), so a running demo is left alone.
Memory is the sum of proportional set sizes (PSS) of every process the clone started, sampled each second.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from frame import MemoryWatch, print_result

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--keep-cache", action="store_true", help="use the machine's package cache: leaves downloads out"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="yidang-benchmark-") as folder:
        clone = Path(folder) / "yidang"
        subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
        environment = {**os.environ, "YIDANG_PORT_BASE": "57330"}
        environment.pop("YIDANG_HOME", None)
        if not options.keep_cache:
            environment |= {"UV_CACHE_DIR": f"{folder}/uv-cache", "PIP_NO_CACHE_DIR": "1"}
        rows = {}
        try:
            for run in ("cold", "warm", "warm again"):
                with MemoryWatch([clone, Path("/var/lib/yidang")]) as memory:
                    began = time.monotonic()
                    subprocess.run(["make", "demo"], cwd=clone, env=environment, check=True, stdin=subprocess.DEVNULL)
                    seconds = time.monotonic() - began
                    time.sleep(3)
                rows[run] = {"seconds": round(seconds, 1), "peak_mib": memory.peak_mib, "all_up_mib": memory.last_mib}
        finally:
            subprocess.run(["make", "clean"], cwd=clone, env=environment, check=False, stdout=subprocess.DEVNULL)
    print(f"\n{'run':<12}{'seconds':>9}{'peak MiB':>10}{'all up MiB':>12}")
    for run, row in rows.items():
        print(f"{run:<12}{row['seconds']:>9}{row['peak_mib']:>10}{row['all_up_mib']:>12}")
    print_result("demo", {"cache": "kept" if options.keep_cache else "empty", "runs": rows})


if __name__ == "__main__":
    main()
