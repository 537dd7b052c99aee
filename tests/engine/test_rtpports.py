import socket

import pytest

from offhook.engine.rtpports import RtpPorts
from offhook.errors import NetworkError


def test_rtp_is_even_and_rtcp_is_next_to_it() -> None:
    ports = RtpPorts(20001, 20101)
    pair = ports.take("127.0.0.1")
    assert pair.port % 2 == 0
    assert pair.rtcp.getsockname()[1] == pair.port + 1
    pair.close()


def test_a_taken_port_is_passed_over_and_ports_go_round() -> None:
    ports = RtpPorts(20200, 20205)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 20201))
        pairs = [ports.take("127.0.0.1"), ports.take("127.0.0.1")]
        assert [pair.port for pair in pairs] == [20202, 20204]
        with pytest.raises(NetworkError, match=r"rtp\.ports"):
            ports.take("127.0.0.1")
    for pair in pairs:
        pair.close()
    pair = ports.take("127.0.0.1")
    assert pair.port == 20200
    pair.close()
