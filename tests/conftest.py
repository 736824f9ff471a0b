"""Paths that several tests use."""

from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
SHARED = REPO.parent / "shared"


@pytest.fixture(scope="session")
def released():
    """(folder, files) of the authors' released results: graph_metrics/ and ramanunjan_results/."""
    from helpers.released import released_files

    return released_files()
