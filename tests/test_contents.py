"""Digests of the user's files: contents count, dates and places do not."""

import os
import shutil

import contents
import pytest


@pytest.fixture
def images(tmp_path):
    for part in ("train", "test"):
        for name in ("a", "b"):
            (tmp_path / "images" / part / name).mkdir(parents=True)
            (tmp_path / "images" / part / name / "1.png").write_bytes(f"{part}{name}".encode())
    return tmp_path / "images"


def digest(path) -> str:
    contents.folder_digest.cache_clear()
    return contents.folder_digest(str(path))


@pytest.mark.parametrize("cheap", [contents.CHEAP, 0])
def test_a_folder_of_images(images, tmp_path, monkeypatch, cheap):
    """cheap: with 0 bytes nothing is read, and names, sizes and times decide."""
    monkeypatch.setattr(contents, "CHEAP", cheap)
    before, file = digest(images), images / "train" / "a" / "1.png"
    assert digest(shutil.copytree(images, tmp_path / "moved")) == before
    os.utime(file, (1e9, 1e9))
    assert (digest(images) == before) is (cheap > 0)
    before = digest(images)
    file.write_bytes(b"another")
    os.utime(file, (1e9, 1e9))
    assert digest(images) != before
    before = digest(images)
    (images / "test" / "b" / "2.png").write_bytes(b"new")
    assert digest(images) != before


def test_files_by_what_they_are_for(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"1")
    two.write_bytes(b"2")
    known = contents.files_digest({"weights": one, "mask": two})
    assert contents.files_digest({"mask": two, "weights": one}) == known
    assert contents.files_digest({"weights": two, "mask": one}) != known
    assert contents.files_digest({"weights": one, "mask": tmp_path / "none"}) != known
