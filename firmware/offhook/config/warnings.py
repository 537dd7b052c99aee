"""What a config may say and hardly means: it is used as it stands, and told."""

from collections.abc import Iterator
from dataclasses import dataclass

from offhook.config.schema import Config


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """One line for whoever wrote the file; ``path`` as in a fault, ``accounts[0].srtp``."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def warnings_of(config: Config) -> Iterator[ConfigWarning]:
    """Yield what is worth a second look."""
    for index, account in enumerate(config.accounts):
        if account.srtp == "required" and account.transport != "tls":
            message = "keys travel in clear, and whoever reads SIP on the way can listen: set transport: tls beside it"
            yield ConfigWarning(f"accounts[{index}].srtp", message)
