"""Weights at initialisation."""

from torch import nn


def kaiming_(model: nn.Module) -> nn.Module:
    """Draw every Conv and Linear weight from N(0, 2 / fan_in) and zero its bias, in place (paper, section 4).

    Draws from torch's global generator, in the order of `named_modules`.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model
