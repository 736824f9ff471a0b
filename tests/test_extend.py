"""Every file of CONTRIBUTING.md, from a metric to a method of `rank`, works as printed."""

import re

import numpy as np
import pandas as pd
import pytest
from conftest import REPO

from helpers.small_study import clone, snakemake

BLOCKS = re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", (REPO / "CONTRIBUTING.md").read_text(), re.DOTALL)


def test_one_file_and_one_word(tmp_path):
    folder = clone(tmp_path)
    names = [name for name, _ in BLOCKS]
    assert len(names) == 8
    for name, text in BLOCKS:
        path = folder / name
        assert not path.exists()
        path.write_text(text)
    targets = "results/topometrics.parquet", "results/rank/recommendation.txt"
    run = snakemake(folder, "--cores", "2", *targets, config="patches.yaml")
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
    network = mge.iloc[0]
    path = "patches/dilated/{pruning}/{sparsity}/{seed}/mge/edges.parquet".format(**network)
    edges = pd.read_parquet(folder / "results" / "networks" / path)
    out, into = edges.groupby("source").size(), edges.groupby("target").size()
    r = np.corrcoef(out.loc[edges["source"]], into.loc[edges["target"]])[0, 1]
    assert network["assortativity"] == pytest.approx(r)
    order = pd.read_csv(folder / "results" / "rank" / "order.csv")
    layers = pd.read_parquet(folder / "results" / "layers.parquet")
    layers = layers[(layers["sparsity"] == 0.8) & layers["pruning"].isin(["magnitude", "uniform"])]
    thinnest = (layers["kept"] / layers["weights"]).groupby([layers["pruning"], layers["seed"]]).min().groupby(level=0)
    expected = thinnest.mean().sort_values(ascending=False)
    assert order["pruning"].tolist() == expected.index.tolist()
    assert (-order["score"]).to_list() == pytest.approx(expected.to_list())
    assert "`thinnest`" in (folder / targets[1]).read_text()
