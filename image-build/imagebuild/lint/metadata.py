"""The metadata of a layer: ``# METABEGIN`` to ``# METAEND``, in the form of deb822(5)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from imagebuild.lint.fault import Fault

_FIELD = re.compile(r"(X-Env-[A-Za-z0-9_-]+):(?: (.*))?")
_LAYER_FIELDS = frozenset(
    {
        *("Name", "Desc", "Version", "Category", "Requires", "Provides", "RequiresProvider", "AfterProvider"),
        *("Conflicts", "Type", "Generator", "Sets"),
    }
)
_REQUIRED = ("Name", "Desc", "Version", "Category")
_OTHER_FIELDS = frozenset(
    {"X-Env-VarPrefix", "X-Env-VarRequires", "X-Env-VarRequires-Valid", "X-Env-VarOptional", "X-Env-VarOptional-Valid"}
)
_ATTRIBUTES = frozenset({"Desc", "Required", "Valid", "Set", "Anchor", "Conflicts", "Triggers"})
_POLICIES = frozenset({"immediate", "lazy", "force", "skip", "y", "n"})
_VERSION = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")
_SIZE = re.compile(r"[0-9]+[kKMGs]?|[1-9][0-9]*%")
_PLAIN_RULES = ("string", "string-or-empty", "string-or-unset", "bool", "int", "file", "file-nzero", "dir", "capacity")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable that a layer declares, with its attributes and the line it stands on."""

    default: str
    line: int
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Metadata:
    """Fields by their whole names, each with its line."""

    fields: dict[str, tuple[str, int]]

    def text(self, field: str) -> str:
        """The value of a layer's field, as ``Name``; empty where it is not set."""
        return self.fields.get(f"X-Env-Layer-{field}", ("", 0))[0]

    def names(self, field: str) -> tuple[str, ...]:
        """The names in a layer's field, as ``Requires``."""
        return tuple(name for part in self.text(field).split(",") if (name := part.strip()))

    def line(self, field: str) -> int:
        """Where a layer's field stands."""
        return self.fields.get(f"X-Env-Layer-{field}", ("", 0))[1]

    @property
    def prefix(self) -> str:
        """The section of a config that the layer's variables are set in."""
        return self.fields.get("X-Env-VarPrefix", ("", 0))[0]

    def variables(self) -> dict[str, Variable]:
        """The variables by name; attributes without their variable are left out."""
        found: dict[str, Variable] = {}
        for field, (value, line) in self.fields.items():
            name, _, attribute = field.removeprefix("X-Env-Var-").partition("-")
            if field.startswith("X-Env-Var-") and not attribute:
                found[name] = Variable(value, line, {})
        for field, (value, _) in self.fields.items():
            name, _, attribute = field.removeprefix("X-Env-Var-").partition("-")
            if field.startswith("X-Env-Var-") and attribute and name in found:
                found[name].attributes[attribute] = value
        return found


def read_metadata(file: str, text: str) -> tuple[Metadata, list[Fault]]:
    """Return the metadata of a layer file, and what is wrong with its form."""
    fields: dict[str, tuple[str, int]] = {}
    faults: list[Fault] = []
    inside, last, ended = False, "", False
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() in ("# METABEGIN", "# METAEND"):
            ended = inside and line.strip() == "# METAEND"
            inside = line.strip() == "# METABEGIN"
            continue
        if not inside or line.strip() == "#":
            continue
        content = line.removeprefix("# ")
        if content == line:
            faults.append(Fault(file, number, "the metadata is not ended: write # METAEND before the layer's body"))
            break
        if content.startswith(" ") and last:
            value, begun = fields[last]
            fields[last] = (f"{value} {content.strip()}".strip(), begun)
        elif match := _FIELD.fullmatch(content):
            last = match[1]
            if last in fields:
                faults.append(Fault(file, number, f"{last} stands there twice"))
            fields[last] = ((match[2] or "").strip(), number)
        else:
            faults.append(Fault(file, number, "is neither a field nor its next line, with one more space"))
    if not fields:
        faults.append(Fault(file, 0, "has no metadata: write it between # METABEGIN and # METAEND"))
    elif not ended and not faults:
        faults.append(Fault(file, 0, "the metadata is not ended: write # METAEND"))
    return Metadata(fields), faults


