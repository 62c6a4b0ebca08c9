"""Wiring: ``python -m bench [--write]``: every bench in the page's order, alone on the machine, about 40 minutes."""

from __future__ import annotations

import argparse
import sys

from bench import discovery, keyframe, onvif, sweep
from bench.harness import load_average

#: A figure taken beside other work is no figure; a browser and an editor stay under this.
BUSY = 1.0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--write", action="store_true", help="into docs/design/performance.md")
    parser.add_argument("--quick", action="store_true", help="small fleets and few repeats: whether it runs at all")
    options = parser.parse_args(arguments)
    if load_average() > BUSY:
        print(f"the machine is busy (load {load_average():.1f}): the figures will be too high", file=sys.stderr)
    write = ["--write"] if options.write else []
    quick = options.quick
    codes = [
        onvif.main(["--cameras", "300" if quick else "7500", *write]),
        discovery.main(["--cameras", "300" if quick else "7500", *write]),
        keyframe.main(["--repeats", "10" if quick else "220", *write]),
        sweep.main([*(["--sizes", "24", "--steady-seconds", "0"] if quick else []), *write]),
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
