"""What every trial's process finds imported already: the fork server imports this module once.

No GPU may be looked for here: CUDA does not live through the fork.
"""

import gc
import importlib

from kerascnn.backend import import_quietly
from kerascnn.report import WRITES_WITH

gc.disable()
import_quietly(probe=False)
for _name in (
    "kerascnn.experiment",
    "kerascnn.models",
    "kerascnn.tuning.trial",
    "sklearn.model_selection",
    *WRITES_WITH,
):
    importlib.import_module(_name)
gc.freeze()  # no trial looks through all of this for rubbish, which would copy it
gc.enable()
