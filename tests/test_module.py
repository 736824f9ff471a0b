"""The workflow as a module of another one: its rules renamed, its results below a prefix or not."""

import re

import pytest
import yaml

from helpers.small_study import CONFIG, clone, snakemake

OUTER = """\
configfile: "config.yaml"


module topology:
    snakefile: "topology/Snakefile"
    config: config["topology"]
    {prefix}


use rule * from topology as topology_*


rule accuracies:
    default_target: True
    input:
        everything=rules.topology_all.input,
        table="{folder}results/tables/accuracy.csv",
    output:
        "accuracies.txt",
    shell:
        "wc -l {{input.table}} > {{output}}"
"""


@pytest.fixture
def outer(tmp_path):
    """A folder with another workflow, to be written to its Snakefile, and this repository below it."""
    (tmp_path / "topology").mkdir()
    clone(tmp_path / "topology")
    config = yaml.safe_load(CONFIG) | {"pruning": ["uniform"], "encodings": ["rolled"], "metrics": ["density"]}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"topology": config}))
    return tmp_path


def test_with_a_prefix(outer):
    (outer / "Snakefile").write_text(OUTER.format(prefix='prefix: "sub"', folder="sub/"))
    run = snakemake(outer, "--cores", "2", config="config.yaml")
    assert run.returncode == 0, run.stdout
    assert (outer / "accuracies.txt").read_text().split()[0] == "3"  # the header, the dense network and one cell
    assert (outer / "sub" / "results" / "report.html").exists()
    assert not (outer / "results").exists()


def test_without_one(outer):
    (outer / "Snakefile").write_text(OUTER.format(prefix="", folder=""))
    run = snakemake(outer, "--cores", "2", "--dry-run", config="config.yaml")
    assert run.returncode == 0, run.stdout
    assert re.search(r"^topology_train_sparse +1$", run.stdout, re.MULTILINE)
