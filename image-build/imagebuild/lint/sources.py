"""The source directory that rpi-image-gen builds from (``-S``): layers, configs, hooks, genimage's templates."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from imagebuild.lint.builtin import BUILTIN, MMDEBSTRAP_KEYS, PHASES, SETTINGS, Needs
from imagebuild.lint.fault import Fault
from imagebuild.lint.metadata import Metadata, metadata_faults, read_metadata

_HOOK_STEM = re.compile(r"[a-zA-Z0-9-]+")
_SHIPPED = re.compile(r"\$LAYER_DIR/([\w./-]+)")


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer file of ours, read."""

    file: Path
    metadata: Metadata
    body: object

    @property
    def needs(self) -> Needs:
        """What it asks of other layers; traits are left to rpi-image-gen."""
        wants = (*self.metadata.names("RequiresProvider"), *self.metadata.names("AfterProvider"))
        return Needs(
            self.metadata.names("Requires"),
            self.metadata.names("Provides"),
            tuple(name for name in wants if ":" not in name),
        )


def load_yaml(path: Path, name: str) -> tuple[object, list[Fault]]:
    """Return a YAML file's content, or ``None`` and the fault."""
    try:
        return yaml.safe_load(path.read_text()), []
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it is no YAML"
        return None, [Fault(name, mark.line + 1 if mark else 0, f"is no YAML: {problem}")]


def read_layers(source: Path) -> tuple[dict[str, Layer], list[Fault]]:
    """Return our layers by name, and what is wrong inside each file."""
    layers: dict[str, Layer] = {}
    faults: list[Fault] = []
    for folder in ("layer", "device", "image"):
        for file in sorted((source / folder).rglob("*.yaml")):
            if any(part.endswith((".d", ".overlay")) for part in file.relative_to(source).parts):
                continue
            name = str(file.relative_to(source))
            body, wrong = load_yaml(file, name)
            metadata, form = read_metadata(name, file.read_text())
            faults += [*wrong, *form, *metadata_faults(name, metadata), *_body_faults(name, body)]
            title = metadata.text("Name")
            if title and title != file.stem:
                faults.append(Fault(name, metadata.line("Name"), f"is called {title}: name the file {title}.yaml"))
            if title in layers or title in BUILTIN:
                faults.append(Fault(name, metadata.line("Name"), f"there is a layer {title} already"))
            layers[title or name] = Layer(file, metadata, body)
    return layers, faults


def _body_faults(name: str, body: object) -> Iterator[Fault]:
    if body is None:
        return
    if not isinstance(body, Mapping) or not set(body) <= {"mmdebstrap", "env", "name"}:
        yield Fault(name, 0, "the body has something else than name, env and mmdebstrap")
        return
    inner = body.get("mmdebstrap", {})
    for key in inner if isinstance(inner, Mapping) else ():
        if key not in MMDEBSTRAP_KEYS:
            yield Fault(name, 0, f"mmdebstrap has no {key}")
    for key in ("packages", *(key for key in inner if str(key).endswith("-hooks"))):
        values = inner.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            yield Fault(name, 0, f"mmdebstrap.{key} is no list of texts")


def layer_faults(source: Path, layers: Mapping[str, Layer]) -> Iterator[Fault]:
    """Layers that are required and not there, and what the layers ship beside their files."""
    for layer in layers.values():
        name = str(layer.file.relative_to(source))
        for required in layer.needs.requires:
            if required not in layers and required not in BUILTIN:
                line = layer.metadata.line("Requires")
                yield Fault(name, line, f"requires {required}, which is neither ours nor known of rpi-image-gen")
        companion = layer.file.with_suffix(".d")
        if companion.is_dir():
            yield from _companion_faults(source, layer.file.parent, companion)


def _companion_faults(source: Path, folder: Path, companion: Path) -> Iterator[Fault]:
    for entry in sorted(companion.iterdir()):
        name = str(entry.relative_to(source))
        if entry.name.endswith(".overlay"):
            if entry.name.removesuffix(".overlay") not in PHASES:
                yield Fault(name, 0, "is an overlay of no phase")
        elif entry.name != "hooks":
            yield Fault(name, 0, "is neither hooks nor an overlay")
    hooks = companion / "hooks"
    for hook in sorted(hooks.iterdir()) if hooks.is_dir() else ():
        yield from _hook_faults(source, folder, hook)


