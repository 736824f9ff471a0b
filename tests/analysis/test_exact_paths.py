"""The shipped exact path counts, made again."""

import tarfile

import numpy as np
import pandas as pd
import pytest
from conftest import REPO, SHARED
from PIL import Image

from helpers.benchmark import benchmark

SHIPPED = REPO / "workflow" / "resources" / "exact-paths.csv"
EXCERPT = SHARED / "data" / "cifar10-12k.tar.xz"
KEY = ["architecture", "sparsity", "pruning", "seed"]


@pytest.fixture
def exact_paths(monkeypatch):
    """The benchmark, at one sparsity."""
    module = benchmark("exact_paths")
    monkeypatch.setattr(module, "SPARSITIES", (0.98,))
    return module


def made_again(exact_paths, images, tmp_path, word):
    """(rows made now, the shipped ones)."""
    exact_paths.make(images, tmp_path / "paths.csv", ["resnet20"], [word], "edges", 0)
    fresh = pd.read_csv(tmp_path / "paths.csv").set_index(KEY)
    assert len(fresh) == 1
    return fresh, pd.read_csv(SHIPPED).set_index(KEY).loc[fresh.index]


def test_rows_of_a_random_mask_come_again(exact_paths, tmp_path):
    """ER looks at no image: any ten classes of them will do."""
    for part in ("train", "test"):
        for label in range(10):
            folder = tmp_path / "images" / part / str(label)
            folder.mkdir(parents=True)
            Image.fromarray(np.full((32, 32, 3), label, np.uint8)).save(folder / "0.png")
    fresh, shipped = made_again(exact_paths, tmp_path / "images", tmp_path, "er")
    pd.testing.assert_frame_equal(fresh, shipped, rtol=1e-9)


@pytest.mark.skipif(not EXCERPT.exists(), reason="needs the excerpt of CIFAR-10 beside the repository")
def test_rows_of_a_scored_mask_come_again(exact_paths, tmp_path):
    with tarfile.open(EXCERPT) as archive:
        archive.extractall(tmp_path, filter="data")
    fresh, shipped = made_again(exact_paths, tmp_path / "cifar10-12k", tmp_path, "snip")
    # Rounding, which differs between processors, may decide between two weights.
    pd.testing.assert_frame_equal(fresh, shipped, rtol=1e-3)
