"""Wiring: ``python -m bench [PART ...] [--write]``: every bench, alone on the machine, in half an hour on two cores."""

from __future__ import annotations

import argparse
import subprocess
import sys

from bench import api, console_pages, console_wall, discovery, keyframe, onvif, relay, sweep
from bench.harness import load_average, progress

#: A figure taken beside other work is no figure; a browser and an editor stay under this.
BUSY = 1.0
PARTS = {
    "keyframe": (keyframe.main, ["--repeats", "210"], ["--repeats", "9"]),
    "onvif": (onvif.main, [], ["--cameras", "300"]),
    "discovery": (discovery.main, [], ["--cameras", "300"]),
    "api": (api.main, [], ["--cameras", "300", "--repeats", "20"]),
    "relay": (relay.main, [], ["--quick"]),
    "console_wall": (console_wall.main, [], ["--quick"]),
    "console_pages": (console_pages.main, [], ["--cameras", "1200", "--quick"]),
    "sweep": (sweep.main, [], ["--sizes", "24", "--steady-seconds", "0"]),
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--write", action="store_true", help="into docs/design/performance.md")
    parser.add_argument("--quick", action="store_true", help="small fleets and few repeats: whether it runs at all")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if load_average() > BUSY:
        progress(f"the machine is busy (load {load_average():.1f}): the figures will be too high")
    codes = []
    for name in options.parts or PARTS:
        act, whole, quick = PARTS[name]
        progress(f"{name} begins")
        try:
            codes.append(act([*(quick if options.quick else whole), *(["--write"] if options.write else [])]))
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            # What the other parts find is worth having all the same.
            progress(f"x {name}: {error}")
            codes.append(1)
    progress(f"ended; {sum(1 for code in codes if code == 0)} of {len(codes)} parts kept every promise")
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
