"""The graph of every classification network in torchvision: its size, its blocks and how long it takes.

    python benchmarks/torchvision_graphs.py [names...]

Untrained and dense, 1,000 classes, images of 224 pixels (299 for inception_v3), identity shortcuts and attention as by
default. Prints one row of the table in docs/graphs.md per network: nodes, edges, kernel blocks and edge blocks of the
multipartite graph, and CPU seconds for the trace and the blocks' tables; or the operation that has no rule.
"""

import logging
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch.overrides import TorchFunctionMode

sys.path.append(str(Path(__file__).parents[1] / "workflow" / "scripts"))

from sparse_topology.graphs.geometry import EdgePlan, Geometry, KernelPlan, encode
from sparse_topology.graphs.trace import trace
from sparse_topology.job import InputError


class Undrawn(TorchFunctionMode):
    """No weight is drawn: a graph does not depend on them, and drawing takes longer than tracing."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if getattr(func, "__name__", "") in ("normal_", "uniform_", "trunc_normal_", "kaiming_uniform_", "erfinv_"):
            return (args[0] if args else kwargs["tensor"]).zero_()  # some are drawn again until they are small
        return func(*args, **kwargs or {})


def build(name: str) -> torch.nn.Module:
    options = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.no_grad(), Undrawn():
        module = getattr(torchvision.models, name)(weights=None, **options)
    for parameter in module.parameters():
        parameter.data = torch.zeros(()).expand(parameter.shape)
    return module


def edge_count(geometry: Geometry) -> int:
    """Edges of the dense network, block by block: the largest do not fit into memory at once."""
    total = 0
    for plan in geometry.plans:
        if isinstance(plan, KernelPlan) and len({term.rectangle for term in plan.terms}) == 1:  # the kernel is full
            term = plan.terms[0]
            total += (term.outputs[1] - term.outputs[0]) * (term.inputs[1] - term.inputs[0]) * len(plan.y) * len(plan.x)
            continue
        used = {term.parameter for term in _terms(plan)}
        parameters = [parameter for parameter in geometry.parameters if parameter.key in used]
        ones = {parameter.key: np.ones(parameter.shape, bool) for parameter in parameters}
        total += encode(replace(geometry, parameters=parameters, plans=[plan]), ones, ones).edge_count
    return total


def _terms(plan):
    return plan.terms if isinstance(plan, KernelPlan) else [*plan.joins, *(t for k in plan.kernels for t in k.terms)]


def row(name: str) -> str:
    size = 299 if name == "inception_v3" else 224
    module, start = build(name), time.process_time()
    try:
        geometry = trace(module, (3, size, size))
    except InputError as error:
        return f"| {name} | {error} |"
    seconds = time.process_time() - start
    lists = sum(isinstance(plan, EdgePlan) for plan in geometry.plans)
    nodes = sum(layer.size for layer in geometry.layers)
    edges = f"{edge_count(geometry):,}"
    return f"| {name} | {nodes:,} | {edges} | {len(geometry.plans) - lists} | {lists} | {seconds:.1f} |"


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    print("| network | nodes | edges | kernel blocks | edge blocks | seconds |\n|---|---|---|---|---|---|")
    for name in sys.argv[1:] or torchvision.models.list_models(module=torchvision.models):
        print(row(name), flush=True)
