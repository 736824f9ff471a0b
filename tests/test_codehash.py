"""The code hash sees what matters, ignores what does not, and is the same on every supported Python."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import codehash
import pytest
from conftest import REPO

SCRIPTS = REPO / "workflow" / "scripts"


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    (tmp_path / "sparse_topology").mkdir()
    (tmp_path / "sparse_topology" / "__init__.py").write_text("")
    (tmp_path / "sparse_topology" / "shared.py").write_text("import json\n\ndef f():\n    return 1\n")
    (tmp_path / "sparse_topology" / "other.py").write_text("x = 1\n")
    (tmp_path / "a.py").write_text('"""Doc."""\n\ndef g():\n    from sparse_topology.shared import f\n    return f()\n')
    (tmp_path / "b.py").write_text("from sparse_topology import shared, other\n")
    monkeypatch.setattr(codehash, "SCRIPTS", tmp_path)
    forget()
    yield tmp_path
    forget()


def forget():
    codehash._file.cache_clear()
    codehash.code_hash.cache_clear()


def fresh(*names):
    forget()
    return codehash.code_hash(*names)


def test_closure_follows_imports(scripts):
    closure = {"sparse_topology/__init__.py", "sparse_topology/shared.py"}
    assert codehash.import_closure("a.py") == closure | {"a.py"}
    assert codehash.import_closure("b.py") == closure | {"b.py", "sparse_topology/other.py"}


@pytest.mark.parametrize(
    "text",
    [
        '"""Another docstring."""\n\ndef g():\n    from sparse_topology.shared import f\n    return f()\n',
        '"""Doc."""\ndef g():\n  "New."\n  from sparse_topology.shared import f  # why\n\n  return (f())\n',
    ],
)
def test_docstrings_comments_and_format_do_not_count(scripts, text):
    before = fresh("a.py")
    (scripts / "a.py").write_text(text)
    assert fresh("a.py") == before


def test_what_a_file_of_the_users_own_imports(tmp_path):
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers" / "__init__.py").write_text("from .blocks import Block\n")
    (tmp_path / "layers" / "blocks.py").write_text("import torch\n")
    (tmp_path / "unused.py").write_text("")
    (tmp_path / "net.py").write_text("import torch\nfrom layers import Block\n")
    names = ["layers/__init__.py", "layers/blocks.py"]
    assert codehash.beside(str(tmp_path / "net.py")) == [str(tmp_path / name) for name in names]
    (tmp_path / "broken.py").write_text("def (\n")
    assert codehash.beside(str(tmp_path / "broken.py")) == codehash.beside(str(tmp_path / "none.py")) == []


def test_code_counts_in_the_script_and_in_what_it_imports(scripts):
    before = fresh("a.py")
    (scripts / "sparse_topology" / "other.py").write_text("x = 2\n")
    assert fresh("a.py") == before
    (scripts / "sparse_topology" / "shared.py").write_text("def f():\n    return 2\n")
    after = fresh("a.py")
    assert after != before
    (scripts / "a.py").write_text("def g():\n    from sparse_topology.shared import f\n    return f() + 1\n")
    assert fresh("a.py") not in (before, after)


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_same_hash_on_every_python(version):
    beside = Path(sys.base_prefix).parent.glob(f"{version}*/bin/python{version}")
    candidates = [shutil.which(f"python{version}"), *beside]
    python = next((p for p in candidates if p and not subprocess.run([p, "-c", ""], capture_output=True).returncode), 0)
    if not python:
        pytest.skip(f"python{version} is not installed")
    names = sorted(str(path.relative_to(SCRIPTS)) for path in SCRIPTS.rglob("*.py"))
    program = (
        f"import sys; sys.path.insert(0, {str(REPO / 'workflow')!r})\n"
        f"from codehash import code_hash\nprint(code_hash(*{names!r}))"
    )
    hashes = {
        subprocess.run([p, "-c", program], capture_output=True, text=True, check=True).stdout
        for p in (python, sys.executable)
    }
    assert len(hashes) == 1


def test_scripts_import_nothing_that_the_hash_cannot_see():
    forbidden = {"exec", "eval", "__import__", "runpy"}
    for path in SCRIPTS.rglob("*.py"):
        name = str(path.relative_to(SCRIPTS))
        source = path.read_text()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                if name != "sparse_topology/networks/architectures/__init__.py":
                    hidden = [m for m in modules if m.split(".")[0] in ("importlib", "runpy")]
                    assert set(hidden) <= {"importlib.metadata"}, name
                stems = {p.stem for p in SCRIPTS.glob("*.py")}
                if name != "sparse_topology/api/__init__.py":  # which no script imports
                    assert not any(m.split(".")[0] in stems for m in modules), f"{name} imports another script"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in forbidden, name
        if path.parent == SCRIPTS:
            assert "from __future__" not in source, f"{name}: Snakemake puts lines before it"
        if name != "external_load.py":  # what a user's file imports is an input of the rule
            assert "sys.path" not in source, name
        assert "snakemake.config" not in source, name
        if name != "sparse_topology/devices.py":  # which GPU a job takes decides no result
            assert "os.environ" not in source.replace("os.environ.setdefault(", ""), name  # reads nothing
