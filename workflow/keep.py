"""Two studies in one folder share their networks; the tables and the page of the one that ran before are kept."""

import json
import shutil
from pathlib import Path

SHOWN = ("report.html", "manifest.json", "topometrics.parquet", "layers.parquet", "tables", "figures")


def keep_other_study(results: Path, configfiles: list[str]) -> Path | None:
    """Copy what a study with other config files has shown to `results/other/<name of its last config file>`.

    configfiles: those of this run. Returns the copy's folder, or None where nothing had to be kept. An older copy under
    that name is replaced.
    """
    try:
        before = json.loads((results / "manifest.json").read_bytes())["config"]["configfiles"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if before == configfiles:
        return None
    folder = results / "other" / (Path(before[-1]).stem if before else "config")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in SHOWN:
        if (results / name).is_dir():
            shutil.copytree(results / name, folder / name)
        elif (results / name).exists():
            shutil.copy2(results / name, folder / name)
    return folder
