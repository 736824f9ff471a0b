"""Digests of the files that a user brings: content decides whether a job runs again, not a date.

Snakemake compares the content of an input only where its time stamp is newer than the output's; a checkpoint that is
replaced by an older file, or an image added to a folder, would go unnoticed. The rules that read such files therefore
state these digests as parameters.
"""

import hashlib
from functools import cache
from pathlib import Path

CHEAP = 200_000_000  # bytes of images, a second or so, that are read at every start of Snakemake


def files_digest(files: dict[str, str | list[str]]) -> str:
    """Of the contents of `files`, {what for: path or paths}, not of their paths: they may move. 16 hex digits."""
    digest = hashlib.sha256()
    lists = {name: paths if isinstance(paths, list) else [paths] for name, paths in files.items()}
    pairs = [(name, path) for name, paths in sorted(lists.items()) for path in paths]
    for name, path in pairs:
        digest.update(f"{name} {_sha256(path) if Path(path).is_file() else None}\n".encode())
    return digest.hexdigest()[:16]


@cache
def folder_digest(path: str) -> str:
    """Of the images under `path` (train/<class>/*, test/<class>/*): names and contents, 16 hex digits. Hidden files and
    folders are no images.

    Of more than CHEAP bytes only names, sizes and times of change are taken.
    """
    root = Path(path)
    found = (file for part in ("train", "test") for file in root.glob(f"{part}/*/**/*") if file.is_file())
    files = sorted(file for file in found if not any(p.startswith(".") for p in file.relative_to(root).parts))
    stats = {file: file.stat() for file in files}
    read = sum(stat.st_size for stat in stats.values()) <= CHEAP
    digest = hashlib.sha256()
    for file, stat in stats.items():
        content = _sha256(file) if read else f"{stat.st_size} {stat.st_mtime_ns}"
        digest.update(f"{file.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()[:16]


def _sha256(path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
