# The files of the authors' release.


def published_files(folder):
    """The files of the authors' release under `folder`, each plain or, where only that exists, gzipped."""
    names = [line.split()[1] for line in Path(CHECKSUMS).read_text(encoding="utf-8").splitlines()]
    paths = [f"{folder}/{name}" for name in names]
    return [f"{path}.gz" if not Path(path).exists() and Path(f"{path}.gz").exists() else path for path in paths]


def published_sources():
    """The release where the user has it, else as it is downloaded."""
    files = published_files(PUBLISHED_FOLDER)
    return [local(path) for path in files] if "path" in study.config.get("published", {}) else files


def published_digest(wildcards):
    """Of files that the user brought; the downloaded ones are known by their checksums."""
    given = "path" in study.config.get("published", {})
    files = {path.removeprefix(PUBLISHED_FOLDER): path for path in published_files(PUBLISHED_FOLDER)}
    return files_digest(files) if given else None
