"""What every trial's process finds imported already: the fork server imports this module once.

No GPU may be looked for here: CUDA does not live through the fork.
"""

from kerascnn.backend import import_quietly

import_quietly(probe=False)

import kerascnn.experiment  # noqa: E402
import kerascnn.models  # noqa: E402
import kerascnn.tuning.trial  # noqa: E402, F401
