"""Wiring: what a command may ask of the installation, done by the running service or, with none, in the command itself.

In SQLite one process writes. So each operation is one function over :class:`center.storage.Storage`; the service
offers them on its control socket, and a command with no service running takes the folder's lock and calls the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from center import control, managing
from center.data_folder import DataFolder
from center.importing import import_inventory
from center.master_key import key_place
from center.states import state_settings
from center.storage import Storage, opened
from config.errors import Kind, XueliangError
from config.scope import Scope
from config.settings import Settings
from health.status_store import MAX_PAGE, camera_status, count_states, list_status
from registry import audit_store, backup_store
from registry.audit_chain import anchor_text, parse_anchor
from registry.key_store import rotate_data_key, rotate_master
from registry.keys import Purpose
from registry.vault_store import rotate_vault

Operation = Callable[[Storage, Mapping[str, Any]], Awaitable[dict[str, Any]]]


async def perform(
    settings: Settings, name: str, parameters: Mapping[str, Any], *, may_migrate: bool = True
) -> dict[str, Any]:
    """Through the running service if there is one. Raises what the operation raises."""
    folder = DataFolder(settings.service.data_dir)
    if folder.locked_by_other():
        return await control.ask(folder.control, name, parameters, deadline=300.0)
    if not folder.path.is_dir() and not settings.database.url:
        raise XueliangError(
            Kind.NOT_FOUND,
            "there is no data folder yet",
            where=str(folder.path),
            fix="Start the service once, or name another folder with --data",
        )
    async with opened(settings, may_migrate=may_migrate) as storage:
        return await OPERATIONS[name](storage, parameters)


def offered(storage: Storage, poke: Callable[[], None] = lambda: None) -> dict[str, control.Handler]:
    """The operations as handlers of the control socket; after each, ``poke`` looks whether logins still hold."""

    def bind(operation: Operation) -> control.Handler:
        async def handler(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
            try:
                return await operation(storage, parameters)
            finally:
                poke()

        return handler

    return {name: bind(operation) for name, operation in OPERATIONS.items()}


async def status(storage: Storage, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """``camera`` (id, GB/T id or name) or a page ``after`` an id; states as stored, expired by now."""
    scope = Scope.system("status")
    rules = state_settings(storage.settings)
    camera = parameters.get("camera")
    if camera:
        return {"cameras": [(await camera_status(scope, storage.db, str(camera), rules)).as_dict()]}
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = await list_status(scope, storage.db, rules, after=after, limit=MAX_PAGE)
        found += [one.as_dict() for one in page]
        if len(page) < MAX_PAGE:
            break
        after = page[-1].camera_id
    async with storage.db.read() as connection:
        counts = await count_states(scope, connection)
    return {"counts": {state.value: number for state, number in counts.items()}, "cameras": found}


async def audit_verify(storage: Storage, parameters: Mapping[str, Any]) -> dict[str, Any]:
    given = parameters.get("anchor")
    anchor = parse_anchor(str(given)) if given else None
    async with storage.db.read() as connection:
        report = await audit_store.verify(
            Scope.system("audit"), connection, anchor, trusted_key=parameters.get("trusted_key")
        )
    faults = [{"kind": f.kind.value, "first": f.seq, "last": f.last, "text": f.text} for f in report.faults]
    return {"sound": report.sound, "rows": report.count, "faults": faults, "blind": report.blind}


async def audit_anchor(storage: Storage, _: Mapping[str, Any]) -> dict[str, Any]:
    async with storage.db.read() as connection:
        anchor = await audit_store.anchor(Scope.system("audit"), connection)
    return {"anchor": anchor_text(anchor)}


async def backup_begin(storage: Storage, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """On record before anything is copied; the copying is the command's own work, not the service's."""
    backup_id, target = str(parameters.get("id", ""))[:36], str(parameters.get("target", ""))
    async with storage.db.write() as connection:
        await backup_store.announce(Scope.system("backup"), connection, backup_id, target)
    return {"at": storage.clock.now().isoformat()}


async def key_rotate(storage: Storage, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """``master`` wraps the others anew; a data key's purpose gives it a new current key. The stored passwords move to
    a new vault key at once."""
    scope = Scope.system("key")
    place = key_place(storage.folder)
    which = str(parameters.get("which", "master"))
    if which == "master":
        place.require_ours()
        await rotate_master(scope, storage.db, place.path)
        return {"rotated": which}
    if which not in {purpose.value for purpose in Purpose}:
        raise XueliangError(
            Kind.INVALID, f"no key is called {which[:40]!r}", fix="master, vault, audit, ticket, anchor"
        )
    master = place.read()[0]
    if which == Purpose.VAULT.value:
        return {"rotated": which, "sealed_anew": await rotate_vault(scope, storage.db, master)}
    async with storage.db.write() as connection:
        fresh = await rotate_data_key(scope, connection, storage.keys, master, Purpose(which))
    storage.keys.replace(fresh.all())
    return {"rotated": which}


OPERATIONS: dict[str, Operation] = {
    "status": status,
    "import": import_inventory,
    "audit verify": audit_verify,
    "audit anchor": audit_anchor,
    "backup begin": backup_begin,
    "key rotate": key_rotate,
    **managing.OPERATIONS,
}
