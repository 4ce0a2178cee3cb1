"""The command line; the library is `kerascnn`. Installed under the name kerascnn_pipelines."""
