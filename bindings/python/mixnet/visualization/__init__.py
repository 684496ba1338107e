"""Looking at a network: a table of its layers, a graph for Graphviz, a picture by matplotlib."""

from .drawing import draw_network, plot_network_png
from .plot import DotGraph, plot_network
from .summary import print_summary

__all__ = ["DotGraph", "draw_network", "plot_network", "plot_network_png", "print_summary"]
