"""How layers fare, as a chart."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.models.build import build_model
from kerascnn.visualization.health import Health
from kerascnn.visualization.picture import Subject
from kerascnn.visualization.writing import png_of


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_every_layer_has_a_line(activation: str) -> None:
    data = load(DataSpec(name="digits"))

    def built():
        return build_model(
            "mlp",
            input_shape=data.image_shape,
            classes=10,
            hidden=(9, 5),
            activation=activation,
        )

    model = built()
    kernel, bias = model.get_layer("fc1").get_weights()
    bias[:4] = -1e4 if activation == "relu" else -30  # the sigmoid of -1e4 is exactly 0, too
    model.get_layer("fc1").set_weights([kernel, bias])
    untrained = built() if activation == "relu" else None
    subject = Subject(
        "net",
        model,
        tuple(data.classes),
        load_data=lambda: data,
        load_untrained=(lambda: untrained) if untrained else None,
    )
    picture = Health(examples=40).picture(subject)
    arrays = picture.arrays
    assert arrays["layers"].tolist() == ["fc1", "fc2", "fc3"]
    assert arrays["weights_counts"].sum(axis=1).tolist() == [1024 * 9, 45, 50]
    assert arrays["activations_counts"].sum(axis=1).tolist() == [40 * 9, 40 * 5, 40 * 10]
    figure = picture.figure
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["fc1", "fc2", "fc3"]
    legend = figure.axes[4].get_legend()
    assert legend is not None
    when = [text.get_text() for text in legend.get_texts()]
    if activation == "relu":
        assert arrays["dead"][0] >= 4 / 9
        assert "units are dead: 0 for every image" in picture.lines[0]
        assert np.isnan(arrays["saturated"]).all()
        assert when == ["at the start", "now"]
        assert {"gradient_activations_start", "gradient_weights_now"} <= set(arrays)
    else:
        assert arrays["saturated"][0] >= 4 / 9
        assert picture.lines[0].startswith("fc1: ")
        assert picture.lines[0].endswith("% of the values are saturated")
        assert when == ["now"]
        assert picture.lines[-1] == "net: the weights before training are not known"
    (line,) = figure.axes[1].get_lines()
    np.testing.assert_allclose(np.asarray(line.get_xdata()), arrays["norms"])
    assert png_of(figure)
