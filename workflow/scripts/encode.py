"""Encode a sparse network as graphs: the MGE and the bipartite baselines (paper, sections 2.2 and 3.1).

Each encoding is written twice: `blocks.npz`, the structured graph that the metrics read, and `edges.parquet`, the edge
list for everybody else.
"""

from sparse_topology.graphs import layered, parquet
from sparse_topology.graphs.geometry import encode, load
from sparse_topology.graphs.rolled import rolled, rolled_channel
from sparse_topology.job import job
from sparse_topology.networks.state_dict import read_state_dict
from sparse_topology.pruning.masks import load_masks


def graphs(geometry, weights, masks, encodings):
    """Yield the network's graph in each encoding. weights, masks: arrays by state_dict key."""
    for encoding in encodings:
        if encoding == "mge":
            yield encode(geometry, weights, masks)
        elif encoding == "rolled":
            yield rolled(geometry.parameters, weights, masks)
        else:
            yield rolled_channel(geometry.parameters, weights, masks)


def main(geometry, model, mask, output):
    """output: paths `<encoding>_blocks` and `<encoding>_edges` for each encoding that is wanted."""
    encodings = [name.removesuffix("_blocks") for name in output if name.endswith("_blocks")]
    for encoded in graphs(load(geometry), read_state_dict(model), load_masks(mask), encodings):
        layered.save(encoded, output[f"{encoded.encoding}_blocks"])
        parquet.write(encoded, output[f"{encoded.encoding}_edges"])
        print(f"{encoded.encoding}: {encoded.node_count} nodes, {encoded.edge_count} edges")


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.geometry, snakemake.input.model, snakemake.input.mask, dict(snakemake.output.items()))
