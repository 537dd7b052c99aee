"""Whatever the bytes, loading gives a model or a ConfigError, and nothing else."""

from collections.abc import Callable
from unittest.mock import patch

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.config.faults import ConfigError, Fault
from offhook.config.load import load, load_board

VALID = """\
country: NO
language: nb
serial: "7"
accounts:
  - {name: desk, uri: "sip:1001@pbx.test", user: "1001", password: hunter2, server: "10.77.0.1:5060", transport: udp,
     register: true, expires: 600, display_name: Desk}
sip: {listen: "[::]:5060", udp_max: 1300, user_agent: x}
rtp: {ports: 20000-20100, ptime: 20, codecs: [PCMA], dtmf_payload_type: 101}
dialplan: "(xx.T|*xx)"
dialling: {first_digit_s: 15, outside_prefix: "9"}
phone: {flash_min_ms: 80, flash_max_ms: 500}
location: {civic: {country: NO, A3: Oslo, HNO: "1"}, geodetic: {latitude: 59.9, longitude: 10.75}, method: Manual}
emergency: {numbers: [0112, {number: "117", service: sos.fire}]}
audio: {capture: mic, playback: ear, period_ms: 20}
power: {low_percent: 20}
provisioning: {url: "https://c.example/p.yaml", interval: 6h, ca_file: /etc/ca.pem}
web: {port: 8080}
log: {level: debug}
"""
WORDS = """: |- |[|]|{|}|"|'|&a |*a|!t |#|---|%|,|~|null|<<|? |accounts|country|NO|0112|true|1e9|“|å|\\|password
location|civic|[[[[[[[[[[[[|emergency|numbers|keys|lamps|hook|pin|>""".replace("\n", "|").split("|")
PIECES = st.sampled_from([*WORDS, "|\n", "\n", "  ", "\t", "\ufeff", "\u00a0", "\x00", "\r\n"])
LINES = VALID.splitlines(keepends=True)


def check(data: bytes | str) -> None:
    for reader in (load, load_board):
        for fault in faults(reader, data):
            assert fault.line >= 1
            assert fault.column >= 1
            assert str(fault).isprintable()
            assert "hunter2" not in str(fault)


def faults(reader: Callable[[bytes | str], object], data: bytes | str) -> tuple[Fault, ...]:
    try:
        reader(data)
    except ConfigError as error:
        return error.faults
    return ()


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    check(data)


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    check(text)


@settings(max_examples=600, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_heap_of_yaml(text: str) -> None:
    check(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_heap_of_yaml_without_libyaml(text: str) -> None:
    with patch.object(yaml, "CBaseLoader", yaml.BaseLoader):
        check(text)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_a_valid_file_that_was_mangled(data: st.DataObject) -> None:
    text = VALID
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 12))
        text = text[:at] + data.draw(st.one_of(PIECES, st.just(""), st.text(max_size=3))) + text[at + cut :]
    for reader in (load, load_board):
        assert all(str(fault).isprintable() for fault in faults(reader, text))


@settings(max_examples=200, deadline=None)
@given(st.permutations(LINES), st.integers(0, len(LINES)))
def test_a_valid_file_whose_lines_were_shuffled_or_lost(lines: list[str], keep: int) -> None:
    check("".join(lines[:keep]))


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(PIECES, inner, max_size=4)),
        max_leaves=20,
    )
)
def test_any_structure_written_as_yaml(value: object) -> None:
    check(yaml.safe_dump(value, allow_unicode=True))


@pytest.mark.parametrize("size", [1_000_000, 5_000_000])
def test_large_files_are_refused(size: int) -> None:
    with pytest.raises(ConfigError, match="bytes long"):
        load(b"a" * size)


def test_the_valid_file_is_valid() -> None:
    assert load(VALID).accounts[0].name == "desk"
