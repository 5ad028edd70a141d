"""The names of sections and keys: those that are known, and what to say of the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from blocks.configuration import Configuration
from blocks.section import Section

SECTIONS: Mapping[str, type[Section]] = {
    name: field.annotation
    for name, field in Configuration.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}
"""The model of each section of a file, by its name."""

OTHER_BUILDERS_SECTIONS = frozenset({
    "arg_classification", "dim_red", "obia", "scikit_models_parameters", "simplification",
    "slurm", "multi_run_fusion", "deep_learning_parameters", "pretrained_model",
})  # fmt: skip
"""Sections that iota2 has for its other builders or for its own scheduler."""

OTHER_BUILDERS_KEYS: Mapping[str, frozenset[str]] = {
    "chain": frozenset({
        "color_table", "data_field", "features_path", "from_vectordb", "grid", "ground_truth",
        "nomenclature_path", "output_statistics", "rasters_grid_path", "region_field",
        "region_path", "tile_field",
    }),
}  # fmt: skip
"""Keys that iota2 has for its other builders, by section; all of `arg_train` but `features`."""

UNSUPPORTED: Mapping[str, Mapping[str, str]] = {
    "coregistration": {"vhr_path": "coregistration is not supported yet"},
}
"""Keys of iota2 that are not supported yet: a fault unless they are off, and what it says."""

RENAMED_SECTIONS = {
    "GlobChain": "sensors_data_interpolation",
    "argClassification": "arg_classification",
    "argTrain": "arg_train",
    "iota2FeatureExtraction": "iota2_feature_extraction",
}
_MOVED_KEYS = {"GlobChain.features": "arg_train.features", "GlobChain.proj": "chain.proj"}
_RENAMED_KEYS = {
    "L5Path_old": "l5_path_old",
    "L8Path": "l8_path",
    "L8Path_old": "l8_path_old",
    "S1Path": "s1_path",
    "S2Path": "s2_path",
    "S2_L3A_Path": "s2_l3a_path",
    "S2_S2C_Path": "s2_s2c_path",
    "acorfeat": "acor_feat",
    "copyinput": "copy_input",
    "extractBands": "extract_bands",
    "keepduplicates": "keep_duplicates",
    "logFileLevel": "logger_level",
    "relrefl": "rel_refl",
    "useGapFilling": "use_gapfilling",
}


_NOT_LEARNING = "features maps learn nothing"
_LOGS = "each task has its log below logs/; chain.logger_level says how much is in it"
OBSOLETE: Mapping[str, Mapping[str, str]] = {
    "chain": {
        "chain_name": "a run is named by its output folder",
        "enable_console": _LOGS,
        "enable_cross_validation": _NOT_LEARNING,
        "execution_mode": "the cluster is chosen when a run starts",
        "jobs_path": "there are no job files; the cluster is chosen when a run starts",
        "keep_runs_results": _NOT_LEARNING,
        "log_console": _LOGS,
        "log_console_level": _LOGS,
        "log_file": _LOGS,
        "model": _NOT_LEARNING,
        "py_app_path": "sitsflow is found where it is installed",
        "random_seed": "nothing is random",
        "ratio": _NOT_LEARNING,
        "remove_tmp_files": "chunks and records are kept until sitsflow clean removes them",
        "runs": _NOT_LEARNING,
        "split_ground_truth": _NOT_LEARNING,
    },
    "external_features": {"custom_write_mode": "the map is always written"},
}
"""Keys of 2020 that do nothing here, by section and in today's spelling, and why."""


def today(section: str, key: str) -> tuple[str, str]:
    """Return section and key of today of a key of 2020; the same for one that is not."""
    if place := _MOVED_KEYS.get(f"{section}.{key}"):
        home, _, name = place.partition(".")
        return home, name
    home = RENAMED_SECTIONS.get(section, section)
    known = SECTIONS[home].model_fields if home in SECTIONS else {}
    return home, key if key in known else renamed(key)


def renamed(key: str) -> str:
    """Return what a key of 2020 is called now; most went from camelCase to snake_case."""
    return _RENAMED_KEYS.get(key) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()


def is_known(section: str, key: str) -> bool:
    """Whether there is a place of today for a key, be it without effect or not supported."""
    fields = SECTIONS[section].model_fields if section in SECTIONS else {}
    return (
        key in fields
        or key in UNSUPPORTED.get(section, ())
        or is_other_builders(section, key)
        or section in OTHER_BUILDERS_SECTIONS
    )


def is_other_builders(section: str, key: str) -> bool:
    """Whether iota2 has this key, but features maps do not use it."""
    if section in ("arg_train", "coregistration"):
        return key not in SECTIONS["arg_train"].model_fields
    return key in OTHER_BUILDERS_KEYS.get(section, ())


def unknown_section(name: str, keys: Iterable[str], more: Iterable[str] = ()) -> str:
    """Say that there is no section `name`, and which one may have been meant.

    `more` are the names of sensors that the user describes.
    """
    if now := RENAMED_SECTIONS.get(name):
        places = [_MOVED_KEYS.get(f"{name}.{key}", f"{now}.{renamed(key)}") for key in keys]
        rest = f": {', '.join(places)}" if places else ""
        return f"no such section; iota2 calls it '{now}' since 2021{rest}"
    known = {*SECTIONS, *OTHER_BUILDERS_SECTIONS, "coregistration", "other_sensors", *more}
    near = get_close_matches(name, known, 1)
    if not near and (homes := sections_with(renamed(name))):
        return f"no such section; {renamed(name)!r} is a key of section {homes[0]!r}"
    return "no such section" + (f"; did you mean {near[0]!r}?" if near else "")


def unknown_key(section: str, key: str, known: Iterable[str]) -> str:
    """Say that `section` has no such key, and which one may have been meant."""
    known = set(known)
    now = renamed(key)
    if now in known and now != key:
        return f"no such key; it is {now!r} (iota2's name since 2021)"
    if homes := [home for home in sections_with(now) if home != section]:
        return f"no such key here; {now!r} belongs to section {homes[0]!r}"
    near = get_close_matches(now, known, 1)
    return "no such key" + (f"; did you mean {near[0]!r}?" if near else "")


def sections_with(key: str) -> list[str]:
    """Return the names of the sections that have such a key."""
    return [name for name, model in SECTIONS.items() if key in model.model_fields]
