"""Edge: the order and the outcome of tries with one account."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from camera_gateway.attempts import AttemptGate
from camera_gateway.memory import AccountKey, AccountState, InMemoryDeviceMemory
from config.clock import ManualClock
from config.errors import Kind, XueliangError

KEY = AccountKey("10.0.0.9", "admin", "f1")


class Counting(InMemoryDeviceMemory):
    """Counts what is written down."""

    successes = 0

    async def attempt_succeeded(self, key: AccountKey) -> None:
        type(self).successes += 1
        await super().attempt_succeeded(key)


def _memory() -> InMemoryDeviceMemory:
    return InMemoryDeviceMemory(ManualClock())


async def test_the_others_wait_and_hear_what_came_of_it() -> None:
    memory = _memory()
    gate, inside, tries = AttemptGate(memory), 0, 0

    async def one() -> Kind | None:
        nonlocal inside, tries
        try:
            async with gate.attempt(KEY) as attempt:
                inside += 1
                tries += 1
                assert inside == 1
                await asyncio.sleep(0)
                inside -= 1
                attempt.failed()
        except XueliangError as error:
            return error.kind
        return None

    said = await asyncio.gather(*(one() for _ in range(64)))
    assert tries == 1
    assert said.count(None) == 1
    assert said.count(Kind.LOCKED) == 63


async def test_other_accounts_and_devices_do_not_wait() -> None:
    memory = _memory()
    gate = AttemptGate(memory)
    async with (
        gate.attempt(KEY),
        gate.attempt(AccountKey("10.0.0.9", "root", "f1")),
        gate.attempt(AccountKey("10.0.0.8", "admin", "f1")),
    ):
        assert [account.state for account in memory.accounts.values()] == [AccountState.TRYING] * 3


async def test_a_try_that_ends_open_holds_and_an_error_does_not_hide_a_refusal() -> None:
    memory = _memory()
    gate = AttemptGate(memory)
    with suppress(RuntimeError):
        async with gate.attempt(KEY) as attempt:
            attempt.failed()
            raise RuntimeError
    assert memory.accounts[KEY].state is AccountState.REFUSED
    other = AccountKey("10.0.0.9", "admin", "f2")
    with pytest.raises(asyncio.CancelledError):
        async with gate.attempt(other):
            raise asyncio.CancelledError
    assert memory.accounts[other].state is AccountState.TRYING
    with pytest.raises(XueliangError):
        async with gate.attempt(other):
            pass


async def test_a_proved_account_is_written_down_once_and_again_after_a_refusal() -> None:
    memory = Counting(ManualClock())
    gate = AttemptGate(memory)
    for _ in range(5):
        async with gate.attempt(KEY) as attempt:
            attempt.succeeded()
    assert Counting.successes == 1
    async with gate.attempt(KEY) as attempt:
        attempt.failed()
    assert memory.accounts[KEY].state is AccountState.REFUSED
