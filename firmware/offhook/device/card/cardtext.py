"""The text of a file that was edited on any PC: how its bytes are text, so that it can be written back the same way."""

import codecs
from dataclasses import dataclass

from offhook.config.faults import ConfigError, Fault
from offhook.config.nodes import MAX_BYTES
from offhook.config.syntax import text_of

# Notepad's choices beside plain UTF-8; all of them begin with a byte order mark.
_MARKED = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class CardText:
    """A text and how it was written: ``mark`` is its byte order mark. Line ends are as found."""

    text: str
    mark: bytes = b""
    codec: str = "utf-8"

    @classmethod
    def of(cls, data: bytes, file: str) -> "CardText":
        """Read UTF-8, with or without a byte order mark, or UTF-16 with one. Raises :class:`ConfigError`."""
        if len(data) > MAX_BYTES:
            message = f"is {len(data)} bytes long; {MAX_BYTES} are the most: is it the right file?"
            raise ConfigError([Fault(file, 1, 1, "", message)])
        mark, codec = next((each for each in _MARKED if data.startswith(each[0])), (b"", "utf-8"))
        if codec != "utf-8":
            try:
                return cls(data[len(mark) :].decode(codec), mark, codec)
            except UnicodeDecodeError:
                message = "this is not whole UTF-16 text: save the file as UTF-8"
                raise ConfigError([Fault(file, 1, 1, "", message)]) from None
        text, faults = text_of(data[len(mark) :], file)
        if faults:
            raise ConfigError(faults)
        bare = data[len(mark) :]
        return cls(text, mark + bare[: len(bare) - len(text.encode())], codec)

    def encode(self, text: str) -> bytes:
        """Return another text as bytes, written as this one was."""
        return self.mark + text.encode(self.codec)

    def size(self, text: str) -> int:
        """Return how many bytes a part of the text takes."""
        return len(text.encode(self.codec))

    @property
    def newline(self) -> str:
        """Return the line end that the text uses."""
        return "\r\n" if "\r\n" in self.text else "\n"
