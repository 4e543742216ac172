"""Channel means and standard deviations that published results normalise with, in pixel units of [0, 1]."""

from __future__ import annotations

from typing import Literal

Statistics = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation, one of each per channel."""

StatisticsName = Literal["cifar10", "cifar100", "svhn", "imagenet"]

STATISTICS: dict[StatisticsName, Statistics] = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
    "svhn": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""As the code of HIRE-SNN (ksouvik52/hiresnn2021, attack_model_spike_cnt.py) has the first two, and that of
the robust conversion (Ozdenizci & Legenstein, TMLR 2024) all four; it uses ImageNet's for TinyImageNet."""
