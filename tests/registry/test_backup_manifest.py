"""What a backup says of itself: nothing that was changed is believed, nothing that comes breaks the reader."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import Kind, XueliangError
from config.ids import new_id
from registry.audit_chain import make_anchor
from registry.backup_manifest import (
    EVIDENCE_FOLDERS,
    SQLITE,
    BackedFile,
    Manifest,
    WrappedKey,
    is_small_file,
    opened,
    parse,
    ring_of,
    sign,
    to_bytes,
)
from registry.keys import DataKey, MasterKey, Purpose, wrap

MASTER = MasterKey.make()
KEYS = tuple(DataKey.make(purpose) for purpose in Purpose)
WRAPPED = tuple(WrappedKey(key.id, key.purpose, False, wrap(MASTER, key)) for key in KEYS)
RING = ring_of(WRAPPED, [MASTER])
AT = datetime(2026, 1, 1, tzinfo=UTC)
FILES = (
    BackedFile(SQLITE, 4096, "0" * 64, 1_700_000_000_000_000),
    BackedFile("references/a-camera.bank", 12, "1" * 64, 0),
)
MANIFEST = Manifest(
    new_id(),
    AT,
    "0.1.0",
    "0007",
    new_id(),
    17,
    make_anchor(RING.current(Purpose.ANCHOR), 5, b"m" * 32, AT),
    WRAPPED,
    0,
    FILES,
)
DATA = to_bytes(MANIFEST)


def test_it_is_read_as_it_was_written() -> None:
    assert parse(DATA) == MANIFEST
    ring = opened(MANIFEST, [MASTER], DATA, sign(RING, DATA))
    assert {key.secret for key in ring.all()} == {key.secret for key in KEYS}
    assert MANIFEST.database.path == SQLITE
    assert MANIFEST.size == 4108


def test_each_changed_byte_is_seen() -> None:
    signature = sign(RING, DATA)
    for place in range(0, len(DATA), 97):
        changed = bytes([*DATA[:place], DATA[place] ^ 1, *DATA[place + 1 :]])
        with pytest.raises(XueliangError) as caught:
            opened(parse(changed), [MASTER], changed, signature)
        assert caught.value.kind in (Kind.INVALID, Kind.UNAVAILABLE, Kind.FORBIDDEN)


def test_an_anchor_s_signature_does_not_serve() -> None:
    with pytest.raises(XueliangError, match="signature"):
        opened(MANIFEST, [MASTER], DATA, bytes.fromhex(MANIFEST.anchor.signature))


def test_a_retired_key_of_ours_signed_what_was_made_before() -> None:
    anchor = next(key for key in KEYS if key.purpose is Purpose.ANCHOR)
    newer = DataKey.make(Purpose.ANCHOR)
    keys = tuple(replace(key, retired=key.id == anchor.id) for key in WRAPPED)
    both = replace(MANIFEST, keys=(*keys, WrappedKey(newer.id, newer.purpose, False, wrap(MASTER, newer))))
    data = to_bytes(both)
    assert opened(both, [MASTER], data, sign(RING, data)).current(Purpose.ANCHOR).id == newer.id


@pytest.mark.parametrize("path", [SQLITE, "manifest.json", "keys/master.key", "first-admin-password", "control.sock"])
def test_what_is_no_reference_and_no_picture(path: str) -> None:
    assert not is_small_file(path)


def test_pictures_under_way_are_none() -> None:
    for folder in EVIDENCE_FOLDERS:
        assert is_small_file(f"evidence/{folder}/{new_id()}.jpg")
        assert not is_small_file(f"evidence/{folder}/{new_id()}.0a1b2c3d.new")
    assert not is_small_file(f"references/{new_id()}.bank.new")
    assert not is_small_file("references/../x.bank")
    assert not is_small_file("references/x.bank\n")


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["..", "/x", SQLITE]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["path", "size", "id"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(field=st.sampled_from([*json.loads(DATA)]), value=_JSON, inner=st.booleans())
def test_any_field_may_be_anything(field: str, value: Any, inner: bool) -> None:
    document = json.loads(DATA)
    if inner and isinstance(document[field], list):
        for name in document[field][0]:
            document[field][0][name] = value
    else:
        document[field] = value
    found = read(json.dumps(document).encode())
    if isinstance(found, Kind):
        assert found in (Kind.INVALID, Kind.UNAVAILABLE)
    else:
        assert all(is_small_file(file.path) or file.path == SQLITE for file in found.files)


def read(data: bytes) -> Manifest | Kind:
    try:
        return parse(data)
    except XueliangError as error:
        return error.kind


@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=200) | st.integers(1, 40).map(lambda n: DATA[: n * 50]) | st.just(b"[" * 100_000))
def test_anything_may_come(data: bytes) -> None:
    with pytest.raises(XueliangError):
        parse(data)
