"""One set of releases: the lock, the conda environment made from it, and what pyproject asks for."""

import importlib.util
import tomllib

import yaml
from conftest import REPO

LOCK = (REPO / "requirements.lock").read_text()
PINS = dict(line.split(" ;")[0].split("==") for line in LOCK.splitlines() if not line.startswith("#"))


def lock_module():
    spec = importlib.util.spec_from_file_location("lock", REPO / "envs" / "lock.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_conda_environment_is_made_from_the_lock():
    assert (REPO / "envs" / "workflow.yaml").read_text() == lock_module().conda(LOCK)
    pip = yaml.safe_load((REPO / "envs" / "workflow.yaml").read_text())["dependencies"][-1]["pip"]
    assert dict(pin.split(" ;")[0].split("==") for pin in pip) == PINS


def test_lock_holds_what_the_project_asks_for():
    project = tomllib.loads((REPO / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    asked = project["project"]["dependencies"] + groups["workflow"] + groups["test"]
    for requirement in asked:
        name, _, version = requirement.partition("==")
        assert name in PINS, requirement
        assert not version or PINS[name] == version


def test_lock_leaves_out_what_other_platforms_do_not_have():
    text = lock_module().lock({"torch": "1", "nvidia-cublas": "2", "pip": "3"})
    assert "nvidia-cublas==2 ; platform_system == 'Linux' and platform_machine == 'x86_64'" in text
    assert "torch==1\n" in text
    assert "pip" not in text


def test_what_is_cited_has_the_packages_version():
    project = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
    assert yaml.safe_load((REPO / "CITATION.cff").read_text())["version"] == project["version"]
