"""Operators of ONNX by family: each function gets a node and the values of its inputs."""
