"""The networks, one file per family; importing this package registers them all."""

from kerascnn.models import (
    airbench,
    alexnet,
    bn_inception,
    cifar_resnet,
    ciresan,
    convnet,
    cuda_convnet,
    googlenet,
    lenet,
    maxout,
    mlp,
    prelu_net,
    resnet,
    vgg,
    vgg_m,
    zfnet,
)
from kerascnn.models.build import build_model

__all__ = [
    "airbench",
    "alexnet",
    "bn_inception",
    "build_model",
    "cifar_resnet",
    "ciresan",
    "convnet",
    "cuda_convnet",
    "googlenet",
    "lenet",
    "maxout",
    "mlp",
    "prelu_net",
    "resnet",
    "vgg",
    "vgg_m",
    "zfnet",
]
