"""What is used as it stands, and told."""

import argparse
from pathlib import Path

import pytest

from offhook import cli_check
from offhook.config.load import load
from offhook.config.warnings import warnings_of

TEXT = """\
country: NO
accounts:
  - {{name: a, uri: "sip:1@pbx.example"}}
  - {{name: b, uri: "sip:2@pbx.example", srtp: {srtp}, transport: {transport}}}
"""


@pytest.mark.parametrize("srtp", ["off", "optional", "required"])
@pytest.mark.parametrize("transport", ["auto", "udp", "tcp", "tls"])
def test_required_srtp_without_tls_is_warned_of_and_nothing_else(srtp: str, transport: str) -> None:
    found = list(warnings_of(load(TEXT.format(srtp=srtp, transport=transport))))
    if srtp == "required" and transport != "tls":
        (warning,) = found
        assert str(warning).startswith("accounts[1].srtp: keys travel in clear")
        assert "transport: tls" in warning.message
    else:
        assert found == []


def test_check_tells_warnings_at_their_line_and_finds_no_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(TEXT.format(srtp="required", transport="tcp"))
    assert cli_check.main(argparse.Namespace(file=str(file), board=False, boot=False)) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{file}:4: accounts[1].srtp: warning: keys travel in clear")
    assert last == f"{file}: no faults"
