"""Learning curves of one run, or of several over each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from kerascnn.visualization.writing import new_figure


def draw_curves(histories: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draws loss and accuracy over the epochs, training dashed and validation solid.

    Args:
        histories: Values per epoch by metric name ("loss", "val_loss", ...), by run name.
    """
    figure = new_figure(11, 4.2)
    for axes, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for index, (name, history) in enumerate(histories.items()):
            training, validation = history.get(metric, ()), history.get(f"val_{metric}", ())
            epochs = range(1, len(validation) + 1)
            axes.plot(range(1, len(training) + 1), training, "--", color=f"C{index}", alpha=0.6)
            label = name if len(histories) > 1 else "validation"
            axes.plot(epochs, validation, "-", color=f"C{index}", label=label, marker=".")
            if validation and metric == "loss":
                lowest = min(validation)
                axes.plot(
                    list(validation).index(lowest) + 1,
                    lowest,
                    "o",
                    color=f"C{index}",
                    ms=8,
                    mfc="none",
                )
        axes.plot([], [], "--", color="grey", label="training")
        axes.set_xlabel("epoch")
        axes.set_title(metric)
        if metric == "loss":
            axes.set_yscale("log")
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(fontsize="small")
    return figure
