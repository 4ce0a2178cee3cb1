"""Problems in the plane that no line divides, and what learns them.

The lectures' hard cases for a linear classifier, the perceptron with its update rule, and nets of
one to three layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from kerascnn.backend import keras, tf

ProblemName = Literal["quadrants", "ring", "modes"]
LearnerName = Literal["perceptron", "linear", "two-layer", "three-layer"]

SIDE = 3.0  # the plane is looked at from -SIDE to SIDE, both ways

# Of the three modes.
_CENTRES = np.array([[-1.7, -1.3], [1.8, -0.9], [-0.1, 1.8]])
_RADIUS = 0.8

# What class a point (x, y) is of.
RULES: Mapping[ProblemName, Callable[[np.ndarray], np.ndarray]] = {
    "quadrants": lambda x: x[:, 0] * x[:, 1] > 0,
    "ring": lambda x: (np.linalg.norm(x, axis=1) >= 1) & (np.linalg.norm(x, axis=1) <= 2),
    "modes": lambda x: (np.linalg.norm(x[:, np.newaxis] - _CENTRES, axis=2) < _RADIUS).any(axis=1),
}
assert set(RULES) == set(get_args(ProblemName))

HIDDEN: Mapping[LearnerName, tuple[int, ...]] = {
    "linear": (),
    "two-layer": (24,),
    "three-layer": (16, 16),
}
_RATE = 0.03  # of Adam


def points(problem: ProblemName, count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns points of the plane with their classes, as many of the one as of the other.

    Args:
        problem: Which rule the classes follow.
        count: How many, an even number.
        seed: Of the draws; evenly spread over each class.

    Returns:
        float32 (N, 2) and int (N,), 1 for those that the rule is true of, in random order.
    """
    draws = np.random.default_rng(seed)
    drawn = draws.uniform(-SIDE, SIDE, (40 * count + 1000, 2)).astype(np.float32)
    inside = RULES[problem](drawn)
    halves = np.concatenate([drawn[inside][: count // 2], drawn[~inside][: count // 2]])
    labels = np.repeat([1, 0], count // 2)
    order = draws.permutation(count)
    return halves[order], labels[order]


@dataclass(frozen=True)
class Perceptron:
    """A line: class 1 where w . x + b > 0."""

    weights: np.ndarray
    bias: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Returns w . x + b of points (N, 2), (N,)."""
        scores: np.ndarray = x @ self.weights + self.bias
        return scores


def perceptron_pass(
    before: Perceptron, x: np.ndarray, labels: np.ndarray, *, rate: float = 0.1
) -> Perceptron:
    """Shows a perceptron every point once.

    After each: w_i <- w_i + rate (d - y) x_i, and b likewise with an input of 1, where d is the
    point's class and y the perceptron's answer (Rosenblatt 1958). Nothing changes where it is
    right; where no line divides the classes it never comes to rest.

    Args:
        before: Its weights.
        x: (N, 2).
        labels: 0 or 1, (N,).
        rate: alpha.
    """
    (w1, w2), b = before.weights.tolist(), before.bias
    for (x1, x2), label in zip(x.tolist(), labels.tolist(), strict=True):
        step = rate * (label - (w1 * x1 + w2 * x2 + b > 0))
        w1, w2, b = w1 + step * x1, w2 + step * x2, b + step
    return Perceptron(np.array([w1, w2]), b)


def best_line(x: np.ndarray, labels: np.ndarray, *, angles: int = 360) -> float:
    """Returns the share of points that the best of all lines gets right.

    Args:
        x: (N, 2).
        labels: 0 or 1, (N,).
        angles: So many directions are tried, each with every place for the line.
    """
    turn = np.arange(angles) * (2 * np.pi / angles)
    along = x @ np.stack([np.cos(turn), np.sin(turn)])  # (N, angles)
    signs = np.where(labels[np.argsort(along, axis=0)] == 1, 1, -1)
    # With the first k points on the side of class 0: right are its zeros, and the ones beyond.
    right = (labels == 1).sum() - np.concatenate([np.zeros((1, angles)), signs.cumsum(axis=0)])
    return float(right.max() / len(x))


@dataclass(frozen=True)
class Learnt:
    """What a learner became, from before its training to the end.

    Attributes:
        steps: Passes over the points before each state, (T,).
        regions: Probability of class 1 (0 or 1 for the perceptron) on `grid`, (T, G, G).
        train: Share of the training points that it gets right, (T,).
        test: And of points that it has not seen, (T,).
    """

    steps: np.ndarray
    regions: np.ndarray
    train: np.ndarray
    test: np.ndarray


def grid(cells: int) -> np.ndarray:
    """Returns the middles of G x G cells of the plane, from the top left, row by row, (G G, 2)."""
    middles = (np.arange(cells) + 0.5) / cells * 2 * SIDE - SIDE
    x, y = np.meshgrid(middles, middles[::-1])
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def learn(
    problem: ProblemName,
    learner: LearnerName,
    *,
    count: int = 400,
    passes: int = 400,
    states: int = 12,
    cells: int = 60,
    seed: int = 0,
) -> Learnt:
    """Trains a learner on a problem.

    The nets have sigmoid outputs and tanh hidden units, and are trained on all points at once,
    with cross-entropy and Adam.

    Args:
        problem: What is learnt.
        learner: What learns.
        count: Points to learn from; four times as many to be tested with.
        passes: Over the points.
        states: So many are kept, more of them at the beginning; the first is the untrained one.
        cells: A side of the grid that regions are drawn on.
        seed: Of points and weights.
    """
    x, labels = points(problem, count, seed=seed)
    unseen, answers = points(problem, 4 * count, seed=seed + 1)
    places = np.concatenate([x, unseen, grid(cells)])
    steps = np.unique(np.round((np.arange(states) / (states - 1)) ** 2 * passes).astype(int))
    scores = (
        _perceptron(x, labels, places, steps)
        if learner == "perceptron"
        else _net(HIDDEN[learner], x, labels, places, steps, seed)
    )
    said = scores > 0.5
    return Learnt(
        steps,
        scores[:, 5 * count :].reshape(len(steps), cells, cells),
        (said[:, :count] == labels).mean(axis=1),
        (said[:, count : 5 * count] == answers).mean(axis=1),
    )


def _perceptron(
    x: np.ndarray, labels: np.ndarray, places: np.ndarray, steps: np.ndarray
) -> np.ndarray:
    line, found, done = Perceptron(np.zeros(2), 0.0), [], 0
    for step in steps.tolist():
        for _ in range(step - done):
            line = perceptron_pass(line, x, labels)
        done = step
        found.append((line(places) > 0).astype(np.float32))
    return np.stack(found)


def _net(
    hidden: tuple[int, ...],
    x: np.ndarray,
    labels: np.ndarray,
    places: np.ndarray,
    steps: np.ndarray,
    seed: int,
) -> np.ndarray:
    starts = [keras.initializers.GlorotUniform(seed=seed + i) for i in range(len(hidden) + 1)]
    model = keras.Sequential([keras.Input((2,))])
    for units, start in zip(hidden, starts, strict=False):
        model.add(keras.layers.Dense(units, activation="tanh", kernel_initializer=start))
    model.add(keras.layers.Dense(1, activation="sigmoid", kernel_initializer=starts[-1]))
    optimizer = keras.optimizers.Adam(_RATE)
    optimizer.build(model.trainable_variables)
    data, wanted = tf.constant(x), tf.constant(labels[:, np.newaxis], tf.float32)

    @tf.function  # type: ignore[untyped-decorator]
    def train(times: tf.Tensor) -> None:
        for _ in tf.range(times):
            with tf.GradientTape() as tape:
                loss = keras.losses.binary_crossentropy(wanted, model(data))
                loss = tf.reduce_mean(loss)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    found, done = [], 0
    for step in steps.tolist():
        train(tf.constant(step - done))
        done = step
        found.append(model(places).numpy()[:, 0])
    return np.stack(found)
