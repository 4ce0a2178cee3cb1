"""How far training is from what the machine can do: the bound of a step, and ours beside it.

    make bench-env
    python -m benchmarks.limits [--rounds 5] [--only airbench]
    python -m benchmarks.limits render        # writes the table of docs/performance.md

The machine's rates are measured (`benchmarks/contestants/machine.py`): oneDNN's best product in
the precision, and a copy in memory. A step cannot be shorter than its multiplications at the one
rate, nor than its bytes at the other (`benchmarks/step_cost.py`); its bound is the longer of the
two, as if each hid the other. Ours is the faster of kernels' gradients as oneDNN has them and by
products. Maps that stay in a cache pass faster than that, so the bytes are a
bound of large networks only; where they come first the table says "memory". The rates and our
steps are timed in turn, in processes of their own; each figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contest import QUIET, Contestant, Gone, contest, hardware, python_of
from benchmarks.contestants.training import NETWORKS
from benchmarks.tables import read_rows, replace_rows, write_between
from benchmarks.training_rate import BFLOAT16, FLOAT32, OURS, Kind, start

TABLE = Path(__file__).with_name("limits.csv")
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- limits: made by benchmarks/limits.py render -->", "<!-- end of limits -->"
FIELDS = (
    "network", "batch", "precision", "megaflops_per_image", "kilobytes_per_image",
    "product_gigaflops", "copy_gigabytes", "bound_by", "bound_images_per_second",
    "images_per_second", "share", "rounds", "others", "beside_other_work", "versions", "hardware",
)  # fmt: skip
CHOSEN = ("LeNet-5", "CIFAR ResNet-20", "airbench", "ResNet-18 at 224")
_SECONDS = 1.5  # of the machine's rates, in a round


def bound(
    word: Mapping[str, Any], batch: int, *, product: float, copy: float
) -> tuple[float, float]:
    """Returns the seconds that a step's products and its bytes take at least.

    Args:
        word: What a contestant says of its network.
        batch: Images of a step.
        product: Floating point operations per second.
        copy: Bytes per second.
    """
    moved = word["bytes_per_image"] * batch + word["bytes_per_step"]
    return word["flops_per_image"] * batch / product, moved / copy


def measure(
    networks: Sequence[str], precisions: Sequence[str], rounds: int, round_seconds: float
) -> list[dict[str, Any]]:
    """Lets the machine's rates and our steps take turns; returns a row for each network."""
    processors = len(os.sched_getaffinity(0))
    command: list[str | Path] = [python_of("kerascnn"), "-m", "benchmarks.contestants.machine"]
    machine = Contestant("the machine", command)
    entries = {
        (network, precision, name): start(Kind(name, precision, processors), network, 180)
        for network in networks
        for precision in precisions
        for name in (OURS if precision == FLOAT32 else OURS[:1])
    }
    kinds = [*(precision.removeprefix("mixed_") for precision in precisions), "copy"]
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    found: dict[tuple[str, str, str], list[tuple[float, float]]] = {key: [] for key in entries}
    with contest([machine, *entries.values()]) as ready:
        steps = dict.fromkeys(entries, 1)
        for number in range(-1, rounds):
            for what, values in rates.items():
                answer, others = machine.ask({"what": what, "seconds": _SECONDS}, 60)
                _warn(what, others)
                values.append(answer["rate"])
            for key, contestant in entries.items():
                answer, others = contestant.ask({"steps": steps[key]}, 120)
                if number < 0:
                    steps[key] = max(1, math.ceil(round_seconds / answer["seconds"]))
                    continue
                _warn(contestant.name, others)
                found[key].append((answer["images"] / answer["seconds"], others))
        words = {key: ready[contestant.name][1] for key, contestant in entries.items()}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for (network, precision, name), taken in found.items():
        batch, word = NETWORKS[network].batch, words[network, precision, name]
        product = statistics.median(rates[precision.removeprefix("mixed_")])
        copy = statistics.median(rates["copy"])
        seconds = bound(word, batch, product=product, copy=copy)
        rate, others = (statistics.median(value) for value in zip(*taken, strict=True))
        best = batch / max(seconds)
        before = rows.get((network, precision))
        if before is None or before["images_per_second"] < rate:
            rows[network, precision] = {
                "network": network,
                "batch": batch,
                "precision": precision,
                "megaflops_per_image": round(word["flops_per_image"] / 1e6, 1),
                "kilobytes_per_image": round(word["bytes_per_image"] / 1e3),
                "product_gigaflops": round(product / 1e9, 1),
                "copy_gigabytes": round(copy / 1e9, 1),
                "bound_by": "products" if seconds[0] >= seconds[1] else "memory",
                "bound_images_per_second": round(best, 1),
                "images_per_second": round(rate, 1),
                "share": round(rate / best, 2),
                "rounds": rounds,
                "others": round(others, 2),
                "beside_other_work": "yes" if others > QUIET else "no",
                "versions": word["versions"],
                "hardware": hardware(),
            }
    return list(rows.values())


def _warn(name: str, others: float) -> None:
    if others > QUIET:
        print(f"  beside {name}: {others:.1f} processors busy", flush=True)


def keep(rows: Sequence[dict[str, Any]]) -> None:
    """Writes rows in place of those of the same machine, network and precision."""
    replace_rows(TABLE, FIELDS, ("hardware", "network", "precision"), rows)


def rendered() -> str:
    """Returns the table in Markdown."""
    lines = [
        "| On | Network | In | A step's work for one image | The machine | Bound, images/s "
        "| Ours, images/s | Share |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['hardware']} | {row['network']} | {row['precision'].replace('_', ' ')} "
        f"| {float(row['megaflops_per_image']):,.1f} MFLOP, "
        f"{int(row['kilobytes_per_image']):,} kB "
        f"| {float(row['product_gigaflops']):,.0f} GFLOP/s, "
        f"{float(row['copy_gigabytes']):.0f} GB/s "
        f"| {float(row['bound_images_per_second']):,.0f} ({row['bound_by']}) "
        f"| {float(row['images_per_second']):,.0f}"
        f"{' (beside other work)' if row['beside_other_work'] == 'yes' else ''} "
        f"| {float(row['share']):.2f} |"
        for row in read_rows(TABLE)
    ]
    return "\n".join(lines)


def render() -> None:
    write_between(PAGE, BEGIN, END, rendered())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--round-seconds", type=float, default=1.0)
    parser.add_argument("--only", choices=CHOSEN, action="append")
    parser.add_argument("--dry-run", action="store_true", help="keep no figure")
    parser.add_argument("--precision", choices=(FLOAT32, BFLOAT16), action="append")
    given = parser.parse_args()
    precisions = given.precision or (FLOAT32, BFLOAT16)
    try:
        rows = measure(given.only or CHOSEN, precisions, given.rounds, given.round_seconds)
    except Gone as gone:
        sys.exit(str(gone))
    for row in rows:
        print({key: row[key] for key in FIELDS[:13]}, flush=True)
    if not given.dry_run:
        keep(rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["render"]:
        render()
    else:
        main()
