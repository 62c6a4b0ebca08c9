"""Pure: the vault. A secret is sealed with its own id, kind and version, so that it opens in no other place."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from config.errors import Kind, XueliangError
from registry.keys import KeyRing, Purpose
from registry.sealing import Sealed, seal, unseal


@dataclass(frozen=True, slots=True)
class SecretRecord:
    """``version`` grows with every new value; together with ``id`` it is the fingerprint of the secret."""

    id: str
    kind: str
    version: int
    sealed: Sealed

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.id, self.version)


def fingerprint_of(secret_id: str, version: int) -> str:
    return f"{secret_id}:{version}"


class Vault:
    """Seals with the current vault key, opens with any that the ring holds."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def seal(self, secret_id: str, kind: str, version: int, plain: SecretStr) -> SecretRecord:
        key = self._keys.current(Purpose.VAULT)
        words = (secret_id, kind, str(version))
        return SecretRecord(
            secret_id, kind, version, seal(key.secret, key.id, words, plain.get_secret_value().encode())
        )

    def open(self, record: SecretRecord) -> SecretStr:
        """Raises ``INTERNAL`` if the record was changed or moved, or its key is gone."""
        key = self._keys.find(Purpose.VAULT, record.sealed.key_id)
        if key is None:
            raise XueliangError(
                Kind.INTERNAL,
                "a stored secret was sealed by a key that is not there",
                where=record.id,
                fix="Enter the password again",
            )
        words = (record.id, record.kind, str(record.version))
        return SecretStr(unseal(key.secret, words, record.sealed).decode())
