"""Wiring: logging in and out, and who is behind a request: passwords, limits, sessions and tokens together."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from pydantic import SecretStr

from center.api.problems import Problem
from center.api.security import Credential
from config.scope import Scope
from config.settings import Settings
from registry import account_store, audit_store, session_store, token_store
from registry.account import Account, check_password, fold
from registry.audit_chain import AuditRow
from registry.audit_store import append
from registry.database import Connection, Database
from registry.login_limits import LimitRules, LoginLimits
from registry.login_passwords import Passwords
from registry.login_store import Known, by_ids, by_secret, still
from registry.principal import PrincipalKind
from registry.session import Session, SessionRules, new_secret

#: Who acts while nobody is known yet.
ASKING = Scope.system("login")
#: Uses are written down once in so long, and not for every request.
SEEN_EVERY = timedelta(minutes=1)
#: Failures looked back at after a start: twenty times what locks an address.
RECALLED = 1000


@dataclass(frozen=True, slots=True)
class Opened:
    """``secret`` goes into the cookie and nowhere else."""

    session: Session
    secret: str
    account: Account


class Logins:
    def __init__(self, db: Database, passwords: Passwords, rules: SessionRules, limits: LoginLimits) -> None:
        self.db = db
        self.passwords = passwords
        self.rules = rules
        self.limits = limits

    @classmethod
    def of(cls, db: Database, settings: Settings, passwords: Passwords | None = None) -> Logins:
        own = settings.logins
        rules = SessionRules(timedelta(minutes=own.idle_minutes), timedelta(hours=own.session_hours))
        limits = LimitRules(own.failures, own.failures * 5, own.failures * 10, own.lock_minutes * 60)
        return cls(db, passwords or Passwords(), rules, LoginLimits(limits))

    async def recall(self) -> None:
        """After a start: failures of the last minutes count as before it, read from the audit log. Whoever can make
        the service restart (by a crash, or by waiting for an update) gains no tries."""
        now, at = self.db.clock.now(), self.db.clock.monotonic()
        since = now - timedelta(seconds=self.limits.rules.lock_seconds)
        async with self.db.read() as connection:
            acts: list[AuditRow] = []
            for act in ("session.refused", "session.open"):
                acts += await audit_store.page(ASKING, connection, act=act, since=since, limit=RECALLED)
            names = await account_store.logins_of(ASKING, connection, {row.object_id for row in acts})
        for row in sorted(acts, key=lambda one: one.seq):
            address = str(json.loads(row.details).get("address", ""))
            name, moment = names.get(row.object_id, ""), at - max(0.0, (now - row.at).total_seconds())
            self.limits.failed(name, address, moment)
            if row.act == "session.open":
                self.limits.succeeded(name, address)

    async def log_in(self, name: str, password: SecretStr, address: str, agent: str) -> Opened:
        """A new session. Raises ``login_failed`` (alike for names that do not exist) and ``login_locked``."""
        account = await self.verify(fold(name)[:200], password, address)
        secret = new_secret()
        async with self.db.write() as connection:
            scope = Scope.system(account.name)
            # Disabled while its password was being verified: no session.
            account = await account_store.get_account(ASKING, connection, account.id)
            if account.disabled:
                raise Problem("login_failed", facts=self._facts(fold(name), address))
            session, _ = await session_store.open_session(
                scope, connection, account.id, secret, address=address, agent=agent, rules=self.rules
            )
        return Opened(session, secret, account)

    async def verify(self, login: str, password: SecretStr, address: str) -> Account:
        """The account whose name and password these are. A failure is counted before it is one, so that many tries
        at once are many failures."""
        now = self.db.clock.monotonic()
        standing = self.limits.standing(login, address, now)
        if standing.wait:
            raise Problem("login_locked", facts={"retry_after": standing.wait})
        self.limits.failed(login, address, now)
        async with self.db.read() as connection:
            stored = await account_store.password_of(ASKING, connection, name=login)
        right = await self.passwords.verify(None if stored is None else stored.password_hash, password)
        if stored is None or not right or stored.account.disabled:
            await self._refused(stored.account.id if stored else "", address)
            raise Problem("login_failed", facts=self._facts(login, address))
        self.limits.succeeded(login, address)
        if self.passwords.outdated(stored.password_hash):
            fresh = await self.passwords.hash(password)
            async with self.db.write() as connection:
                await account_store.renew_hash(ASKING, connection, stored.account.id, stored.password_hash, fresh)
        return stored.account

    async def change_password(self, known: Known, current: SecretStr, new: SecretStr, address: str) -> None:
        """One's own, by the one before; every other session of the account ends. Raises ``INVALID``."""
        name = known.principal.name
        account = await self.verify(fold(name), current, address)
        check_password(name, new.get_secret_value())
        if new.get_secret_value() == current.get_secret_value():
            raise Problem("invalid", what="the new password is the one before", where="new")
        hashed = await self.passwords.hash(new)
        keep = known.session.id if known.session else None
        async with self.db.write() as connection:
            scope = Scope.system(name)
            await account_store.set_password(
                scope, connection, account.id, hashed, must_change=False, keep_session=keep
            )

    async def identify(self, credential: Credential) -> Known:
        """Who holds this secret now. Raises ``session_expired`` or ``token_invalid``."""
        now = self.db.clock.now()
        async with self.db.read() as connection:
            known = await by_secret(ASKING, connection, credential.kind, credential.secret, self.rules, now)
        if known is None:
            raise Problem("token_invalid" if credential.kind is PrincipalKind.TOKEN else "session_expired")
        if known.last_seen is None or now - known.last_seen >= SEEN_EVERY:
            if known.session is not None:
                await session_store.seen(ASKING, self.db, known.session.id, now)
            else:
                await token_store.token_seen(ASKING, self.db, known.principal.id, now)
        return known

    async def still(self, known: Known) -> Known | None:
        """The same login as it stands now, for what stays open; looking does not make it look used."""
        async with self.db.read() as connection:
            return await still(ASKING, connection, known, self.rules, self.db.clock.now())

    async def holder(self, connection: Connection, principal_id: str, session_id: str | None) -> Known | None:
        """Who holds what was opened under this login; ``None`` when it was ended, withdrawn or disabled."""
        now = self.db.clock.now()
        return await by_ids(ASKING, connection, principal_id, session_id, self.rules, now)

    def _facts(self, login: str, address: str) -> dict[str, int]:
        standing = self.limits.standing(login, address, self.db.clock.monotonic())
        return {"remaining": standing.remaining, "minutes": round(self.limits.rules.lock_seconds / 60)}

    async def _refused(self, account_id: str, address: str) -> None:
        """On record. A name that is nobody's is not written: it is often a password typed into the wrong field."""
        async with self.db.write() as connection:
            details = {"address": address[:64], "known": bool(account_id)}
            await append(ASKING, connection, "session.refused", "principal", account_id or "-", details=details)
