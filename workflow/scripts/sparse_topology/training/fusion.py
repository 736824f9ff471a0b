"""Which BatchNorms of a network may add a shortcut and apply ReLU themselves: those whose output goes nowhere else.

A first pass observes every function that is called with the output of a BatchNorm. From the second pass on that output
is a stand-in without values, and BatchNorm is computed when what follows is called, together with it. Anything else
that meets a stand-in gets the output itself. The passes of a recorded step call the same functions in the same order.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

RELU, ADD = ("relu", "relu_"), ("add", "add_")


class Fusion:
    """normalise: `training.batchnorm.normalise`, or what takes the same arguments.

    plan: of each BatchNorm, in the order of the calls, what is computed with it: (), ("relu",), ("add",) or
    ("add", "relu"); None before the first pass has ended.
    """

    def __init__(self, normalise: Callable[..., Tensor]):
        self.normalise, self.plan = normalise, None
        self.clear()

    def clear(self) -> None:
        self.found, self.outputs = [], {}  # of the first pass: as `plan`; (tensor, its BatchNorm, state) by id
        self.number, self.waiting = 0, {}  # of a later one: (stand-in, plan, arguments, options) by id
        self.values, self.rectified = {}, {}  # (stand-in, what it is by now), sums with their ReLU

    def end(self) -> None:
        """The pass has ended."""
        self.plan = self.found if self.plan is None else self.plan
        self.clear()

    def batch_norm(self, arguments: tuple, options: dict) -> Tensor:
        """The output of a BatchNorm, or its stand-in."""
        if self.plan is None:
            y = self.normalise(*arguments, **options)
            self.observe(self.batch_norm, arguments, options, y)
            self.outputs[id(y)] = y, len(self.found), "output"
            self.found.append(())
            return y
        self.number += 1
        if not self.plan[self.number - 1]:
            return self.normalise(*arguments, **options)
        y = torch.empty_like(arguments[0], device="meta")
        self.waiting[id(y)] = y, self.plan[self.number - 1], arguments, options
        return y

    def call(self, function: Callable, arguments: tuple, options: dict, compute: Callable):
        """compute(function, arguments, options), or the same together with the BatchNorm before it."""
        if self.plan is None:
            result = compute(function, arguments, options)
            self.observe(function, arguments, options, result)
            return result
        first, name = arguments[0] if arguments else None, getattr(function, "__name__", "")
        if id(first) in self.waiting:
            follows = self.waiting[id(first)][1]
            if name in RELU and follows == ("relu",):
                return self.normalised(first, in_place(name, arguments, options), relu=True)
            if name in ADD and follows[0] == "add":
                (shortcut,), _ = self.real(arguments[1:], {})
                value = self.normalised(first, name == "add_", shortcut=shortcut, relu="relu" in follows)
                self.rectified |= {id(value): value} if "relu" in follows else {}
                return value
        arguments, options = self.real(arguments, options)
        if name in RELU and id(arguments[0]) in self.rectified:
            return self.rectified.pop(id(arguments[0]))
        return compute(function, arguments, options)

    def normalised(self, stand_in: Tensor, stays: bool, **follows) -> Tensor:
        """BatchNorm and what follows. stays: whether this is what the stand-in stands for from now on."""
        *_, arguments, options = self.waiting.pop(id(stand_in))
        value = self.normalise(*arguments, **options, **follows)
        if stays:
            self.values[id(stand_in)] = stand_in, value
        return value

    def real(self, arguments: tuple, options: dict) -> tuple[tuple, dict]:
        """The arguments with values in place of stand-ins."""
        if not self.waiting and not self.values:
            return arguments, options

        def value(entry):
            if id(entry) in self.waiting:
                return self.normalised(entry, True)
            return self.values[id(entry)][1] if id(entry) in self.values else entry

        return tree_map(value, arguments), tree_map(value, options)

    def observe(self, function: Callable, arguments: tuple, options: dict, result) -> None:
        """Note in `found` what a function says that was called with outputs of BatchNorms, or with their sums."""
        name = getattr(function, "__name__", "")
        for place, tensor in enumerate(tree_leaves((arguments, options))):
            if id(tensor) not in self.outputs:
                continue
            _, number, state = self.outputs.pop(id(tensor))
            if name in RELU and state in ("output", "sum"):
                self.found[number] += ("relu",)
                if result is not tensor:  # else it is the result from now on, which anything may read
                    self.outputs[id(tensor)] = tensor, number, f"{state}, read"
            elif name in ADD and not place and state == "output" and addable(arguments, options):
                self.found[number] = ("add",)
                self.outputs[id(tensor)] = tensor, number, "output, read"
                self.outputs[id(result)] = result, number, "sum"
            elif state.startswith("sum"):
                self.found[number] = ("add",)
            else:
                self.found[number] = ()
                self.outputs = {key: entry for key, entry in self.outputs.items() if entry[1] != number}


def in_place(name: str, arguments: tuple, options: dict) -> bool:
    """Whether a call of ReLU changes its argument."""
    return name == "relu_" or options.get("inplace", arguments[1:2] == (True,))


def addable(arguments: tuple, options: dict) -> bool:
    """Whether the kernels of BatchNorm can add the second argument to the first."""
    if options or len(arguments) != 2 or not isinstance(arguments[1], Tensor) or arguments[0] is arguments[1]:
        return False
    y, shortcut = arguments
    alike = (y.shape, y.dtype, y.device) == (shortcut.shape, shortcut.dtype, shortcut.device)
    return alike and shortcut.is_contiguous(memory_format=torch.channels_last)
