"""The command line and the recipes that ship; the library is `kerascnn`."""