def _hook_faults(source: Path, folder: Path, hook: Path) -> Iterator[Fault]:
    name = str(hook.relative_to(source))
    if not hook.name.startswith(PHASES) or not _HOOK_STEM.fullmatch(hook.name.partition(".")[0]):
        yield Fault(name, 0, "its name begins with no phase, or has other characters than letters, digits and -")
    if not os.access(hook, os.X_OK):
        yield Fault(name, 0, "is not executable, so it would be left out: chmod +x")
    text = hook.read_text()
    if not text.startswith("#!/"):
        yield Fault(name, 1, "does not say what runs it (#!/bin/bash)")
    yield from _shell_faults(name, hook)
    for number, line in enumerate(text.splitlines(), 1):
        for shipped in _SHIPPED.findall(line):
            if not (folder / shipped).exists():
                yield Fault(name, number, f"$LAYER_DIR/{shipped} is not there")


def _shell_faults(name: str, script: Path) -> Iterator[Fault]:
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    for line in done.stderr.splitlines():
        found = re.search(r"line (\d+): (.*)", line)
        yield Fault(name, int(found[1]) if found else 0, found[2] if found else line)


def closure(layers: Mapping[str, Layer], names: tuple[str, ...]) -> dict[str, Needs]:
    """Return every layer that a build of ``names`` has, those required too."""
    found: dict[str, Needs] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        needs = layers[name].needs if name in layers else BUILTIN.get(name)
        if name not in found and needs is not None:
            found[name] = needs
            waiting += needs.requires
    return found


def config_faults(source: Path, layers: Mapping[str, Layer], config: Path) -> Iterator[Fault]:
    """A config names layers that exist, settings that they declare, and a build in which everything is provided."""
    name = str(config.relative_to(source))
    content, wrong = load_yaml(config, name)
    yield from wrong
    if not isinstance(content, Mapping):
        if not wrong:
            yield Fault(name, 0, "has no settings")
        return
    chosen = [str(section["layer"]) for section in _sections(content, "device", "image") if "layer" in section]
    chosen += [str(value) for section in _sections(content, "layer") for value in section.values()]
    for layer in chosen:
        if layer not in layers and layer not in BUILTIN:
            yield Fault(name, 0, f"chooses the layer {layer}, which is not there")
    build = closure(layers, tuple(chosen))
    yield from _setting_faults(name, content, layers, build)
    for token in sorted({want for needs in build.values() for want in needs.wants}):
        providers = sorted(layer for layer, needs in build.items() if token in needs.provides)
        if len(providers) != 1:
            told = ", ".join(providers) or "nobody"
            yield Fault(name, 0, f"{token} must be provided by exactly one layer, and {told} does")


def _sections(content: Mapping[object, object], *names: str) -> Iterator[Mapping[str, object]]:
    for name in names:
        section = content.get(name)
        if isinstance(section, Mapping):
            yield section


def _setting_faults(
    name: str, content: Mapping[object, object], layers: Mapping[str, Layer], build: Mapping[str, Needs]
) -> Iterator[Fault]:
    declared: dict[str, set[str]] = {section: set(keys) for section, keys in SETTINGS.items()}
    for layer in (layers[title] for title in build if title in layers):
        declared.setdefault(layer.metadata.prefix, set()).update(layer.metadata.variables())
    for section, values in content.items():
        if section in ("layer", "include", "env", "packages"):
            continue
        if section not in declared:
            yield Fault(name, 0, f"no layer of this build has settings under {section}")
            continue
        for key in values if isinstance(values, Mapping) else ():
            if key not in declared[str(section)]:
                yield Fault(name, 0, f"no layer of this build has the setting {section}.{key}")


def package_faults(source: Path, layers: Mapping[str, Layer], packages: Path) -> Iterator[Fault]:
    """The layer of the phone installs what ``packages.yaml`` names for every device and for a Raspberry Pi."""
    content, wrong = load_yaml(packages, packages.name)
    yield from wrong
    layer = layers.get("offhook-phone")
    if not isinstance(content, Mapping) or layer is None or not isinstance(layer.body, Mapping):
        return
    wanted = {*content["device"], *content["rpi"]}
    listed = set(layer.body.get("mmdebstrap", {}).get("packages", ()))
    name = str(layer.file.relative_to(source))
    for package in sorted(wanted ^ listed):
        where = f"{packages.name} names it" if package in wanted else f"{packages.name} does not"
        yield Fault(name, 0, f"{package}: {where}, and this layer {'does not' if package in wanted else 'does'}")
