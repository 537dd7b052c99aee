"""What can be wrong with a packet from outside."""

from offhook.errors import OffhookError


class RtpError(OffhookError):
    """Bytes from the network that are not RTP or RTCP as the RFCs have it: drop them, count them, go on."""
