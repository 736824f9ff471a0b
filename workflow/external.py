"""The user's own networks as the config describes them: one by one under `external`, or many in a CSV file, and which
of them belong to the study."""

import csv
import re
from pathlib import Path

from config_error import ConfigError

BELONGS = ("dataset", "pruning", "sparsity", "accuracy")  # what an entry must have to belong to the study
MAY = ("architecture_name", "seed", "dense_accuracy", "family")
CELL = ("dataset", "architecture", "seed")


def with_table(config: dict, entry: dict) -> dict:
    """The config with the rows of the CSV file `external_table` among its `external` networks.

    entry: the schema of one network. The columns are its keys and `name`; an empty cell is a key that is not given.
    Raises ConfigError for a file, column, name or number that cannot be.
    """
    path = config.get("external_table")
    given = config.get("external", {})
    if not isinstance(path, str) or not isinstance(given, dict):
        return config
    networks = dict(given)
    for number, row in _rows(path, entry["properties"]):
        name = row.pop("name", "")
        where = f"external_table: {path}, line {number}"
        if not name:
            raise ConfigError(f"{where}: the network has no name")
        if name in networks:
            raise ConfigError(f"{where}: there are two networks {name!r}")
        cells = {key: _cell(text, entry["properties"][key], f"{where}, {key}") for key, text in row.items()}
        networks[name] = cells
    return {**config, "external": networks}


def _rows(path: str, known: dict):
    """Line number and cells that are not empty, of each row."""
    if not Path(path).is_file():
        raise ConfigError(f"external_table: there is no file {path!r}")
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = [*(reader.fieldnames or [])]
            for column in columns:
                if column not in {"name", *known}:
                    allowed = ", ".join(["name", *known])
                    raise ConfigError(f"external_table: {path}: {column!r} is no column; allowed: {allowed}")
            for row in reader:
                if None in row or None in row.values():
                    raise ConfigError(
                        f"external_table: {path}, line {reader.line_num}: the row has not {len(columns)} cells"
                    )
                yield reader.line_num, {column: text.strip() for column, text in row.items() if text.strip()}
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"external_table: {path} is no CSV file in UTF-8: {error}") from error


def _cell(text: str, schema: dict, where: str):
    """The value of a cell, of the type that the schema has; a shape is written 3x32x32."""
    convert = {"integer": int, "number": float, "array": lambda t: [int(part) for part in re.split(r"[x ,]+", t)]}
    kind = schema.get("type", "string")
    try:
        return convert.get(kind, str)(text)
    except ValueError as error:
        what = {"integer": "an integer", "number": "a number", "array": "three integers, as in 3x32x32"}[kind]
        raise ConfigError(f"{where}: {text!r} is not {what}") from error


def belonging(networks: dict) -> list[dict]:
    """The networks of `external` that belong to the study, by name: dataset, architecture, pruning, sparsity, seed as
    the pool has them, name, accuracy, classes, and dense_accuracy and family where they are given.

    Raises ConfigError for one that says of itself only half of what the pool needs.
    """
    found = []
    for name, entry in sorted(networks.items()):
        if not {*BELONGS, *MAY} & set(entry):
            continue
        for key in BELONGS:
            if key not in entry:
                raise ConfigError(
                    f"external.{name}.{key}: is missing; a network that belongs to the study has {', '.join(BELONGS)}"
                )
        word = entry["architecture"].rpartition(":")[2]
        network = {"name": name, "architecture": entry.get("architecture_name", word), "seed": entry.get("seed", 0)}
        keys = (*BELONGS, "classes", "dense_accuracy", "family")
        found.append(network | {key: entry[key] for key in keys if key in entry})
    return found


def check_belonging(own: list[dict], networks: list[dict], dense: list[dict]) -> None:
    """Whether each of the user's own networks has a place of its own in the pool, and one dense accuracy.

    own: from `belonging`; networks, dense: the study's, as dicts of wildcards. Raises ConfigError.
    """
    identity = ("dataset", "architecture", "pruning", "sparsity", "seed")
    taken = {tuple([*(n[k] for k in identity[:3]), float(n["sparsity"]), int(n["seed"])]): None for n in networks}
    trained = {(n["dataset"], n["architecture"]) for n in dense}
    told, classes = {}, {}
    for network in own:
        key = tuple(network[k] for k in identity)
        what = " ".join(map(str, key))
        where = f"external.{network['name']}"
        if key in taken:
            other = f"external.{taken[key]}" if taken[key] else "the study itself"
            raise ConfigError(f"{where}: {what} is the place of {other}; change seed, pruning or architecture_name")
        taken[key] = network["name"]
        cell, accuracy = tuple(network[k] for k in CELL), network.get("dense_accuracy")
        if cell[:2] in trained and accuracy is not None:
            raise ConfigError(
                f"{where}.dense_accuracy: {accuracy} is not allowed, since the study trains the dense {cell[1]} on "
                f"{cell[0]} itself; leave it out, or give the network an architecture_name of its own"
            )
        if accuracy is not None and told.setdefault(cell, accuracy) != accuracy:
            raise ConfigError(
                f"{where}.dense_accuracy: {accuracy}, but another network of {cell[1]} on {cell[0]} with seed "
                f"{cell[2]} says {told[cell]}"
            )
        if classes.setdefault(cell[0], network["classes"]) != network["classes"]:
            raise ConfigError(
                f"{where}.classes: {network['classes']}, but another network of {cell[0]} says {classes[cell[0]]}"
            )
    known = trained | {cell[:2] for cell in told}
    for network in own:
        if (network["dataset"], network["architecture"]) not in known:
            raise ConfigError(
                f"external.{network['name']}.dense_accuracy: is missing; the study trains no dense "
                f"{network['architecture']} on {network['dataset']}"
            )
