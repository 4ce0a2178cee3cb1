"""A client of a tracking server that waits for one that is gone for a while.

Servers are restarted, and networks fail for seconds. What may safely be asked twice is asked again
until the server is back: figures of an epoch are in the store once, however often they were sent.
"""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable
from typing import Any

import requests
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

PATIENCE = 60.0  # seconds
_PAUSE = 1.0  # seconds, between two tries

# Reading, and writing that comes to the same when it is done twice.
REPEATABLE = (
    "delete_tag", "download_artifacts", "get_experiment_by_name", "get_metric_history", "get_run",
    "list_artifacts", "log_artifact", "log_artifacts", "log_batch", "log_text", "search_runs",
    "set_experiment_tag", "set_tag", "set_terminated", "update_run",
)  # fmt: skip


class PatientClient(MlflowClient):
    """A client whose calls are made again, for a minute, where the server does not answer.

    After a minute in vain it does not wait again, until something has been answered: a run that
    fails for it ends soon.
    """

    def __init__(self, uri: str, shown: str, patience: float):
        """Makes one.

        Args:
            uri: The server's address.
            shown: The address as it may be shown.
            patience: Seconds.
        """
        super().__init__(uri)
        self._shown, self._patience = shown, patience
        self._given_up = False

    def _ask(self, call: Callable[[], Any]) -> Any:
        deadline = None
        while True:
            try:
                answer = call()
            except (MlflowException, requests.RequestException) as error:
                if self._given_up or not no_answer(error):
                    raise
                if deadline is not None and time.monotonic() > deadline:
                    self._given_up = True
                    raise
            else:
                self._given_up = False
                return answer
            if deadline is None:
                warnings.warn(
                    f"the tracking server at {self._shown} does not answer: waiting for it, up to "
                    f"{self._patience:g} s",
                    stacklevel=4,
                )
                deadline = time.monotonic() + self._patience
            time.sleep(_PAUSE)


def no_answer(error: Exception) -> bool:
    """Whether an error says that a server could not be reached or could not answer, for now."""
    if isinstance(error, requests.HTTPError):
        return error.response is not None and error.response.status_code >= 500
    if isinstance(error, requests.RequestException):
        return isinstance(error, requests.ConnectionError | requests.Timeout)
    if getattr(error, "error_code", None) == "TEMPORARILY_UNAVAILABLE":
        return True
    text = str(error)
    return "API request to" in text and any(words in text for words in _FAILED)


_FAILED = ("failed with exception", "failed with timeout", "failed with error code 5")


def _patient(name: str) -> Callable[..., Any]:
    method = getattr(MlflowClient, name)

    @functools.wraps(method)
    def asked(self: PatientClient, *arguments: Any, **options: Any) -> Any:
        return self._ask(lambda: method(self, *arguments, **options))

    return asked


for _name in REPEATABLE:
    setattr(PatientClient, _name, _patient(_name))
