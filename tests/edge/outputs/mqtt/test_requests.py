"""A station takes well-formed requests alone, whatever the network sends."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.core.errors import RequestError
from edge.outputs.mqtt.requests import (
    LARGEST_BYTES,
    REQUESTS,
    EncoderRequest,
    Remembered,
    TriggerRequest,
    may_answer_on,
    may_be_echoed,
    parse,
)
from edge.outputs.requests import CommandRequest, Request

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
KNOWN_KEYS = st.sampled_from(["part", "count", "id", "command", "bundle", "sha256", "recipe", "direction"])
NEARLY = st.dictionaries(
    KNOWN_KEYS, ANYTHING | st.sampled_from(["reset", "activate", "recipe", "a-1", "0" * 64, ".."])
)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


@given(
    st.sampled_from(list(REQUESTS)),
    st.binary(max_size=200) | ANYTHING.map(as_json) | NEARLY.map(as_json),
)
@example("command", b"[" * 4000)
@example("command", b'{"id": "a", "command": "reset", "id": 1}')
@example("command", b'{"id": "a", "command": "activate", "bundle": "../a", "sha256": "%s"}' % (b"0" * 64))
@example("trigger", b'{"part": "\\u0000"}')
@example("trigger", b'{"part": "../../etc/passwd"}')
@example("trigger", b'{"part": "a\\n"}')
@example("encoder", b'{"count": 1e400}')
@example("encoder", b'{"count": NaN}')
@example("encoder", b'{"count": ' + b"9" * 4000 + b"}")
@example("bin", b"")
def test_any_bytes_are_a_request_or_refused_in_one_line(kind: str, payload: bytes) -> None:
    result: Request | str
    try:
        result = parse(REQUESTS[kind], payload)
    except RequestError as error:
        result = str(error)
    if isinstance(result, str):
        assert "\n" not in result
        assert len(result) < 300
        return
    for name in ("part", "id", "bundle", "sha256", "recipe"):
        text = getattr(result, name, None) or ""
        assert text.isascii()
        assert "/" not in text
        assert not text.startswith(".") or name in ("part", "id"), "these name no files"
        assert len(text) <= 128


def test_requests_are_read() -> None:
    trigger = parse(TriggerRequest, b'{"part": "A-17", "count": 4211, "later": true}')
    assert (trigger.part, trigger.count) == ("A-17", 4211)
    command = parse(CommandRequest, b'{"id": "1", "command": "reset"}')
    assert (command.id, command.command, command.bundle) == ("1", "reset", None)


@pytest.mark.parametrize(
    ("model", "payload", "said"),
    [
        (TriggerRequest, b"{}", "part: Field required"),
        (TriggerRequest, b"part", "not valid JSON"),
        (TriggerRequest, b'{"part": 17}', "part: Input should be a valid string"),
        (TriggerRequest, b" " * (LARGEST_BYTES + 1), "4097 bytes; at most 4096"),
        (EncoderRequest, b'{"count": "12"}', "count: Input should be a valid integer"),
        (CommandRequest, b'{"id": "1", "command": "activate"}', "activate needs bundle and sha256"),
        (CommandRequest, b'{"id": "1", "command": "recipe"}', "recipe needs recipe, its name"),
        (CommandRequest, b'{"id": "1", "command": "format"}', "command: Input should be 'reset'"),
        (
            CommandRequest,
            b'{"id": "1", "command": "activate", "bundle": "/etc/x.tflite"}',
            "bundle: expected a file name",
        ),
    ],
)
def test_what_is_wrong_is_said_by_its_key(model: Any, payload: bytes, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        parse(model, payload)


def test_what_came_is_not_repeated() -> None:
    with pytest.raises(RequestError) as error:
        parse(CommandRequest, b'{"id": "1", "command": "secret-thing"}')
    assert "secret-thing" not in str(error.value)


def test_an_id_is_new_once_and_only_so_many_are_remembered() -> None:
    ids = Remembered(size=3)
    assert [ids.is_new(name) for name in "abca"] == [True, True, True, False]
    assert [ids.is_new(name) for name in "da"] == [True, True]


@pytest.mark.parametrize(
    ("topic", "is_right"),
    [
        ("plc/answers", True),
        ("inspection/line-1/response/plc", True),
        ("inspection/line-1/reject", False),
        ("inspection/line-1/pass", False),
        ("inspection/line-2/command", False),
        ("inspection/line-2/response/plc", False),
        ("inspection/line-1/response/#", False),
        ("plc/+", False),
        ("$SYS/broker", False),
        ("", False),
        ("a" * 257, False),
        ("zigbee2mqtt/plug/set", False),
        ("plc/answers/more", False),
        ("hmi/7/answers", True),
        ("hmi/7/set", False),
    ],
)
def test_nobody_can_have_an_answer_sent_where_the_settings_let_none_go(topic: str, is_right: bool) -> None:
    """Neither to a gate or a station, nor to whatever else listens to the broker."""
    allowed = ["inspection/line-1/response/#", "plc/answers", "hmi/+/answers"]
    assert may_answer_on(topic, allowed) == is_right


@pytest.mark.parametrize(("length", "is_right"), [(0, True), (256, True), (257, False), (65535, False)])
def test_no_more_correlation_data_is_sent_back_than_any_broker_takes(length: int, is_right: bool) -> None:
    assert may_be_echoed(b"x" * length) == is_right
