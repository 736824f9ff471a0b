"""A hash of what a script's result depends on: its code and the code of the local modules that it imports.

Snakemake reruns a job when its `script:` file has a newer time stamp, and does not see the modules that the script
imports. Every rule therefore states this hash as a parameter. It is taken over the syntax tree without docstrings, so
touching, reformatting, commenting or moving the repository changes nothing, and it is the same on Python 3.11 to 3.13.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent / "scripts"


@cache
def code_hash(*roots: str) -> str:
    """Hash the closure of `roots` (paths relative to workflow/scripts) under local imports. 16 hex digits."""
    closure = import_closure(*roots)
    lines = [f"{name} {_file(name)[0]}" for name in sorted(closure)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def import_closure(*roots: str) -> set[str]:
    """The files, relative to workflow/scripts, that `roots` are or import, directly or not."""
    seen: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += _file(name)[1]
    return seen


def beside(path: str) -> list[str]:
    """The files in the folder of `path`, or below it, that this Python file imports, directly or not.

    For a file of the user's own; one that is not there or that Python cannot read has none, and fails where it is used.
    """
    root = Path(path).parent
    seen, todo = set(), [Path(path).name]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            with contextlib.suppress(OSError, SyntaxError, ValueError):
                todo += _imports(ast.parse((root / name).read_bytes()), name, root)
    return sorted(str(root / name) for name in seen - {Path(path).name})


@cache
def _file(name: str) -> tuple[str, tuple[str, ...]]:
    """(hash of the file's syntax tree, local files that it imports)."""
    tree = ast.parse((SCRIPTS / name).read_bytes())
    return hashlib.sha256(_dump(tree).encode()).hexdigest(), tuple(sorted(_imports(tree, name, SCRIPTS)))


def _dump(node) -> str:
    """The syntax tree as text, without docstrings, positions and what is empty (that differs by Python version)."""
    if isinstance(node, ast.AST):
        fields = []
        for field, value in ast.iter_fields(node):
            if field == "body" and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                value = value[1:] if ast.get_docstring(node, clean=False) is not None else value
            if value is not None and value != []:
                fields.append(f"{field}={_dump(value)}")
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(_dump, node))}]"
    return repr(node)


def _imports(tree: ast.Module, name: str, root: Path):
    """Files below `root` that the module `name` imports, at its top or inside a function."""
    package = Path(name).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module_files(alias.name.split("."), root)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            yield from _module_files(base, root)
            for alias in node.names:
                yield from _module_files([*base, alias.name], root)


def _module_files(parts: list[str], root: Path):
    """The files that `import a.b.c` executes, where they are ours: a/__init__.py, a/b/__init__.py, a/b/c.py."""
    for depth in range(1, len(parts) + 1):
        stem = "/".join(parts[:depth])
        for candidate in (f"{stem}/__init__.py", f"{stem}.py"):
            if (root / candidate).is_file():
                yield candidate
