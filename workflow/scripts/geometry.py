"""Trace an architecture to the geometry of its multipartite graph, once for all its networks (paper, section 3.1)."""

from dataclasses import asdict

import numpy as np

from sparse_topology.files import read_json
from sparse_topology.graphs.dependence import check, check_classes
from sparse_topology.graphs.geometry import Geometry, save
from sparse_topology.graphs.trace import walk
from sparse_topology.job import InputError, job
from sparse_topology.networks.architectures import built
from sparse_topology.networks.initialise import seed_all


def traced(dataset: dict, cfg: dict, seed: int) -> Geometry:
    """The geometry of the network that a seed gives, checked against the network itself with nothing masked."""
    seed_all(seed)
    network = built(cfg["architecture"], dataset["classes"], dataset["shape"][0], cfg["architecture_options"])
    done = walk(network, dataset["shape"], cfg["identity_shortcuts"], cfg["attention"])
    check_classes(done, dataset["classes"])
    geometry = done.geometry()
    check(network, done, geometry, {p.key: np.ones(p.shape, bool) for p in geometry.parameters})
    return geometry


def main(info, output, cfg):
    """info: dataset.json (classes, shape); cfg: architecture, architecture_options, identity_shortcuts, attention."""
    dataset = read_json(info)
    geometry, other = (traced(dataset, cfg, seed) for seed in (0, 1))
    try:
        np.testing.assert_equal(asdict(geometry), asdict(other))
    except AssertionError as error:
        raise InputError(
            f"architectures: {cfg['architecture']} is wired by random numbers that its constructor draws, "
            "so that the networks of two seeds have two graphs; fix them by an option"
        ) from error
    save(geometry, output)
    print(f"{sum(layer.size for layer in geometry.layers)} nodes, {len(geometry.parameters)} parametric layers")


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.info, snakemake.output.geometry, snakemake.params.cfg)
