"""The base of every section of a config file."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.fields import FieldInfo


class Section(BaseModel):
    """A group of settings: unknown names are faults, ``name:`` with nothing after it means not set.

    ``bare_setting`` names the setting that a text alone stands for: ``line`` for ``{name: line}``.
    """

    bare_setting: ClassVar[str | None] = None

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_unset(cls, data: object) -> object:
        if isinstance(data, dict):
            known = settings_of(cls)
            return {key: value for key, value in data.items() if value is not None or key not in known}
        if cls.bare_setting is not None and (data is None or isinstance(data, str)):
            return {cls.bare_setting: data or ""}
        return data


def settings_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the settings of a section by the names that the file uses."""
    return {info.alias or name: info for name, info in model.model_fields.items()}
