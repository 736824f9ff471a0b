"""What manifest and training records say of the state of the code."""

import subprocess

import pytest

from sparse_topology import provenance


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with one committed script; git_state looks at it."""
    scripts = tmp_path / "repository" / "workflow" / "scripts"
    scripts.mkdir(parents=True)
    (scripts / "train.py").write_text("1\n")
    (tmp_path / "repository" / ".gitignore").write_text("*.log\n")
    git = ["git", "-C", str(tmp_path / "repository"), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(provenance, "__file__", str(scripts / "provenance.py"))
    monkeypatch.setattr(provenance, "CODE", scripts.parent)
    return tmp_path / "repository"


def test_a_clean_commit_is_clean_whatever_results_and_settings_lie_there(repository):
    (repository / "my.yaml").write_text("seeds: [1]\n")
    (repository / "workflow" / "a.log").write_text("ignored\n")
    state = provenance.git_state()
    assert (state["dirty"], state["changes"]) == (False, [])
    head = subprocess.run(["git", "-C", repository, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert state["commit"] == head.stdout.strip()


def test_a_script_that_git_does_not_know_is_a_change_and_named(repository):
    (repository / "workflow" / "scripts" / "metric_mine.py").write_text("2\n")
    (repository / "workflow" / "scripts" / "train.py").write_text("3\n")
    state = provenance.git_state()
    assert state["dirty"]
    assert state["changes"] == [" M workflow/scripts/train.py", "?? workflow/scripts/metric_mine.py"]


def test_outside_a_repository_nothing_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_state() is None
