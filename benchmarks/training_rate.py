"""Training rate: kerascnn against the same network in plain Keras, in PyTorch and on JAX.

    make bench-env                            # an environment for each, under build/bench
    python -m benchmarks.training_rate [--rounds 5] [--only LeNet-5] [--contestants "torch.compile"]

Images per second of training steps (forward, backward, update by SGD with momentum) on random
images in memory, each through the contestant's own input path. The contestants take turns, each in
a process and an environment of its own (`benchmarks/contest.py`); each figure is the median over
the rounds: images per second, the processor time of an image in all threads, and the processors
that other work kept busy meanwhile. Each is tried with all processors in float32 and bfloat16; ours
and PyTorch with one in float32, too. Who takes more than 5 s for a step is left out, and named.

Rows of training_rate.csv of this machine and these networks are replaced, those of others stay.
`python -m benchmarks.results render` writes the tables of the pages.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contest import PLACE, QUIET, Contestant, Gone, contest, hardware, python_of
from benchmarks.contestants.training import NETWORKS
from benchmarks.tables import replace_rows

TABLE = Path(__file__).with_name("training_rate.csv")
FIELDS = (
    "network", "batch", "contestant", "precision", "threads", "images_per_second",
    "us_per_image", "rounds", "others", "beside_other_work", "versions", "hardware",
)  # fmt: skip
FLOAT32, BFLOAT16 = "float32", "mixed_bfloat16"

# Name: environment, module, and what its last argument says.
CONTESTANTS = {
    "kerascnn": ("kerascnn", "keras_training", "kerascnn"),
    "kerascnn by products": ("kerascnn", "keras_training", "products"),
    "plain Keras": ("kerascnn", "keras_training", "keras"),
    "Keras on JAX": ("jax", "keras_training", "jax"),
    "PyTorch": ("torch", "torch_training", "eager"),
    "torch.compile": ("torch", "torch_training", "compiled"),
}
OURS = ("kerascnn", "kerascnn by products")
ALONE = ("kerascnn", "PyTorch", "torch.compile")  # are tried on one processor, too
_SLOWEST = 5.0  # seconds of a step; who takes longer is left out


@dataclass(frozen=True)
class Kind:
    """What is timed: whose code, with which numbers, on how many processors."""

    contestant: str
    precision: str
    threads: int

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        return f"{self.contestant}, {self.precision.replace('_', ' ')}, {threads}"


@dataclass(frozen=True)
class Speed:
    """Of one round, or the median of several."""

    rate: float  # images/s
    cost: float  # microseconds of processor time per image
    others: float  # processors busy with other work


def kinds(names: Sequence[str], precisions: Sequence[str]) -> list[Kind]:
    """Returns what there is to time of some contestants."""
    processors = len(os.sched_getaffinity(0))
    found = []
    for name in names:
        found += [Kind(name, precision, processors) for precision in precisions]
        if processors > 1 and name in ALONE:
            found.append(Kind(name, FLOAT32, 1))
    return found


def start(kind: Kind, network: str, patience: float) -> Contestant:
    """Returns a contestant that trains a network.

    Raises:
        Gone: Where its environment has not been made.
    """
    environment, module, mode = CONTESTANTS[kind.contestant]
    precision = kind.precision
    if environment == "torch":
        precision = precision.removeprefix("mixed_")
    variables = {"TORCHINDUCTOR_CACHE_DIR": str(PLACE / "inductor")}
    if environment == "jax":
        variables = {"KERAS_BACKEND": "jax", "JAX_COMPILATION_CACHE_DIR": str(PLACE / "jax-cache")}
    return Contestant(
        f"{network}, {kind}",
        [
            python_of(environment),
            "-m",
            f"benchmarks.contestants.{module}",
            network,
            precision,
            str(kind.threads),
            mode,
        ],
        patience=patience,
        variables=variables,
    )


def compare(
    network: str, chosen: Sequence[Kind], rounds: int, round_seconds: float, patience: float
) -> tuple[dict[Kind, Speed], dict[Kind, str]]:
    """Lets contestants take turns; returns their medians and their versions."""
    entries: dict[Kind, Contestant] = {}
    for kind in chosen:
        try:
            entries[kind] = start(kind, network, patience)
        except Gone as gone:
            print(f"  {kind}: {gone}", flush=True)
    speeds: dict[Kind, list[Speed]] = {}
    versions: dict[Kind, str] = {}
    steps: dict[Kind, int] = {}
    with contest(list(entries.values())) as ready:
        for number in range(-1, rounds):  # the first tells how many steps a round takes
            for kind, contestant in entries.items():
                if contestant.name not in ready:
                    continue
                try:
                    answer, others = contestant.ask(
                        {"steps": steps.get(kind, 1)}, patience + 10 * round_seconds
                    )
                except Gone as gone:
                    print(f"  {kind}: {gone}", flush=True)
                    del ready[contestant.name]
                    speeds.pop(kind, None)
                    continue
                images, seconds = answer["images"], answer["seconds"]
                if number < 0:
                    step = seconds / images * NETWORKS[network].batch
                    if step > _SLOWEST:
                        print(f"  {kind}: left out, a step takes {step:.0f} s", flush=True)
                        del ready[contestant.name]
                        continue
                    steps[kind] = max(1, math.ceil(round_seconds / step))
                    versions[kind] = ready[contestant.name][1]["versions"]
                    continue
                if others > QUIET:
                    print(f"  round {number + 1}, beside {kind}: {others:.1f} processors busy")
                cost = 1e6 * answer["processor_seconds"] / images
                speeds.setdefault(kind, []).append(Speed(images / seconds, cost, others))
    medians = {
        kind: Speed(
            *(
                statistics.median(getattr(speed, field) for speed in found)
                for field in ("rate", "cost", "others")
            )
        )
        for kind, found in speeds.items()
    }
    return medians, versions


def tell(speeds: dict[Kind, Speed]) -> None:
    """Prints the figures of one network, and kerascnn's best beside each other's best."""
    for kind, speed in speeds.items():
        beside = " (beside other work)" if speed.others > QUIET else ""
        print(
            f"  {kind!s:45}{speed.rate:9,.1f} images/s{speed.cost:10,.0f} us/image"
            f"{speed.others:7.2f} others{beside}"
        )
    own = [speed for kind, speed in speeds.items() if kind.contestant in OURS]
    for name in dict.fromkeys(kind.contestant for kind in speeds):
        peers = [speed for kind, speed in speeds.items() if kind.contestant == name]
        if own and name not in OURS:
            rate = max(s.rate for s in own) / max(s.rate for s in peers)
            cost = min(s.cost for s in peers) / min(s.cost for s in own)
            print(f"  kerascnn's best is {rate:.2f} times {name}'s ({cost:.2f} by processor time)")
    print(end="", flush=True)


def keep(rows: list[dict[str, object]]) -> None:
    """Writes rows in place of those of the same machine, network and contestant."""
    replace_rows(TABLE, FIELDS, ("hardware", "network", "contestant"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--round-seconds", type=float, default=1.0)
    parser.add_argument("--patience", type=float, default=180, help="seconds, to be ready")
    parser.add_argument("--only", choices=NETWORKS, action="append")
    parser.add_argument("--contestants", choices=CONTESTANTS, action="append")
    parser.add_argument("--dry-run", action="store_true", help="keep no figure")
    parser.add_argument("--precision", choices=(FLOAT32, BFLOAT16), action="append")
    given = parser.parse_args()
    chosen = kinds(given.contestants or list(CONTESTANTS), given.precision or (FLOAT32, BFLOAT16))
    machine = hardware()
    print(f"{machine}; load {os.getloadavg()[0]:.2f}", flush=True)
    for network in given.only or NETWORKS:
        print(f"{network}, batch {NETWORKS[network].batch}", flush=True)
        speeds, versions = compare(
            network, chosen, given.rounds, given.round_seconds, given.patience
        )
        tell(speeds)
        rows = [
            {
                "network": network,
                "batch": NETWORKS[network].batch,
                "contestant": kind.contestant,
                "precision": kind.precision,
                "threads": kind.threads,
                "images_per_second": round(speed.rate, 1),
                "us_per_image": round(speed.cost),
                "rounds": given.rounds,
                "others": round(speed.others, 2),
                "beside_other_work": "yes" if speed.others > QUIET else "no",
                "versions": versions[kind],
                "hardware": machine,
            }
            for kind, speed in speeds.items()
        ]
        if not given.dry_run:
            keep(rows)


if __name__ == "__main__":
    main()
