"""Sums over all paths between the inputs and the outputs of a graph, by one pass over its layers each way.

A path's value is the product of its edges' values: with ones the sums count paths, with squared weights they are what
the path kernel's trace is made of. Sums are kept as numbers of one common power of two per layer, so that nothing
overflows in networks of any depth.
"""

from dataclasses import replace

import numpy as np

from sparse_topology.graphs.layered import EdgeBlock, LayeredGraph
from sparse_topology.metrics.adjacency import EdgeProduct, KernelProduct, Workspace

IDENTITY = "identity"  # the name of a shortcut's block, which has no weights


class PathSums:
    """Sums over paths of a graph, each edge counting as 1 or as its squared weight.

    arriving[k], leaving[k]: float64 [C, H, W, 1] per layer, the sums over paths from an input to each unit and from
    each unit to an output, times 2^-exponent of the layer; the empty path counts at inputs and outputs.
    """

    def __init__(self, graph: LayeredGraph, squared_weights: bool = False):
        self.graph, self.workspace = graph, Workspace()
        self.products = [
            (block.source, block.target, edge_product(block, graph.layers, squared_weights), block.name)
            for block in graph.blocks
            if block.edge_count
        ]
        self.arriving, self.arriving_exponent = self._pass(graph.inputs, backward=False)
        self.leaving, self.leaving_exponent = self._pass(graph.outputs, backward=True)

    def _pass(self, ends, backward: bool):
        """(sums, exponents) of every layer; starts at the half-open ranges of node ids `ends`."""
        layers = self.graph.layers
        start = np.zeros(self.graph.node_count)
        for first, last in ends:
            start[first:last] = 1
        sums, exponents = [], [0] * len(layers)
        for layer in layers:
            part = start[layer.offset : layer.offset + layer.size]
            sums.append(part.reshape(layer.channels, layer.height, layer.width, 1))
        for k in reversed(range(len(layers))) if backward else range(len(layers)):
            parts = [(sums[k], 0)]
            for source, target, product, _ in self.products:
                near, far = (target, source) if backward else (source, target)
                if far == k:
                    result = np.zeros_like(sums[k])
                    (product.backward if backward else product.forward)(sums[near], result, self.workspace)
                    parts.append((result, exponents[near]))
            sums[k], exponents[k] = scaled_sum(parts)
        return sums, exponents

    def log_sum(self) -> float:
        """ln of the sum over all paths from an input to an output; -inf without any."""
        return log_total(
            (self.arriving[k][:, :, :, 0].ravel()[self._outputs(k)].sum(), self.arriving_exponent[k])
            for k in range(len(self.graph.layers))
        )

    def _outputs(self, k: int) -> np.ndarray:
        """Positions, inside layer k, of the units that are outputs."""
        layer = self.graph.layers[k]
        end = layer.offset + layer.size
        ids = [np.arange(max(first, layer.offset), min(last, end)) for first, last in self.graph.outputs]
        return np.concatenate([*ids, np.empty(0, int)]).astype(int) - layer.offset

    def log_sum_without_each_edge(self) -> float:
        """ln of the sum, over all edges, of the paths through it with the edge's own value left out; -inf without any.

        With squared weights, the trace of the path kernel: sum over paths p and weights w of p of (value of p / w)^2.
        """
        terms = []
        for block in self.graph.blocks:
            if not block.edge_count:
                continue
            product = edge_product(block, self.graph.layers, squared_weights=False)
            near, far = self.arriving[block.source], self.leaving[block.target]
            result = np.zeros_like(far)
            product.forward(near, result, self.workspace)
            exponent = self.arriving_exponent[block.source] + self.leaving_exponent[block.target]
            terms.append((float((result * far).sum()), exponent))
        return log_total(terms)

    def edges_on_paths(self) -> dict[str, int]:
        """{network layer: its edges on a path from an input to an output} (self must hold the edges' ones)."""
        found = {}
        for source, target, product, name in self.products:
            reached, leads = (self.arriving[source] > 0).astype(float), (self.leaving[target] > 0).astype(float)
            result = np.zeros_like(leads)
            product.forward(reached, result, self.workspace)
            found[name] = found.get(name, 0) + int(np.rint((result * leads).sum()))
        return found

    def live_units(self) -> list[np.ndarray]:
        """Per layer, which units lie on a path from an input to an output: bool [C, H, W]."""
        pairs = zip(self.arriving, self.leaving, strict=True)
        return [((arriving > 0) & (leaving > 0))[..., 0] for arriving, leaving in pairs]

    def live_counts(self) -> dict[str, dict[str, int]] | None:
        """{network layer: counts}, identity shortcuts left out; None if a block has explicit edges and so no channels.

        channels and live_channels (with a unit on a path) are those that the layer writes, inside and possible_inside
        its edges and those of its unmasked kernel between live channels, possible all edges of the unmasked kernel.
        Where a layer is applied twice or reads several node layers, the sums.
        """
        if any(isinstance(block, EdgeBlock) for block in self.graph.blocks):
            return None
        live = [units.any((1, 2)) for units in self.live_units()]
        found = {}
        for block in self.graph.blocks:
            if block.name == IDENTITY:
                continue
            out, per_group = block.mask.shape[:2]
            written = live[block.target][block.target_channel :][:out]
            read = live[block.source][block.source_channel :][: block.groups * per_group]
            pairs = written[:, None] & np.repeat(read.reshape(block.groups, per_group), out // block.groups, axis=0)
            entries, each = (block.mask & pairs[:, :, None, None]).sum((0, 1)), block.edges_per_entry
            counts = {"channels": out, "live_channels": int(written.sum()), "inside": int((entries * each).sum())}
            counts |= {"possible_inside": int(pairs.sum() * each.sum()), "possible": int(pairs.size * each.sum())}
            before = found.setdefault(block.name, dict.fromkeys(counts, 0))
            found[block.name] = {name: before[name] + count for name, count in counts.items()}
        return found


def edge_product(block, layers, squared_weights: bool):
    """Products with a block's edges as ones or as squared weights."""
    if isinstance(block, EdgeBlock):
        value = block.weight.astype(float) ** 2 if squared_weights else np.ones(block.edge_count)
        return EdgeProduct(replace(block, weight=value), layers, np.dtype(float))
    value = np.where(block.mask, block.weight.astype(float) ** 2 if squared_weights else 1.0, 0.0)
    return KernelProduct(replace(block, weight=value), layers[block.source], layers[block.target], np.dtype(float))


def scaled_sum(parts) -> tuple[np.ndarray, int]:
    """Sum of (array, exponent) pairs, each standing for array * 2^exponent, with its largest entry below 1."""
    exponent = max((e + int(np.frexp(a.max(initial=0.0))[1]) for a, e in parts if a.any()), default=0)
    return sum(np.ldexp(a, e - exponent) for a, e in parts), exponent


def log_total(terms) -> float:
    """ln of the sum of value * 2^exponent over (value, exponent) pairs; -inf where it is 0."""
    logs = [np.log(value) + exponent * np.log(2) for value, exponent in terms if value > 0]
    return float(np.logaddexp.reduce(logs)) if logs else -np.inf
