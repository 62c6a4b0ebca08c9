"""The two messages that keep consent fresh, against the library's own reading and writing of them."""

from __future__ import annotations

from aioice import stun as theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming.webrtc import stun

KEY = b"a password of theirs"
TRANSACTION = bytes(range(12))
words = st.text("abcdefgh0123+/", min_size=1, max_size=40)


@given(words, st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
@settings(max_examples=60)
def test_a_question_is_read_as_it_was_meant(username: str, priority: int, tie_breaker: int) -> None:
    data = stun.message(stun.REQUEST, TRANSACTION, stun.asking(username, priority, tie_breaker), KEY)
    read = theirs.parse_message(data)  # the fingerprint too
    assert (read.message_class, read.message_method) == (theirs.Class.REQUEST, theirs.Method.BINDING)
    assert read.transaction_id == TRANSACTION
    assert read.attributes["USERNAME"] == username
    assert read.attributes["PRIORITY"] == priority
    assert read.attributes["ICE-CONTROLLED"] == tie_breaker
    assert read.check_message_integrity(KEY)
    assert not read.check_message_integrity(b"another")


@given(st.ip_addresses(), st.integers(1, 65535), st.binary(min_size=12, max_size=12))
@settings(max_examples=60)
def test_an_answer_says_where_the_question_came_from(address: object, port: int, transaction: bytes) -> None:
    data = stun.message(stun.ANSWER, transaction, stun.place(transaction, str(address), port), KEY)
    read = theirs.parse_message(data)
    assert (read.message_class, read.transaction_id) == (theirs.Class.RESPONSE, transaction)
    assert read.attributes["XOR-MAPPED-ADDRESS"] == (str(address), port)
    assert read.check_message_integrity(KEY)
    assert stun.transaction_of(data, stun.ANSWER) == transaction
    assert stun.transaction_of(data, stun.REQUEST) is None


def _request(username: str, role: str = "ICE-CONTROLLING") -> bytes:
    made = theirs.Message(theirs.Method.BINDING, theirs.Class.REQUEST, TRANSACTION)
    made.attributes["USERNAME"] = username
    made.attributes[role] = 5
    made.attributes["USE-CANDIDATE"] = None
    made.add_message_integrity(KEY)
    return bytes(made)


def test_only_the_right_key_and_name_are_taken() -> None:
    data = _request("us:them")
    assert stun.transaction_of(data, stun.REQUEST) == TRANSACTION
    assert stun.signed(data, KEY, b"us:them")
    assert stun.signed(data, KEY)
    assert not stun.signed(data, b"another", b"us:them")
    assert not stun.signed(data, KEY, b"us:others")
    assert not stun.signed(_request("us:them", "ICE-CONTROLLED"), KEY, b"us:them")


@given(st.integers(20, 200), st.integers(1, 255))
@settings(max_examples=100)
def test_a_changed_byte_is_noticed(at: int, by: int) -> None:
    data = bytearray(_request("us:them"))
    integrity = data.index(b"\x00\x08\x00\x14")
    if at < integrity + 24:
        data[at] ^= by
        assert not stun.signed(bytes(data), KEY, b"us:them")


@given(st.binary(max_size=120))
@settings(max_examples=200)
def test_garbage_is_nothing(data: bytes) -> None:
    for begin in (b"", stun.REQUEST + b"\x00\x10\x21\x12\xa4\x42"):
        assert not stun.signed(begin + data, KEY)
        found = stun.transaction_of(begin + data, stun.REQUEST)
        assert found is None or len(found) == 12
