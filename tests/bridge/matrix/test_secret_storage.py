"""Secret storage, by the letter of the specification."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.matrix.secret_storage import RecoveryKey, WrongRecoveryKey, decrypt, description, encrypt, fits

keys = st.binary(min_size=32, max_size=32).map(RecoveryKey)
ivs = st.binary(min_size=16, max_size=16)


@given(keys)
def test_a_recovery_key_is_read_as_it_was_written(key: RecoveryKey) -> None:
    words = key.words()
    assert words.startswith("Es")
    assert RecoveryKey.read(words) == key
    assert RecoveryKey.read(words.replace(" ", "  ")) == key


@given(keys, ivs, st.binary(max_size=100))
def test_a_secret_opens_only_with_its_key_and_name(key: RecoveryKey, iv: bytes, secret: bytes) -> None:
    sealed = encrypt(key, "m.name", secret, iv)
    assert decrypt(key, "m.name", sealed) == secret
    with pytest.raises(WrongRecoveryKey):
        decrypt(key, "m.other", sealed)
    with pytest.raises(WrongRecoveryKey):
        decrypt(RecoveryKey(bytes(31) + bytes([key.secret[31] ^ 1])), "m.name", sealed)


@given(keys, ivs)
def test_a_key_is_recognised_by_its_description(key: RecoveryKey, iv: bytes) -> None:
    described = description(key, iv)
    assert fits(key, described)
    assert fits(key, {**described, "mac": described["mac"] + "="})
    assert not fits(RecoveryKey(bytes([key.secret[0] ^ 1]) + key.secret[1:]), described)
    for broken in ({}, {**described, "iv": "!"}, {**described, "iv": "AA"}, {**described, "algorithm": "x"}):
        assert not fits(key, broken)