def metadata_faults(file: str, metadata: Metadata) -> Iterator[Fault]:
    """Fields that are unknown, missing or wrong, as ``rpi-image-gen metadata --lint`` would say."""
    variables = metadata.variables()
    for field, (_, line) in metadata.fields.items():
        if field.startswith("X-Env-Layer-"):
            if field.removeprefix("X-Env-Layer-") not in _LAYER_FIELDS:
                yield Fault(file, line, f"{field} is no field of a layer")
        elif field.startswith("X-Env-Var-"):
            name, _, attribute = field.removeprefix("X-Env-Var-").partition("-")
            if attribute and attribute not in _ATTRIBUTES:
                yield Fault(file, line, f"{field}: a variable has no {attribute}")
            elif name not in variables:
                yield Fault(file, line, f"{field} is of no variable: X-Env-Var-{name} is missing")
        elif field not in _OTHER_FIELDS:
            yield Fault(file, line, f"{field} is no field of a layer")
    for needed in _REQUIRED:
        if not metadata.text(needed):
            yield Fault(file, 0, f"X-Env-Layer-{needed} is missing")
    if metadata.text("Version") and not _VERSION.fullmatch(metadata.text("Version")):
        yield Fault(file, metadata.line("Version"), "the version is not of the form 1.2.3")
    if variables and not metadata.prefix:
        yield Fault(file, 0, "declares variables and no X-Env-VarPrefix")
    for name, variable in variables.items():
        yield from _variable_faults(file, name, variable)


def _variable_faults(file: str, name: str, variable: Variable) -> Iterator[Fault]:
    for attribute in ("Desc", "Required", "Valid", "Set"):
        if attribute not in variable.attributes:
            yield Fault(file, variable.line, f"variable {name} has no {attribute}")
    policy = variable.attributes.get("Set", "y")
    if policy not in _POLICIES:
        yield Fault(file, variable.line, f"variable {name}: Set is one of {', '.join(sorted(_POLICIES))}, not {policy}")
    if variable.attributes.get("Required", "n") not in ("y", "n"):
        yield Fault(file, variable.line, f"variable {name}: Required is y or n")
    rule = variable.attributes.get("Valid", "string-or-empty")
    wrong = rule_fault(rule, variable.default if policy not in ("n", "skip") else None)
    if wrong:
        yield Fault(file, variable.line, f"variable {name}: {wrong}")


def rule_fault(rule: str, default: str | None) -> str | None:
    """What is wrong with a rule for values, or with the default (``None``: none) that it holds for."""
    kind, _, rest = rule.partition(":")
    if kind == "regex" and rest:
        try:
            pattern = re.compile(rest)
        except re.error as error:
            return f"{rule} is no regular expression ({error})"
        fits = default is None or pattern.fullmatch(default) is not None
    elif rule == "size":
        fits = default is None or _SIZE.fullmatch(default) is not None
    elif kind == "int" and rest:
        if not re.fullmatch(r"[0-9]+-[0-9]+", rest):
            return f"{rule} is no range: write int:1-100"
        low, high = (int(part) for part in rest.split("-"))
        fits = default is None or (default.isdecimal() and low <= int(default) <= high)
    elif (kind in ("keywords", "list") and rest) or "," in rule:
        words = (rest or rule).split(",")
        fits = default is None or default in (word.strip() for word in words)
    elif rule in _PLAIN_RULES:
        fits = default is None or bool(default) or rule != "string"
    else:
        return f"{rule} is no rule for values"
    return None if fits else f"its default {default!r} does not fit {rule}"
