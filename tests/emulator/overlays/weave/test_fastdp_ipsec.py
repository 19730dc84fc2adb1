"""Keys of IPsec are derived as RFC 5869 says, and rules are those of Weave."""

from __future__ import annotations

from emulator.overlays.weave.fastdp_ipsec import derive_key, hkdf


def test_the_derivation_is_that_of_rfc_5869() -> None:
    # the RFC's first and third test case
    salt, purpose = bytes(range(13)), bytes(range(0xF0, 0xFA))
    assert hkdf(b"\x0b" * 22, salt, purpose, 42) == bytes.fromhex(
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )
    assert hkdf(b"\x0b" * 22, b"", b"", 42) == bytes.fromhex(
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )


def test_each_direction_and_each_connection_has_a_key_of_its_own() -> None:
    near, far = bytes.fromhex("0a0000000001"), bytes.fromhex("0a0000000002")
    session, nonce = bytes(range(32)), bytes(range(32, 64))
    keys = {derive_key(session, nonce, near), derive_key(session, nonce, far), derive_key(nonce, nonce, near)}
    assert len(keys) == 3
    assert {len(key) for key in keys} == {36}
    # Weave writes a peer's name as a number of 64 bits
    assert derive_key(session, nonce, near) == hkdf(session, nonce, b"\0\0" + near, 36)
