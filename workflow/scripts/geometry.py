"""Trace an architecture to the geometry of its multipartite graph, once for all its networks (paper, section 3.1)."""

from sparse_topology.files import read_json
from sparse_topology.graphs.geometry import save
from sparse_topology.graphs.trace import trace
from sparse_topology.job import job
from sparse_topology.networks.architectures import load


def main(info, output, cfg):
    """info: dataset.json (classes, shape); cfg: architecture, architecture_options, identity_shortcuts."""
    dataset = read_json(info)
    build = load(cfg["architecture"])
    network = build(dataset["classes"], dataset["shape"][0], **cfg["architecture_options"])
    geometry = trace(network, dataset["shape"], cfg["identity_shortcuts"])
    save(geometry, output)
    print(f"{sum(layer.size for layer in geometry.layers)} nodes, {len(geometry.parameters)} parametric layers")


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.info, snakemake.output.geometry, snakemake.params.cfg)
