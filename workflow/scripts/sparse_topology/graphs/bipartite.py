"""The bipartite encodings layer by layer: one small graph per network layer."""

from dataclasses import replace

import numpy as np

from sparse_topology.graphs.layered import Layer, LayeredGraph


def layer_graphs(whole) -> dict:
    """{network layer: its bipartite graph} of a LayeredGraph or an EdgeList, in forward order.

    The node layers "<layer>:in" and "<layer>:out" become a graph of their own with ids from 0; its inputs and outputs
    are the two sides.
    """
    graphs = {}
    for k in range(0, len(whole.layers), 2):
        sides = whole.layers[k : k + 2]
        name = sides[0].name.removesuffix(":in")
        if [side.name for side in sides] != [f"{name}:in", f"{name}:out"]:
            raise ValueError(f"node layers {[side.name for side in sides]} are not the two sides of a network layer")
        left, right = (side.size for side in sides)
        pair = [
            Layer(side.name, side.channels, side.height, side.width, offset)
            for side, offset in zip(sides, (0, left), strict=True)
        ]
        parts = dict(layers=pair, inputs=np.array([[0, left]]), outputs=np.array([[left, left + right]]))
        if isinstance(whole, LayeredGraph):
            blocks = [replace(block, source=0, target=1) for block in whole.blocks if block.source == k]
            graphs[name] = replace(whole, blocks=blocks, **parts)
        else:
            graphs[name] = whole.between(sides[0].offset, **parts, weights=whole.weights[k // 2 : k // 2 + 1])
    return graphs
