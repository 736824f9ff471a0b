"""From the edges that single layers draft to the blocks of a simple graph (paper, section 3.1).

Parallel edges are one edge with the weights summed. They come from overlapping windows (several kernel offsets join one
pair of positions) and from parallel layers (several kernels join one pair of node layers). Both are resolved without
listing edges: along an axis, each distinct set of offsets that joins a pair becomes one combined offset.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from sparse_topology.graphs.geometry import EdgePlan, Join, KernelPlan, Term
from sparse_topology.graphs.node_map import Piece


@dataclass(frozen=True)
class Draft:
    """The edges that one layer makes between two node layers.

    y, x: int32 [n, 3], (layer position, kernel offset, target position), with repeats; None for a join.
    """

    name: str
    source: int
    target: int
    content: Term | Join
    y: np.ndarray | None = None
    x: np.ndarray | None = None


def piece_terms(piece: Piece, parameter: str, kernel: tuple[int, int, int, int], groups: int) -> list[Term]:
    """The parts of a layer's weight that read a piece: its whole groups as one term, a cut group as its own."""
    outputs, inputs = kernel[0] // groups, kernel[1]
    start, stop = piece.channel, piece.channel + piece.channels
    terms, at = [], start
    while at < stop:
        group = at // inputs
        whole = (stop - at) // inputs if at % inputs == 0 else 0
        if whole:
            end, part = at + whole * inputs, (0, inputs)
        else:
            end = min(stop, (group + 1) * inputs)
            part = (at - group * inputs, end - group * inputs)
        count = max(whole, 1)
        terms.append(
            Term(
                parameter,
                kernel,
                (group * outputs, (group + count) * outputs),
                part,
                piece.source_channel + at - start,
                group * outputs,
                count,
                mixed=piece.mixed,
            )
        )
        at = end
    return terms


def plans(source: int, target: int, drafts: list[Draft]) -> list[KernelPlan | EdgePlan]:
    """The blocks between two layers, without parallel edges."""
    terms = [draft for draft in drafts if isinstance(draft.content, Term)]
    kernels = tuple(_kernel_plans(source, target, terms))
    joins = tuple(draft.content for draft in drafts if isinstance(draft.content, Join))
    return [EdgePlan(_name(drafts), source, target, joins, kernels)] if joins else list(kernels)


def _kernel_plans(source: int, target: int, terms: list[Draft]) -> list[KernelPlan]:
    """Terms with common edges are one kernel, and so are others on the same channels, if it is no larger."""
    if not any(_overlap(a.content, b.content) for k, a in enumerate(terms) for b in terms[:k]):
        return [_kernel_plan(source, target, [term]) for term in terms]
    groups: list[list[Draft]] = []
    for term in terms:
        near = [group for group in groups if any(_share_edges(term, other) for other in group)]
        groups = [group for group in groups if group not in near] + [[*(one for group in near for one in group), term]]
    together = _kernel_plan(source, target, terms)
    apart = [_kernel_plan(source, target, group) for group in groups] if len(groups) > 1 else [together]
    return apart if _offsets(together) > sum(map(_offsets, apart)) else [together]


def _share_edges(a: Draft, b: Draft) -> bool:
    """Whether two terms may have an edge in common."""
    shared = (np.isin(_pairs(a_table), _pairs(b_table)).any() for a_table, b_table in ((a.y, b.y), (a.x, b.x)))
    return _overlap(a.content, b.content) and all(shared)


def _pairs(table: np.ndarray) -> np.ndarray:
    return table[:, 0].astype(np.int64) << 32 | table[:, 2]


def _offsets(plan: KernelPlan) -> int:
    """Kernel entries per pair of channels."""
    return int((1 + plan.y[:, 1].max()) * (1 + plan.x[:, 1].max()))


def _name(drafts: list[Draft]) -> str:
    return "+".join(dict.fromkeys(draft.name for draft in drafts))


def _overlap(a: Term, b: Term) -> bool:
    (s0, s1, t0, t1), (u0, u1, v0, v1) = a.rectangle, b.rectangle
    return s0 < u1 and u0 < s1 and t0 < v1 and v0 < t1


def _kernel_plan(source: int, target: int, drafts: list[Draft]) -> KernelPlan:
    terms = [draft.content for draft in drafts]
    if len(drafts) == 1 and not any(_repeats(table) for table in (drafts[0].y, drafts[0].x)):
        return KernelPlan(_name(drafts), source, target, drafts[0].y, drafts[0].x, tuple(terms))
    y, by = combined_offsets([draft.y for draft in drafts], [term.kernel[2] for term in terms])
    x, bx = combined_offsets([draft.x for draft in drafts], [term.kernel[3] for term in terms])
    terms = [replace(term, y=a, x=b) for term, a, b in zip(terms, by, bx, strict=True)]
    return KernelPlan(_name(drafts), source, target, y, x, tuple(terms))


def _repeats(table: np.ndarray) -> bool:
    return len(np.unique(table[:, [0, 2]], axis=0)) < len(table)


def combined_offsets(tables: list[np.ndarray], sizes: list[int]):
    """One table for several kernels along an axis, in which each (source, target) pair occurs once.

    tables: int32 [n, 3] per kernel, (source, offset, target), repeats allowed; sizes: the kernels' extents.
    Returns the table of (source, combined offset, target) and, per kernel, int32 [combined offsets, extent]: how often
    each of its offsets counts in each combined offset.
    """
    ends = np.cumsum(sizes)
    counts: dict[tuple[int, int], np.ndarray] = defaultdict(lambda: np.zeros(ends[-1], np.int32))
    for table, start in zip(tables, ends - sizes, strict=True):
        for before, offset, after in table.tolist():
            counts[before, after][start + offset] += 1
    pairs = sorted(counts)
    labels, label = np.unique([counts[pair] for pair in pairs], axis=0, return_inverse=True)
    table = np.insert(np.array(pairs, np.int32), 1, label.ravel(), axis=1)
    return table, np.split(labels, ends[:-1], axis=1)
