"""What an export format is: how it is written, how it is run, and how others use it."""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import UserError, unknown

if TYPE_CHECKING:
    import keras
    import numpy as np

    # From a uint8 image (h, w, 3) to float32 (classes,), 0..1.
    Classifier = Callable[[np.ndarray], np.ndarray]


REPORT = "export.json"  # beside the file: what it is, and how it did when it was checked


@dataclass(frozen=True)
class About:
    """What an exported file says of itself.

    Attributes:
        classes: Names, in the order of the probabilities.
        thresholds: Where an image may have several labels, the probability from which on each is
            given; None where it has one.
        provenance: Run, data, code and versions, by name.
    """

    classes: tuple[str, ...]
    thresholds: tuple[float, ...] | None
    provenance: dict[str, str]

    def as_json(self) -> str:
        """Returns it as one JSON object."""
        thresholds = {} if self.thresholds is None else {"thresholds": list(self.thresholds)}
        return json.dumps({"classes": list(self.classes), **thresholds, **self.provenance})


@dataclass(frozen=True)
class Format:
    """A way out.

    Attributes:
        name: As `--format` takes it.
        what: In words.
        file: The name of the file, or of the folder, that is written.
        extra: Of kerascnn, that installs what it takes; None where nothing more is needed.
        modules: That must be there.
        write: Writes the network, from raw images to probabilities. Takes the network, what it says
            of itself, the path, and images of the training split, for formats that are calibrated.
        open: Opens a file with its own runtime, on one core.
        lines: Of Python, that classify the image named on their command line.
        lossy: Whether its answers may differ by what the user allows, instead of one in a thousand.
    """

    name: str
    what: str
    file: str
    extra: str | None
    modules: tuple[str, ...]
    write: Callable[[keras.Model, About, Path, Iterator[np.ndarray]], None]
    open: Callable[[Path], Classifier]
    lines: str
    lossy: bool = False

    def check_installed(self) -> None:
        """Raises UserError, with the command that installs it, where something is missing."""
        missing = [name for name in self.modules if importlib.util.find_spec(name) is None]
        if missing:
            raise UserError(
                f"format {self.name} needs {', '.join(missing)}: "
                f"pip install 'kerascnn[{self.extra}]'"
            )


# Format -> its module.
_MODULES = {
    "keras": "keras_file",
    "savedmodel": "saved_model",
    "onnx": "onnx_file",
    "litert": "litert",
    "litert-float16": "litert",
    "litert-int8": "litert",
    "openvino": "openvino_ir",
}
NAMES = tuple(_MODULES)


def format_of(name: str) -> Format:
    """Returns a format by its name.

    Raises:
        UserError: For an unknown one.
    """
    if name not in _MODULES:
        raise unknown("format", name, NAMES, hint=f"there are {', '.join(NAMES)}")
    module: Any = importlib.import_module(f"kerascnn.serving.exports.{_MODULES[name]}")
    found: Format = module.FORMATS[name]
    return found


def is_export(place: str | Path) -> bool:
    """Whether a folder is one that `kerascnn export` wrote."""
    return (Path(place) / REPORT).is_file()
