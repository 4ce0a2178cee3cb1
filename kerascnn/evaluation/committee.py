"""Several models as one: the mean of their probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascnn.errors import UserError
from kerascnn.evaluation.predictions import Predictions


def committee(members: Sequence[Predictions]) -> Predictions:
    """Returns what models say together (Ciresan et al. 2012, section 2.1).

    Args:
        members: Two tables or more of the same examples, in any order of them.

    Raises:
        UserError: If the classes or the examples are not the same.
    """
    first = members[0]
    total = np.zeros((first.size, len(first.classes)))
    for member in members:
        if member.classes != first.classes:
            raise UserError(
                "the runs have other classes: a committee answers with one list of them"
            )
        place = {example: row for row, example in enumerate(member.examples)}
        rows = [place[example] for example in first.examples if example in place]
        if len(rows) < first.size or member.size != first.size or member.data != first.data:
            raise UserError(
                f"the runs were scored on other examples: of {first.size:,} and {member.size:,} "
                f"they share {len(rows) if member.data == first.data else 0:,}"
            )
        total += member.by_class[rows]
    mean = np.maximum(total / len(members), np.finfo(np.float32).tiny)
    return first.with_logits(np.log(mean))
