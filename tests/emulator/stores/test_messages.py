"""Messages of etcd's JSON gateway; literals are from etcd's documentation of it."""

from __future__ import annotations

import base64

import pytest

from emulator.stores.messages import (
    KeyValue,
    StoreError,
    encode,
    error_text,
    failure_reason,
    header_revision,
    int_field,
    list_field,
    parse_item,
    prefix_request,
)

ADDRESS = ("10.0.0.5", 2379)


def test_a_key_and_its_value_are_base64() -> None:
    assert (encode("foo"), encode("bar")) == ("Zm9v", "YmFy")
    item = parse_item({"key": "Zm9v", "create_revision": "2", "mod_revision": "3", "value": "YmFy"}, ADDRESS)
    assert item == KeyValue("foo", "bar", 2, 3, 0)


@pytest.mark.parametrize(
    ("prefix", "first", "after"),
    [("foo", b"foo", b"fop"), ("", b"\0", b"\0"), ("a\udcff", b"a\xff", b"b"), ("/a/", b"/a/", b"/a0")],
)
def test_a_prefix_is_a_range(prefix: str, first: bytes, after: bytes) -> None:
    request = prefix_request(prefix)
    assert [base64.b64decode(request[name]) for name in ("key", "range_end")] == [first, after]


@pytest.mark.parametrize("value", [None, [], "text", {"key": "a"}])
def test_another_shape_is_not_an_etcds(value: object) -> None:
    with pytest.raises(StoreError, match=r"^the store at 10\.0\.0\.5:2379: the answer is not that of an etcd$"):
        parse_item(value, ADDRESS)


def test_missing_fields_are_empty() -> None:
    assert list_field({}, "kvs") == []
    assert list_field({"kvs": [{"key": "a"}, 1]}, "kvs") == [{"key": "a"}]
    leases: list[dict[str, object]] = [{}, {"lease": "7"}, {"lease": 7}, {"lease": "x"}]
    assert [int_field(fields, "lease") for fields in leases] == [0, 7, 7, 0]
    assert header_revision({"header": {"revision": "12"}}) == 12
    assert header_revision({}) == 0


@pytest.mark.parametrize(
    ("answer", "text"), [({"message": "m", "error": "e"}, "m"), ({"error": "e"}, "e"), ("e\n", "e\\n"), (7, "")]
)
def test_an_errors_text(answer: object, text: str) -> None:
    assert error_text(answer) == text


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeoutError(), "no answer within 5 s"),
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (ValueError("odd"), "the answer is not that of an etcd: odd"),
        (ValueError(), "the answer is not that of an etcd: ValueError"),
    ],
)
def test_the_reason_of_a_failure(error: Exception, reason: str) -> None:
    assert failure_reason(error, 5.0) == reason
