"""What was tried and what held, and the table of it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.torture.command_line import Finished


@dataclass
class Count:
    """What came of one kind of attack.

    Attributes:
        what: It is.
        unit: What is counted.
        tried: How many.
        seconds: All of it took.
        peak: Bytes of memory at most, of one process.
        failures: What did not hold, a line each.
        notes: What else was counted.
    """

    what: str
    unit: str
    tried: int = 0
    seconds: float = 0.0
    peak: int = 0
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    def add(self, which: str, faults: Iterable[str], number: int = 1) -> None:
        """Counts some more, of which no more than one each for the faults did not hold."""
        self.tried += number
        faults = list(faults)
        if faults and number == 1:
            faults = ["; ".join(faults)]
        for fault in faults:
            self.failures.append(f"{which}: {fault}")
            print(f"  did not hold: {self.failures[-1]}", flush=True)

    def saw(self, *commands: Finished) -> None:
        """Notes the memory that commands took."""
        self.peak = max(self.peak, *(command.peak for command in commands))

    def done(self) -> Count:
        """Stops the clock."""
        self.seconds = time.perf_counter() - self.began
        print(f"{self.what}: {self.held} of {self.tried}, {self.seconds:.0f} s", flush=True)
        return self

    @property
    def held(self) -> int:
        """How many held."""
        return max(self.tried - len(self.failures), 0)


HEADINGS = ("What", "Tried", "Held", "Seconds", "Peak memory")


def table(counts: Iterable[Count]) -> str:
    """Returns the table in Markdown."""
    lines = [f"| {' | '.join(HEADINGS)} |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {count.what} | {count.tried} {count.unit} | {count.held} "
        f"| {count.seconds:,.0f} | {count.peak / 2**20:,.0f} MiB |"
        for count in counts
    ]
    return "\n".join(lines)
