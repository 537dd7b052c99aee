"""What can go wrong while packages and images are built."""

from offhook.errors import OffhookError


class BuildError(OffhookError):
    """A package or image cannot be built; ``str(error)`` is one line for a person, ending in what to do."""
