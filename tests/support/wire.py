"""Two ends of a network that exists in memory only: what a :class:`offhook.media.channel.Channel` needs."""

from offhook.media.settings import Address


class Wire:
    """One end; what it sends is kept in :attr:`sent`, what shall arrive is put in with :meth:`deliver`."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Address]] = []
        self.closed = False
        self._inbox: list[tuple[bytes, Address, float]] = []

    def deliver(self, data: bytes, source: Address, arrival: float) -> None:
        """Let a datagram arrive."""
        self._inbox.append((data, source, arrival))

    def send(self, data: bytes, remote: Address) -> None:
        """See Channel."""
        self.sent.append((data, remote))

    def receive(self) -> list[tuple[bytes, Address, float]]:
        """See Channel."""
        packets, self._inbox = self._inbox, []
        return packets

    def close(self) -> None:
        """See Channel."""
        self.closed = True
