"""``offhook check`` and ``offhook schema``."""

import argparse
import json
from pathlib import Path

import pytest

from offhook import cli_check, cli_schema
from offhook.config.reference import reference


def check(file: Path, *, board: bool = False, boot: bool = False) -> int:
    return cli_check.main(argparse.Namespace(file=str(file), board=board, boot=boot))


def test_check_of_a_good_file_exits_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("country: NO\n")
    assert check(file) == 0
    assert capsys.readouterr().out == f"{file}: no faults\n"


def test_check_of_a_bad_file_exits_78_with_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.yaml"
    file.write_text('country: NO\naccounts: [{name: a, uri: "sip:a@b", transport: tsl}]\ndialplan: "(xq)"\n')
    assert check(file) == 78
    first, second = capsys.readouterr().out.splitlines()
    assert first == (
        f'{file}:2:49: accounts[0].transport: "tsl" is not one of auto, udp, tcp, tls (did you mean "tls"?)'
    )
    assert second.startswith(f"{file}:3:14: dialplan: ")


def test_check_of_a_board_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "b.yaml"
    file.write_text("kind: gpoi\n")
    assert check(file, board=True) == 78
    assert capsys.readouterr().out == (
        f'{file}:1:7: kind: "gpoi" is not one of simulated, gpio (did you mean "gpio"?)\n'
    )


def test_a_board_file_that_is_checked_as_a_config_is_recognised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "b.yaml"
    file.write_text("kind: gpio\n")
    assert check(file) == 78
    assert f"offhook check --board {file}" in capsys.readouterr().err


def test_the_file_of_a_boot_partition_is_checked_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "b.yaml"
    file.write_text("country: NO\nboard: usb-handset-4x3\nnetwork: {wifi: {ssid: a, psk: abcdefgh}}\n")
    assert check(file) == 78
    assert f"offhook check --boot {file}" in capsys.readouterr().err
    assert check(file, boot=True) == 0
    file.write_text("country: NO\nnetwork: {wifi: {ssid: a, psk: <stored>}}\nprovisioning: {url: <stored>}\n")
    assert check(file, boot=True) == 0  # what a phone keeps is not known here


def test_check_of_no_file_says_so_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path / "none.yaml") == 66
    assert "cannot be read (No such file or directory)" in capsys.readouterr().err


def test_schema_prints_json_or_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli_schema.main(argparse.Namespace(board=False, markdown=False)) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "offhook config file"
    assert cli_schema.main(argparse.Namespace(board=True, markdown=False)) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "offhook board file"
    assert cli_schema.main(argparse.Namespace(board=False, markdown=True)) == 0
    assert capsys.readouterr().out == reference()
