"""An analysis as records, CSV, JSON, Markdown, and the lines of its totals."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from kerascnn.arithmetic.analysis import BYTES, Analysis, Row

# Heading of each column; those after "output" are numbers.
COLUMNS = (
    "layer",
    "what",
    "output",
    "activations",
    "bytes",
    "weights",
    "biases",
    "MACs",
    "field",
    "jump",
)


def by(numbers: tuple[int, ...]) -> str:
    """Joins sizes as in 224x224x3."""
    return "x".join(map(str, numbers))


def short(number: float, unit: int = 1000, ends: str = " KMGT") -> str:
    """Three significant digits and a letter: 15.5G."""
    for end in ends:
        if number < unit or end == ends[-1]:
            break
        number /= unit
    digits = 0 if end == " " else max(0, 3 - len(str(int(number))))
    return f"{number:.{digits}f}{end}".strip()


def memory(size: int) -> str:
    """Bytes as in 58.1 MiB."""
    text = short(size, 1024)
    return f"{text[:-1]} {text[-1]}iB" if text[-1].isalpha() else f"{text} B"


def _both(vertical: int, horizontal: int) -> int | str:
    return vertical if vertical == horizontal else f"{vertical}x{horizontal}"


def what(row: Row) -> str:
    """Kind, window and groups: "conv 5x5, 2 groups"."""
    groups = f", {row.groups} groups" if row.groups > 1 else ""
    return f"{row.kind} {row.window}".strip() + groups


def cells(row: Row) -> tuple[Any, ...]:
    """One row's value in each of COLUMNS."""
    vertical, horizontal = row.fields
    return (
        row.name,
        what(row),
        by(row.output_shape),
        row.activations,
        row.activations * BYTES,
        row.weights,
        row.biases,
        row.macs,
        _both(vertical.size, horizontal.size),
        _both(vertical.jump, horizontal.jump),
    )


def totals(analysis: Analysis, batch_size: int) -> dict[str, int | float]:
    """The sums, in numbers; memory is in bytes, MACs and activations are for one image."""
    return {
        "parameters": analysis.parameters,
        "statistics": analysis.statistics,
        "MACs": analysis.macs,
        "activations": analysis.activations,
        "fully_connected_share": round(analysis.fully_connected_share, 6),
        "weight_bytes": analysis.parameter_bytes(),
        "batch_size": batch_size,
        "inference_bytes": analysis.inference_bytes(batch_size),
        "inference_bytes_all_kept": analysis.activation_bytes(batch_size),
        "training_bytes": analysis.training_bytes(batch_size),
    }


def total_lines(analysis: Analysis, batch_size: int) -> list[tuple[str, str]]:
    """The sums as (name, sentence)."""
    untrained = f", and {analysis.statistics:,} untrained" if analysis.statistics else ""
    extra = sum(row.macs for row in analysis.rows if row.auxiliary)
    heads = f"; auxiliary heads, in training only, {extra:,} more" if extra else ""
    at_once = memory(analysis.inference_bytes(batch_size))
    kept = memory(analysis.activation_bytes(batch_size))
    return [
        (
            "parameters",
            f"{analysis.parameters:,}{untrained} ({memory(analysis.parameter_bytes())}), "
            f"{analysis.fully_connected_share:.1%} of them in fully connected layers",
        ),
        ("MACs", f"{analysis.macs:,} per image{heads}"),
        ("activations", f"{analysis.activations:,} per image, the input included"),
        (
            f"inference, batch {batch_size}",
            f"{at_once} of feature maps at once ({kept} if all are kept), plus the parameters",
        ),
        (
            f"training, batch {batch_size}",
            f"{memory(analysis.training_bytes(batch_size))} (feature maps and their gradients; "
            "weights, gradients, momentum)",
        ),
    ]


def as_csv(analysis: Analysis, batch_size: int) -> str:
    """The rows, with a heading; totals are their sums."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(cells(row) for row in analysis.rows)
    return text.getvalue()


def as_json(analysis: Analysis, batch_size: int) -> str:
    """Rows and totals."""
    rows = [
        dict(zip(COLUMNS, cells(row), strict=True))
        | {"output": row.output_shape, "inputs": row.inputs, "then": row.folded}
        for row in analysis.rows
    ]
    document = {"model": analysis.name, "layers": rows, "totals": totals(analysis, batch_size)}
    return json.dumps(document, indent=2) + "\n"


def as_markdown(analysis: Analysis, batch_size: int) -> str:
    """A table and a list of the totals."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---|---|" + "---:|" * (len(COLUMNS) - 3)]
    for row in analysis.rows:
        texts = [f"{cell:,}" if isinstance(cell, int) else cell for cell in cells(row)]
        lines.append(f"| {' | '.join(texts)} |")
    lines += ["", *(f"- {name}: {text}" for name, text in total_lines(analysis, batch_size))]
    return "\n".join(lines) + "\n"
