"""The exceptions that are told on one line: a mistake of the user, a training that failed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake that the user can mend: one line that says what was received and what is right.

    The command line prints it without a traceback and exits with code 2.

    Args:
        message: The line; bytes in it that are no text become escapes, such as \\udcff, as there is
            much that can be done with text only.
    """

    def __init__(self, message: str):
        super().__init__(message.encode(errors="backslashreplace").decode())


class TrainingError(RuntimeError):
    """A training run that cannot go on, with the likely cause on one line.

    The command line prints it without a traceback and exits with code 1.
    """


_LONGEST_NAME = 100  # characters of a name in a message

# What the field also calls things: of options, of fields, of networks and data sets.
_SYNONYMS = {
    "lr": "learning_rate",
    "learningrate": "learning_rate",
    "eta": "learning_rate",
    "bs": "batch_size",
    "batch": "batch_size",
    "batchsize": "batch_size",
    "minibatch": "batch_size",
    "wd": "weight_decay",
    "decay_rate": "weight_decay",
    "epoch": "epochs",
    "n_epochs": "epochs",
    "num_epochs": "epochs",
    "max_epochs": "epochs",
    "iterations": "steps",
    "max_steps": "steps",
    "opt": "optimizer",
    "optim": "optimizer",
    "aug": "augment",
    "augmentation": "augment",
    "augmentations": "augment",
    "transforms": "augment",
    "imgsz": "image_size",
    "img_size": "image_size",
    "input_size": "image_size",
    "resolution": "image_size",
    "size": "image_size",
    "dropout_rate": "dropout",
    "drop": "dropout",
    "act": "activation",
    "nonlinearity": "activation",
    "width": "filters",
    "channels": "filters",
    "patience": "early_stopping",
    "amp": "precision",
    "dtype": "precision",
    "fp16": "precision",
    "half": "precision",
    "scheduler": "schedule",
    "lr_scheduler": "schedule",
    "lr_schedule": "schedule",
    "grad_clip": "clip_norm",
    "clip_grad": "clip_norm",
    "clipnorm": "clip_norm",
    "gradient_accumulation": "accumulation",
    "accumulate": "accumulation",
    "ema_decay": "ema",
    "swa": "ema",
    "pretrained": "weights",
    "initialize": "weights",
    "checkpoint": "weights",
    "random_state": "seed",
    "random_seed": "seed",
    "gpu": "device",
    "cuda": "device",
    "workers": "threads",
    "num_workers": "threads",
    "dataset": "data",
    "test": "evaluate",
    "eval": "evaluate",
    "val": "evaluate",
    "validate": "evaluate",
    "score": "evaluate",
    "infer": "predict",
    "inference": "predict",
    "classify": "predict",
    "fit": "train",
    "tune": "sweep",
    "search": "sweep",
    "list": "runs",
    "ls": "runs",
    "history": "runs",
    "dashboard": "ui",
    "resnet": "resnet18",
    "vgg": "vgg16",
    "inception": "googlenet",
    "inceptionv1": "googlenet",
    "lenet": "lenet5",
    "cnn": "convnet",
    "cifar": "cifar10",
    "imagenet": "imagenet2012",
    "momentum_sgd": "sgd",
    "rmsprop": "adam",
    "nadam": "adam",
    "constant_lr": "constant",
    "cosine_decay": "cosine",
    "multistep": "step",
    "onecycle": "one-cycle",
    "reduce_on_plateau": "plateau",
}


def same_form(name: str) -> str:
    """Returns a name without what people write in different ways: case, hyphens, underscores."""
    return name.lower().lstrip("-").replace("-", "").replace("_", "").replace(" ", "")


def closest(name: str, known: Iterable[str]) -> list[str]:
    """Returns the names that one may have meant, the likeliest first; none where none is close.

    Args:
        name: The name received, such as "--lr" or "optimizer.lr".
        known: Every valid name.
    """
    known = sorted(known)
    plain = {other: same_form(other.rpartition(".")[2]) for other in known}
    wanted = same_form(name.rpartition(".")[2])
    synonym = {same_form(key): value for key, value in _SYNONYMS.items()}.get(wanted)
    for form in (wanted, same_form(synonym) if synonym else None):
        exact = [other for other in known if form and plain[other] == form]
        if exact:
            return exact[:3]
    near = difflib.get_close_matches(wanted, plain.values(), n=3, cutoff=0.7)
    found = [other for form in dict.fromkeys(near) for other in known if plain[other] == form]
    # In a short name one slip is a large share of it.
    slips = [other for other in known if _one_slip(wanted, plain[other])]
    starting = [other for other in known if len(wanted) > 2 and plain[other].startswith(wanted)]
    return list(dict.fromkeys([*found, *slips, *starting]))[:3]


def _one_slip(one: str, other: str) -> bool:
    """Whether two names differ by one letter more, less or other, or by two that changed places."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < 3 or len(longer) > len(shorter) + 1:
        return False
    if len(longer) > len(shorter):
        return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))
    differing = [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]]
    return len(differing) == 1 or (len(differing) == 2 and differing[0] == differing[1][::-1])


def unknown(kind: str, name: str, known: Iterable[str], *, hint: str = "") -> UserError:
    """Returns the error for a name that is not known, with the closest names that are.

    Args:
        kind: What was named, such as "model" or "recipe".
        name: The name received.
        known: Every valid name.
        hint: A sentence to end with, such as the command that lists the names.
    """
    known = sorted(known)
    close = closest(str(name), known)
    if close:
        advice = f"did you mean {' or '.join(close)}?"
    elif 0 < len(known) <= 12:
        advice = f"known: {', '.join(known)}."
    else:
        advice = ""
    rest = " ".join(part for part in (advice, hint) if part)
    shown = str(name)
    if len(shown) > _LONGEST_NAME:
        shown = f"{shown[:_LONGEST_NAME]}..."
    return UserError(f"unknown {kind} '{shown}'{': ' if rest else ''}{rest}")
