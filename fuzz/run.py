"""Edge: throws broken input at parsers. ``python fuzz/run.py [target ...] [--count N] [--seed S] [--list]``.

A target is ``fuzz/targets/<name>.py`` with ``SEEDS: list[bytes]`` and ``one(data: bytes) -> None``, which hands the
bytes to the parser and checks what must hold of its answer. ``XueliangError`` is the parser's right to refuse;
every other exception, and every input that costs more than a second of processor time, is a finding. Findings are
written to ``--findings`` and make the exit status 1. A run is repeated exactly by its seed.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from config.errors import XueliangError  # noqa: E402 - the path above makes it found

MAX_LENGTH = 16 * 1024
SLOW_SECONDS = 1.0
#: Values at which lengths, counts and signs turn over.
EDGES = (0, 1, 2, 3, 0x1F, 0x20, 0x24, 0x7F, 0x80, 0xC0, 0xFE, 0xFF)


@dataclass(frozen=True, slots=True)
class Finding:
    data: bytes
    text: str


def mutate(data: bytes, seeds: list[bytes], rng: random.Random) -> bytes:
    """One to eight small changes: bits, bytes, cuts, repeats, splices with another seed, words repeated."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        size = len(made)
        at = rng.randrange(size + 1)
        kind = rng.randrange(9)
        if kind == 0 and size:
            made[at % size] ^= 1 << rng.randrange(8)
        elif kind == 1 and size:
            made[at % size] = rng.choice(EDGES)
        elif kind == 2:
            del made[at:]
        elif kind == 3:
            del made[at : at + rng.randrange(1, 17)]
        elif kind == 4:
            made[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif kind == 5:
            piece = made[at : at + rng.randrange(1, 65)]
            made[at:at] = piece * rng.choice((1, 2, 40))
        elif kind == 6:
            other = rng.choice(seeds)
            begin = rng.randrange(len(other) + 1)
            made[at:] = other[begin:]
        elif kind == 7:
            made[at:at] = rng.choice(
                (b"\r\n", b"\n", b";", b",", b"=", b'"', b"\x00\x00\x01", b"99999999999", b"-1", b"%")
            )
        elif size > 1:
            made[at % size] = made[(at * 7 + 3) % size]
    return bytes(made[:MAX_LENGTH])


def run(target: ModuleType, count: int, seed: int) -> tuple[int, list[Finding]]:
    """How many inputs the parser refused, and what was found (at most 10)."""
    rng = random.Random(seed)
    seeds: list[bytes] = list(target.SEEDS)
    findings: list[Finding] = []
    refused = 0
    for index in range(count):
        data = seeds[index] if index < len(seeds) else mutate(rng.choice(seeds), seeds, rng)
        # Not by the wall: a machine with other work to do would make findings of good inputs.
        began = time.process_time()
        try:
            target.one(data)
        except XueliangError:
            refused += 1
        except Exception:
            findings.append(Finding(data, traceback.format_exc()))
        took = time.process_time() - began
        if took > SLOW_SECONDS:
            findings.append(Finding(data, f"took {took:.1f} s of processor time"))
        if len(findings) >= 10:
            break
    return refused, findings


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fuzz_target_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def targets() -> dict[str, Path]:
    return {path.stem: path for path in sorted((HERE / "targets").glob("*.py"))}


def main(arguments: list[str] | None = None) -> int:
    known = targets()
    parser = argparse.ArgumentParser(prog="fuzz/run.py", description="Throws broken input at parsers.")
    parser.add_argument("target", nargs="*", help="names of targets; all without one")
    parser.add_argument("--count", type=int, default=20_000, help="inputs for each target (default 20000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="folder for inputs that broke one")
    parser.add_argument("--list", action="store_true", help="print the names of the targets")
    options = parser.parse_args(arguments)
    if options.list:
        print("\n".join(known))
        return 0
    unknown = [name for name in options.target if name not in known]
    if unknown:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(known)}")
    failed = 0
    for name in options.target or known:
        began = time.perf_counter()
        refused, findings = run(load(known[name]), options.count, options.seed)
        took = time.perf_counter() - began
        print(f"{name}: {options.count} inputs, {refused} refused, {len(findings)} findings, {took:.1f} s", flush=True)
        for number, finding in enumerate(findings):
            failed = 1
            options.findings.mkdir(parents=True, exist_ok=True)
            (options.findings / f"{name}-{number}.bin").write_bytes(finding.data)
            print(f"{name}-{number}.bin:\n{finding.text}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
