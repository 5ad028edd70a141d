"""Configuration files: iota2's syntax or YAML, read and written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from blocks.cfg import parse_cfg, render_cfg
from blocks.configuration import Configuration
from sitsflow.errors import ConfigError, Fault
from sitsflow.yaml_text import load_yaml, yaml_problem

_YAML_SUFFIXES = (".yaml", ".yml", ".json")
_INDENTED = re.compile(r"^\w+ *:[ \t]*(#.*)?\n[ \t]+\w", re.MULTILINE)


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration file, in iota2's syntax or YAML, into nested plain values.

    Sections in braces are iota2's syntax; sections that are indented, and files called .yaml,
    are YAML, unless they are iota2's syntax after all.

    Raises
    ------
    ConfigError
        If the file cannot be read, or is neither.
    """
    source = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or "not text in UTF-8"
        raise ConfigError([Fault("file", what)], source) from None
    if path.suffix.lower() not in _YAML_SUFFIXES and not _INDENTED.search(text):
        # YAML would take some mistakes in braces for strange keys.
        return parse_cfg(text, source) if "{" in text else parse_yaml(text, source)
    try:
        return parse_yaml(text, source)
    except ConfigError as first:
        try:
            return parse_cfg(text, source)
        except ConfigError:
            raise first from None


def parse_yaml(text: str, source: str = "the configuration") -> dict[str, Any]:
    """Read YAML into nested plain values.

    Raises
    ------
    ConfigError
        With line, column and text of what is not understood.
    """
    try:
        raw = load_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError([Fault(*yaml_problem(error, text))], source) from None
    if not isinstance(raw, dict):
        message = "holds no sections; write e.g. `chain:` and its keys below it"
        raise ConfigError([Fault("file", message)], source)
    return {str(name): section for name, section in raw.items()}


def write_cfg(configuration: Configuration) -> str:
    """Return the configuration in iota2's syntax, without what is left at its default."""
    return render_cfg(_plain(configuration))


def write_yaml(configuration: Configuration) -> str:
    """Return the configuration as YAML, without what is left at its default."""
    return yaml.safe_dump(_plain(configuration), sort_keys=False, allow_unicode=True)


def _plain(configuration: Configuration) -> dict[str, Any]:
    plain = configuration.plain()
    # A saved block says more of itself than its sections.
    return {name: plain[name] for name in Configuration.model_fields if name in plain}
