"""What there is to draw: known to the command line without importing anything."""

from __future__ import annotations

from collections.abc import Mapping

# Name -> what it shows, on one line.
KINDS: Mapping[str, str] = {
    "filters": "The kernels of a layer, before and after training.",
    "templates": "The weights of a linear classifier, as one picture per class.",
    "features": "The feature maps of every stage for one image, each in its own scale.",
    "patches": "The images that excite a layer's units most, and what the units see in them.",
    "gradcam": "Where the evidence for a class lies: Grad-CAM or LayerCAM.",
    "saliency": "Which pixels an answer depends on: gradients of four kinds.",
    "occlusion": "What a grey square in front of the image does to the answer.",
    "maximize": "The image that excites one unit most, found by gradient ascent.",
    "receptive-field": "What one unit sees of an image, and what it takes notice of.",
    "embedding": "The examples as the last hidden layer places them, in two dimensions.",
    "neighbours": "The images that the last hidden layer takes for most alike, and their vote.",
    "evolution": "Filters and feature maps over the epochs, and when each layer is done.",
    "health": "Weights, activations, dead units and gradients of every layer.",
}

# Likewise, of what needs no network.
DEMOS: Mapping[str, str] = {
    "convolution": "A kernel slides over an image, step by step, with the numbers.",
    "pooling": "A window slides over an image: max, average, L1, L2 or stochastic pooling.",
    "pooling-invariance": "What pooling leaves of a shift.",
    "activations": "The activation functions and their derivatives.",
    "classifiers": "Perceptron, linear, 2- and 3-layer nets learn what no line divides.",
    "backprop": "A computation graph, with values forwards and derivatives backwards.",
    "gradients": "What reaches the first layers: plain or residual, sigmoid or ReLU.",
    "dropout": "Sub-networks, and scaled weights against the mean over all masks.",
}
