"""Edge: where the master key is: a credential that the service manager hands over, else a file in the data folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from center.data_folder import DataFolder
from config.errors import Kind, XueliangError
from registry.keys import MasterKey
from registry.master_key_file import read_master_keys

log = logging.getLogger(__name__)

NAME = "master.key"


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """``handed``: in ``$CREDENTIALS_DIRECTORY``, which its folder guards and which nobody writes into."""

    path: Path
    handed: bool

    def read(self) -> tuple[MasterKey, ...]:
        """Raises as :func:`registry.master_key_file.read_master_keys`."""
        return read_master_keys(self.path, private=not self.handed)

    def require_ours(self) -> None:
        """Raises ``CONFLICT`` for a key that is not ours to write."""
        if self.handed:
            raise XueliangError(
                Kind.CONFLICT,
                "the master key is handed over as a credential; it is not ours to replace",
                where=str(self.path),
                fix="Stop the service, put the key into the data folder as keys/master.key, rotate it there, and put "
                "the new one in the credential's place",
            )


def key_place(folder: DataFolder, environment: Mapping[str, str] | None = None) -> KeyPlace:
    """``LoadCredential=master.key:FILE`` keeps the key apart from the data; without it they lie in one folder."""
    environment = os.environ if environment is None else environment
    own = folder.keys / NAME
    handed = environment.get("CREDENTIALS_DIRECTORY", "")
    if not handed or not (Path(handed) / NAME).is_file():
        return KeyPlace(own, False)
    if own.exists():
        log.warning("x the master key is a credential, and a key file still lies with the data: remove %s", own)
    return KeyPlace(Path(handed) / NAME, True)
