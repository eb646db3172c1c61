"""PURE: how measured figures are shown: least, median and most of the rounds, against what is asked."""

from collections.abc import Callable, Sequence
from statistics import median, quantiles

Judged = Callable[[Sequence[float]], float]


def spread(
    name: str, values: Sequence[float], unit: str = "", *, most: float | None = None, judged: Judged = median
) -> str:
    """Write a line for one figure over the rounds; `most` is asked of what `judged` makes of them."""
    asked = ""
    if most is not None:
        asked = f"   asked: at most {most:g}{unit}: {'reached' if judged(values) <= most else 'NOT REACHED'}"
    return f"{name:<58} min {min(values):8.2f}  median {median(values):8.2f}  max {max(values):8.2f} {unit}{asked}"


def percentile(values: Sequence[float], hundredth: int) -> float:
    """Give a percentile of at least two values."""
    return quantiles(values, n=100, method="inclusive")[hundredth - 1]
