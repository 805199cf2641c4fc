"""The Muon optimizer (https://kellerjordan.github.io/posts/muon): orthogonal steps for weights that are matrices.

It needs about half the steps of AdamW here. Convolutions are taken as matrices of (out, in * height * width).
"""

from collections.abc import Iterable
from typing import Any

import torch

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
#: Scales a matrix so that its elements move about as far as AdamW would move them (arXiv 2502.16982).
_RMS = 0.2


class Muon(torch.optim.Optimizer):  # type: ignore[misc]  # torch is not checked
    def __init__(
        self, params: Iterable[torch.nn.Parameter], lr: float, momentum: float = 0.95, decay: float = 0.01
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002  # the parent's signature
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group)

    def _move(self, weight: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight)
        momentum: torch.Tensor = state["momentum"]
        momentum.lerp_(weight.grad, 1 - group["momentum"])
        ahead = weight.grad.lerp(momentum, group["momentum"]).flatten(1)
        direction = orthogonal(ahead).reshape(weight.shape).to(weight.dtype)
        reach = _RMS * max(ahead.shape) ** 0.5
        weight.mul_(1 - group["lr"] * group["decay"])
        weight.add_(direction, alpha=-group["lr"] * reach)


def orthogonal(matrix: torch.Tensor) -> torch.Tensor:
    """About the nearest matrix whose singular values are all one, in bfloat16."""
    a, b, c = _NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


def fast(
    named: Iterable[tuple[str, torch.nn.Parameter]], matrix_rate: float, other_rate: float, plain: tuple[str, ...]
) -> dict[str, torch.optim.Optimizer]:
    """Muon for the matrices, AdamW for vectors and for everything whose name contains one of ``plain``."""
    matrices: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, weight in named:
        (others if weight.ndim < 2 or any(part in name for part in plain) else matrices).append(weight)
    optimizers: dict[str, torch.optim.Optimizer] = {
        "muon": Muon(matrices, matrix_rate),
        "adam": torch.optim.AdamW(others, other_rate, betas=(0.9, 0.99), weight_decay=0.0),
    }
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def set_rates(optimizers: dict[str, torch.optim.Optimizer], factor: float) -> None:
    """Learning rates as a part of their peaks."""
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor
