"""Paths that several tests use."""

from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
SHARED = REPO.parent / "shared"


@pytest.fixture
def shared():
    """The folder with the authors' data and sample images, beside the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the authors' data and sample images in {SHARED.name}/ beside the repository")
    return SHARED
