"""Files of settings, read more strictly than Snakemake reads them: one line says what is wrong, and where.

Imports nothing that takes time: profiles/default/config.yaml calls `check_command` before Snakemake opens the files.
"""

import argparse
import json
import reprlib
from pathlib import Path

import yaml
from config_error import ConfigError

VALUES = 100_000  # in a file, aliases counted as often as they stand for something

_short = reprlib.Repr()
_short.maxlevel, _short.maxstring = 3, 80
shown = _short.repr


def check_files(paths) -> None:
    """Raises ConfigError for a file that Snakemake could not read, or would read otherwise than it is meant."""
    for path in paths:
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except OSError as error:
            target = "" if Path(path).suffix else "; targets stand before --configfile, or after --"
            raise ConfigError(f"{path}: cannot be read: {error.strerror}{target}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"{path}: byte {error.start + 1} is not UTF-8 ({error.reason}); save it as UTF-8"
            ) from error
        try:
            json.loads(text, object_pairs_hook=lambda pairs, path=path: _object(pairs, path))
        except ValueError:
            _check_yaml(text, path)


def check_command(arguments: list[str]) -> str | None:
    """The message about the files of --configfile in the arguments of a `snakemake` command, if there is one."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", default=[])
    try:
        check_files(parser.parse_known_args(arguments)[0].configfile)
    except argparse.ArgumentError:  # Snakemake says what is wrong with its options
        return None
    except ConfigError as error:
        return f"Error in the config: {error}"
    return None


def _object(pairs: list[tuple], path) -> dict:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ConfigError(f"{path}: the key {shown(key)} is there twice; allowed: once")
    return dict(pairs)


def _check_yaml(text: str, path) -> None:
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        if root is None or root.tag.endswith(":null"):
            raise ConfigError(f"{path}: is empty; leave it out for the default study, or write {{}}")
        if not isinstance(root, yaml.MappingNode):
            raise ConfigError(f"{path}: holds {shown(text.strip())}; allowed: settings, `key: value`")
        if _size(root, path, {}) > VALUES:
            raise ConfigError(f"{path}: its aliases stand for more than {VALUES:,} values")
        yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(f"{path}, line {mark.line + 1}: is no YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:  # a character, a date or a number that there is not
        raise ConfigError(f"{path}: is no YAML: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: is nested too deeply") from error


def _size(node: yaml.Node, path, sizes: dict[int, int]) -> int:
    """How many values a node stands for. sizes: {id of a node: its size}, 0 as long as it is not known.

    Raises ConfigError for a key that is there twice, and for a node that holds itself.
    """
    if sizes.get(id(node)) == 0:
        raise ConfigError(f"{path}, line {node.start_mark.line + 1}: the anchor holds an alias of itself")
    if id(node) in sizes or isinstance(node, yaml.ScalarNode):
        return sizes.get(id(node), 1)
    sizes[id(node)] = 0
    children = node.value
    if isinstance(node, yaml.MappingNode):
        lines = {}
        for key, _ in node.value:
            name, line = (key.tag, str(key.value)), key.start_mark.line + 1
            if name in lines and not key.tag.endswith(":merge"):
                first = lines[name]
                raise ConfigError(
                    f"{path}, line {line}: the key {shown(key.value)} is there twice; first in line {first}"
                )
            lines[name] = line
        children = [child for pair in node.value for child in pair]
    sizes[id(node)] = 1 + sum(_size(child, path, sizes) for child in children)
    return sizes[id(node)]
