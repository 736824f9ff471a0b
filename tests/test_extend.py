"""CONTRIBUTING.md's files for a metric, an algorithm, a method, a data set and an architecture work as printed."""

import re

import pandas as pd
from conftest import REPO

from helpers.small_study import clone, snakemake

BLOCKS = re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", (REPO / "CONTRIBUTING.md").read_text(), re.DOTALL)


def test_one_file_and_one_word(tmp_path):
    folder = clone(tmp_path)
    names = [name for name, _ in BLOCKS]
    assert len(names) == 6
    for name, text in BLOCKS:
        path = folder / name
        assert not path.exists()
        path.write_text(text)
    run = snakemake(folder, "--cores", "2", "results/topometrics.parquet", config="patches.yaml")
    assert run.returncode == 0, run.stdout
    pool = pd.read_parquet(folder / "results" / "topometrics.parquet")
    assert set(pool["dataset"]) == {"patches"}
    assert set(pool["architecture"]) == {"dilated"}
    assert dict(zip(pool["pruning"], pool["family"], strict=True)) == {
        "magnitude": "at initialisation",
        "uniform": "random",
        "halfway": "dynamic",
    }
    mge = pool[pool["encoding"] == "mge"]
    assert (mge["raw_hub_degree"] > 0).all()
    assert (mge["hub_degree"] == mge["raw_hub_degree"] / mge["edges"]).all()
    assert (mge["accuracy"] > 0.5).all()
