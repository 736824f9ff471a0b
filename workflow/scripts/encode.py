"""Encode a sparse network as graphs: the MGE and the bipartite baselines (paper, sections 2.2 and 3.1).

Each encoding is written as `blocks.npz`, the structured graph that the metrics read, and for everybody else as an edge
list, `edges.parquet`, with its nodes, `nodes.parquet`.
"""

from functools import partial

from sparse_topology.graphs import layered, parquet
from sparse_topology.graphs.geometry import encode, load
from sparse_topology.graphs.rolled import rolled, rolled_channel
from sparse_topology.graphs.weight_names import WeightNames
from sparse_topology.job import job
from sparse_topology.networks.state_dict import read_state_dict
from sparse_topology.pruning.masks import load_masks

LARGE = 10**9  # edges: minutes to write, and hundreds of megabytes
BYTES = 0.2  # per edge of a file, about (docs/graphs.md)


def graph(encoding, geometry, weights, masks):
    """The network's graph in one encoding. weights, masks: arrays by state_dict key."""
    if encoding == "mge":
        return encode(geometry, weights, masks)
    return {"rolled": rolled, "rolled_channel": rolled_channel}[encoding](geometry.parameters, weights, masks)


def main(geometry, model, mask, output, weight_names=False):
    """output: for each encoding that is wanted the path `<encoding>_blocks`, and where its edge list is wanted too
    `<encoding>_edges` and `<encoding>_nodes`; weight_names: whether the edge list names the weight of each edge."""
    traced, weights, masks = load(geometry), read_state_dict(model), load_masks(mask)
    for encoding in [name.removesuffix("_blocks") for name in output if name.endswith("_blocks")]:
        encoded = graph(encoding, traced, weights, masks)
        layered.save(encoded, output[f"{encoding}_blocks"])
        if f"{encoding}_edges" in output:
            of = partial(graph, encoding, traced, masks=masks)
            names = WeightNames(traced.parameters, of) if weight_names else None
            if encoded.edge_count > LARGE:
                size = f"{encoded.edge_count:,} edges, about {encoded.edge_count * BYTES / 1e6:,.0f} MB"
                without = "options: {mge: {parquet: false}} writes no edge lists"
                print(f"{output[f'{encoding}_edges']} will have {size}; {without}")
            parquet.write(encoded, output[f"{encoding}_edges"], names)
            parquet.write_nodes(encoded, output[f"{encoding}_nodes"])
        print(f"{encoded.encoding}: {encoded.node_count} nodes, {encoded.edge_count} edges")


if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        cfg = snakemake.params.cfg
        main(files.geometry, files.model, files.mask, dict(snakemake.output.items()), cfg["weight_names"])
