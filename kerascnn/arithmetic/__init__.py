"""What a network costs and what its units see: formulas, and the same for any built model."""

from kerascnn.arithmetic.analysis import Analysis, Row, analyze
from kerascnn.arithmetic.formulas import (
    Cost,
    ReceptiveField,
    convolution_cost,
    fully_connected_cost,
    output_size,
    receptive_field,
    same_padding,
)

__all__ = [
    "Analysis",
    "Cost",
    "ReceptiveField",
    "Row",
    "analyze",
    "convolution_cost",
    "fully_connected_cost",
    "output_size",
    "receptive_field",
    "same_padding",
]
