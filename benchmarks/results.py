"""The tables of the pages, from results.csv and training_rate.csv; how a run gets into the first.

python -m benchmarks.results record COMMAND RUN...   # appends finished runs of that command
python -m benchmarks.results render                  # writes them into the pages
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.tables import rate_text, read_rows, write_between, write_rows

TABLE = Path(__file__).with_name("results.csv")
RATES = Path(__file__).with_name("training_rate.csv")
README = Path(__file__).parent.parent / "README.md"
PERFORMANCE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- results: made by benchmarks/results.py render -->", "<!-- end of results -->"
FIELDS = (
    "command", "model", "data", "parameters", "commit", "seed", "epochs", "hardware",
    "tensorflow", "keras", "seconds", "test_accuracy", "test_count",
)  # fmt: skip


def record(references: Sequence[str], command: str) -> None:
    """Appends one row per run."""
    from kerascnn.tracking import load_run

    rows: list[dict[str, Any]] = [*read_rows(TABLE)]
    for run in map(load_run, references):
        assert run.status == "FINISHED", f"{run.name} is {run.status}"
        rows.append(
            {
                "command": command,
                "model": run.params["model.name"],
                "data": run.params["data.name"],
                "parameters": run.params["parameters"],
                "commit": run.tags["git_commit"][:12],
                "seed": run.params["training.seed"],
                "epochs": len(run.history["loss"]),
                "hardware": run.tags["hardware"],
                "tensorflow": run.tags["tensorflow"],
                "keras": run.tags["keras"],
                "seconds": round(run.metrics["train_seconds"], 1),
                "test_accuracy": run.metrics["test_accuracy"],
                "test_count": int(run.metrics["test_count"]),
            }
        )
    write_rows(TABLE, FIELDS, rows)


def rendered_results() -> str:
    """Returns in Markdown one line per command, the mean over its seeds."""
    lines = [
        "| Command | Parameters | Test accuracy (mean of n seeds) | Training | On |",
        "|---|---:|---|---:|---|",
    ]
    rows = read_rows(TABLE)
    for command, group in groupby(rows, key=lambda row: row["command"]):
        runs = list(group)
        scores = [float(run["test_accuracy"]) for run in runs]
        seconds = statistics.mean(float(run["seconds"]) for run in runs)
        spread = f" ({min(scores):.2%} to {max(scores):.2%})" if len(runs) > 1 else ""
        lines.append(
            f"| `{command}` | {int(runs[0]['parameters']):,} "
            f"| {statistics.mean(scores):.2%}, n = {len(runs)}{spread} "
            f"| {seconds:,.0f} s | {runs[0]['hardware']} |"
        )
    return "\n".join(lines)


def rendered_rates() -> str:
    """Returns in Markdown each contestant's best rate, of its ways, machine by machine."""
    rows = [
        row | {"contestant": row["contestant"].removesuffix(" by products")}
        for row in read_rows(RATES)
    ]
    names = list(dict.fromkeys(row["contestant"] for row in rows))
    lines = [
        f"| Training, images/s | On | {' | '.join(names)} | Ours / best of PyTorch |",
        f"|---|---|{'---:|' * len(names)}---:|",
    ]
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault((row["hardware"], row["network"]), []).append(row)
    for (hardware, network), group in groups.items():
        best: dict[str, tuple[float, str]] = {}
        for row in group:
            mark = {"yes": "*"}.get(row["beside_other_work"], "")
            figure = float(row["images_per_second"]), mark
            best[row["contestant"]] = max(figure, best.get(row["contestant"], figure))
        cells = [f"{rate_text(best[n][0])}{best[n][1]}" if n in best else "" for n in names]
        theirs = [best[name][0] for name in ("PyTorch", "torch.compile") if name in best]
        lead = f"{best['kerascnn'][0] / max(theirs):.2f}" if theirs and "kerascnn" in best else ""
        lines.append(f"| {network} | {hardware} | {' | '.join(cells)} | {lead} |")
    if any(row["beside_other_work"] == "yes" for row in rows):
        lines.append("\n\\* Taken beside other work.")
    return "\n".join(lines)


def rendered() -> str:
    """Returns what stands between the two marks in README.md; the other pages have the rates."""
    return f"{rendered_results()}\n\n{rendered_rates()}"


def render() -> None:
    """Writes the tables between the two marks of each page."""
    for page, tables in ((README, rendered()), (PERFORMANCE, rendered_rates())):
        write_between(page, BEGIN, END, tables)


if __name__ == "__main__":
    if sys.argv[1:2] == ["record"]:
        record(sys.argv[3:], command=sys.argv[2])
    elif sys.argv[1:] == ["render"]:
        render()
    else:
        sys.exit(__doc__)
