"""Options, the seed of a run, folders of real input, and the check that nothing is left behind."""

from __future__ import annotations

import asyncio
import asyncio.constants
import gc
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from xdist.remote import Producer

from tests.support.loop import Loop
from tests.support.open_files import open_files
from tests.support.sharing import ByFile, in_order, processes


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the full counts of the tests marked 'soak'")
    parser.addoption(
        "--screenshots", action="store_true", help="write what the console looks like into docs/screenshots"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    # One seed for a whole run, printed, so that a failure found by chance can be found again.
    if config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(2**32))
    # asyncio's debug mode notes the stack of every callback: ten frames of it were a third of the suite's time, and
    # three tell as well who made it.
    asyncio.constants.DEBUG_STACK_DEPTH = 3  # type: ignore[misc]  # a constant of theirs


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: --hypothesis-seed={config.getoption('hypothesis_seed')}; soak: {config.getoption('--soak')}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    return processes(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    in_order(items)


def pytest_asyncio_loop_factories() -> dict[str, type[asyncio.AbstractEventLoop]]:
    return {"loop": Loop}


def pytest_collection_finish() -> None:
    # What is imported by now stays: collecting, which finds what a test left behind, need not walk over it each time.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def soak(request: pytest.FixtureRequest) -> bool:
    """Whether to run the full counts; the small ones run otherwise."""
    return bool(request.config.getoption("--soak"))


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's folder of encoded scenes: what one virtual fleet has drawn, the next one reads."""
    base = tmp_path_factory.getbasetemp()
    # Each process of a shared-out run has a folder of its own in one that is the run's.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "clips"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """The run's seed, for ``random.Random(seed)``."""
    return int(request.config.getoption("hypothesis_seed"))


def _folder(variable: str, what: str) -> Path:
    value = os.environ.get(variable, "")
    if not value:
        pytest.skip(f"{variable} is not set: {what} stay outside the project")
    folder = Path(value)
    if not folder.is_dir():
        pytest.fail(f"{variable} names {value}, which is not a folder")
    return folder


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of replies of real cameras (``rtsp/...``)."""
    return _folder("XUELIANG_CAPTURES", "replies of real cameras")


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder of real footage (``<camera>/<UTC time>.jpg``)."""
    return _folder("XUELIANG_FOOTAGE", "pictures of real cameras")


def _descriptors() -> set[str]:
    """What this process holds open, apart from what the interpreter opens for itself on first use."""
    return {
        f"{number} -> {target}"
        for number, target in open_files()
        if not target.startswith(("/dev/", "/proc/", "/sys/")) and "__pycache__" not in target
    }


@pytest.fixture
async def no_leaks() -> AsyncIterator[None]:
    """Fails when the test leaves a task, a socket, a pipe or a file behind."""
    gc.collect()
    gc.freeze()  # what lives by now is not this test's: looked through once, not after every test
    before_tasks, before_files = asyncio.all_tasks(), _descriptors()
    yield
    for _ in range(5):  # transports finish closing on the loop's next turns
        await asyncio.sleep(0)
    gc.collect()
    tasks = {task for task in asyncio.all_tasks() - before_tasks if task is not asyncio.current_task()}
    assert {task.get_name(): str(task.get_coro()) for task in tasks} == {}
    assert sorted(_descriptors() - before_files) == []
