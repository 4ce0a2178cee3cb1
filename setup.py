"""The two packages, one of which lives in a folder of a shorter name."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["kerascnn", "kerascnn.*"]), "kerascnn_pipelines"],
    package_dir={"kerascnn_pipelines": "pipelines"},
)
