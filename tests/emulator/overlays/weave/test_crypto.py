"""Keys and nonces as NaCl and Weave define them. The numbers are those of "Cryptography in NaCl" (Bernstein, 2009)."""

from __future__ import annotations

import hashlib

import pytest

from emulator.overlays.weave.crypto import (
    TAG_BYTES,
    DecryptionError,
    TcpCipher,
    make_key_pair,
    nonce,
    seal,
    session_key,
    unseal,
)

ALICE_PRIVATE = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
ALICE_PUBLIC = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
BOB_PRIVATE = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
BOB_PUBLIC = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
SHARED = bytes.fromhex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389")
NONCE = bytes.fromhex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37")
MESSAGE = bytes.fromhex(
    "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c6129"
    "6cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde"
    "048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705"
)
SEALED = bytes.fromhex(
    "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186a"
    "c0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae"
    "90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74"
    "e355a5"
)
WORD = "correct horse"


def test_a_message_is_sealed_as_nacl_seals_it() -> None:
    assert seal(SHARED, NONCE, MESSAGE) == SEALED
    assert unseal(SHARED, NONCE, SEALED) == MESSAGE
    assert len(SEALED) == len(MESSAGE) + TAG_BYTES


def test_the_session_key_is_the_hash_of_the_shared_key_and_the_password() -> None:
    expected = hashlib.sha256(SHARED + WORD.encode()).digest()
    assert session_key(BOB_PUBLIC, ALICE_PRIVATE, WORD) == expected
    assert session_key(ALICE_PUBLIC, BOB_PRIVATE, WORD) == expected
    assert session_key(ALICE_PUBLIC, BOB_PRIVATE, "another") != expected


@pytest.mark.parametrize("at", [0, TAG_BYTES, len(SEALED) - 1])
def test_a_changed_bit_is_noticed(at: int) -> None:
    forged = bytearray(SEALED)
    forged[at] ^= 1
    with pytest.raises(DecryptionError):
        unseal(SHARED, NONCE, bytes(forged))
    with pytest.raises(DecryptionError):
        unseal(SHARED, NONCE, b"short")


def test_nonces_tell_directions_and_channels_apart() -> None:
    assert nonce(5, is_outbound=True, is_tcp=True).hex() == "c0" + "00" * 22 + "05"
    assert nonce(5, is_outbound=False, is_tcp=True).hex() == "40" + "00" * 22 + "05"
    assert nonce(5, is_outbound=True, is_tcp=False).hex() == "80" + "00" * 22 + "05"
    assert nonce(1 << 63, is_outbound=False, is_tcp=False).hex() == "00" * 16 + "80" + "00" * 7


def test_the_two_ends_of_a_connection_read_each_other_in_order() -> None:
    near, far = TcpCipher(SHARED, is_outbound=True), TcpCipher(SHARED, is_outbound=False)
    first, second = near.seal(b"first"), near.seal(b"second")
    assert far.unseal(first) == b"first"
    assert far.unseal(second) == b"second"
    assert near.unseal(far.seal(b"answer")) == b"answer"
    with pytest.raises(DecryptionError):
        far.unseal(first)  # a repetition


def test_key_pairs_differ() -> None:
    first, second = make_key_pair(), make_key_pair()
    assert first.private != second.private
    assert session_key(first.public, second.private, WORD) == session_key(second.public, first.private, WORD)
