"""Decision regions while perceptron and nets learn what no line divides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from pydantic import Field

from kerascnn.lectures.classifiers import (
    SIDE,
    LearnerName,
    Learnt,
    ProblemName,
    best_line,
    learn,
    points,
)
from kerascnn.visualization.kinds import Demo
from kerascnn.visualization.picture import Picture
from kerascnn.visualization.writing import in_style, new_figure

_SHOWN = 250  # points of each problem
_MANY = 4000  # points that lines are tried on
_PANEL, _LEFT, _TOP, _GAP, _CAPTION = 2.05, 0.45, 0.55, 0.12, 0.28  # inches
_REGIONS = LinearSegmentedColormap.from_list("regions", ["#f7c98f", "#ffffff", "#a3c1ee"])
_POINTS = ("#B85E0C", "#1F4E9E")  # of class 0, and of class 1


@in_style
def draw_regions(
    data: Mapping[str, tuple[np.ndarray, np.ndarray]],
    learnt: Mapping[tuple[str, str], Learnt],
    state: int,
) -> Figure:
    """Draws what learners make of problems: a row for each problem, a column for each learner.

    Args:
        data: By problem, points (N, 2) and their classes (N,).
        learnt: By problem and learner.
        state: Which of their states.
    """
    learners = list(dict.fromkeys(learner for _, learner in learnt))
    width = _LEFT + len(learners) * (_PANEL + _GAP)
    height = _TOP + len(data) * (_PANEL + _CAPTION) + 0.1
    width = max(width, 4.6)
    figure = new_figure(width, height, layout=None)
    # One pair of axes for all panels, in inches: a pair each would take seconds for an animation.
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    passes = max(found.steps[state] for found in learnt.values())
    title = f"Decision regions after {passes} passes over the points"
    axes.text(_LEFT, 0.12, title, fontsize=11, weight="bold", va="top")
    for row, (problem, (x, labels)) in enumerate(data.items()):
        top = _TOP + row * (_PANEL + _CAPTION)
        axes.text(0.2, top + _PANEL / 2, problem, rotation=90, va="center", ha="center")
        colours = np.array(_POINTS)[labels[:_SHOWN]]
        places = (x[:_SHOWN] * [1, -1] + SIDE) * (_PANEL / (2 * SIDE))
        for column, learner in enumerate(learners):
            found = learnt[problem, learner]
            left = _LEFT + column * (_PANEL + _GAP)
            sure = 2 * found.regions[state] - 1
            axes.imshow(
                np.sign(sure) * (0.4 + 0.6 * np.abs(sure)),  # sides are seen however unsure it is
                cmap=_REGIONS,
                vmin=-1,
                vmax=1,
                extent=(left, left + _PANEL, top + _PANEL, top),
                interpolation="bilinear",
            )
            axes.scatter(left + places[:, 0], top + places[:, 1], s=5, c=colours, linewidths=0)
            axes.add_patch(Rectangle((left, top), _PANEL, _PANEL, fill=False, edgecolor="#444444"))
            caption = f"{learner}: {found.test[state]:.1%}"
            axes.text(left + _PANEL / 2, top - 0.05, caption, fontsize=9, ha="center")
    axes.set(xlim=(0, width), ylim=(height, 0))
    return figure


class Classifiers(Demo, name="classifiers"):
    """Perceptron, linear, 2- and 3-layer nets learn what no line divides.

    Their decision regions while they are trained, and the accuracy that each reaches on points that
    it has not seen.
    """

    problem: Literal[ProblemName, "all"] = Field("all", description="what is learnt")
    learner: Literal[LearnerName, "all"] = Field("all", description="what learns")
    passes: int = Field(400, ge=10, le=5000, description="over the points")
    points: int = Field(400, ge=20, le=2000, multiple_of=2, description="to learn from")
    seed: int = Field(0, ge=0, description="of points and weights")

    def picture(self, images: tuple[str, ...] = ()) -> Picture:
        """Draws it, as an animation."""
        problems = get_args(ProblemName) if self.problem == "all" else (self.problem,)
        learners = get_args(LearnerName) if self.learner == "all" else (self.learner,)
        data, learnt, lines, arrays = {}, {}, [], {}
        lines.append(f"{'accuracy on unseen points':26}" + "".join(f"{n:>13}" for n in learners))
        for problem in problems:
            data[problem] = points(problem, self.points, seed=self.seed)
            arrays[f"{problem}_points"], arrays[f"{problem}_classes"] = data[problem]
            for learner in learners:
                found = learn(
                    problem, learner, count=self.points, passes=self.passes, seed=self.seed
                )
                learnt[problem, learner] = found
                name = f"{problem}_{learner}"
                arrays |= {
                    f"{name}_steps": found.steps,
                    f"{name}_regions": found.regions,
                    f"{name}_train": found.train,
                    f"{name}_test": found.test,
                }
            accuracies = [learnt[problem, learner].test[-1] for learner in learners]
            lines.append(f"  {problem:24}" + "".join(f"{share:13.1%}" for share in accuracies))
        for problem in problems:
            most = best_line(*points(problem, _MANY, seed=self.seed))
            lines.append(f"{problem}: the best of all lines gets {most:.1%} right")
        lines.append("perceptron: w_i <- w_i + alpha (d - y) x_i after each point, alpha = 0.1")
        states = min(len(found.steps) for found in learnt.values())
        frames = tuple(draw_regions(data, learnt, state) for state in range(states))
        return Picture(frames, arrays, tuple(lines), seconds=0.6)
