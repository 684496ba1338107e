"""Table, DOT text and picture of a network."""

import sys

import mixnet as mx
import pytest

SHAPE = {"data": (2, 1, 8, 8)}


def network():
    net = mx.sym.Convolution(mx.sym.Variable("data"), num_filter=4, kernel=(3, 3), name="conv")
    net = mx.sym.BatchNorm(net, name="bn")
    net = mx.sym.Activation(net, act_type="relu", name="relu")
    net = mx.sym.FullyConnected(net, num_hidden=5, name="fc")
    return mx.sym.SoftmaxOutput(net, name="softmax")


def test_summary_lists_layers_shapes_and_parameters(capsys):
    mx.viz.print_summary(network(), SHAPE)
    text = capsys.readouterr().out
    rows = {line.split("(")[0]: line.split() for line in text.splitlines() if "(" in line}
    assert rows["conv"][1:] == ["4x6x6", "40", "data"]
    assert rows["fc"][1:] == ["5", "725", "relu"]
    assert rows["bn"][1:3] == ["4x6x6", "16"]
    assert "Total params: 781" in text
    assert all(len(line) <= 120 for line in text.splitlines())


def test_summary_without_shapes(capsys):
    mx.viz.print_summary(network(), line_length=80)
    assert "softmax(SoftmaxOutput)" in capsys.readouterr().out


@pytest.fixture
def without_graphviz(monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)


def test_plot_hides_the_weights(without_graphviz):
    source = mx.viz.plot_network(network(), title="net", shape=SHAPE).source
    assert source.startswith('digraph "net" {') and source.rstrip().endswith("}")
    assert '"fc" -> "relu"' in source and "4x6x6" in source and "fc_weight" not in source
    shown = mx.viz.plot_network(network(), hide_weights=False, node_attrs={"shape": "hexagon"}).source
    assert '"fc" -> "fc_weight"' in shown and "hexagon" in shown


def test_render_needs_dot(without_graphviz, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="dot"):
        mx.viz.plot_network(network()).render(str(tmp_path / "net"))


def test_names_are_quoted(without_graphviz):
    net = mx.sym.Activation(mx.sym.Variable('a"b'), act_type="relu", name="r")
    assert '"a\\"b"' in mx.viz.plot_network(net).source


def test_draw_network_writes_a_picture(tmp_path):
    pytest.importorskip("matplotlib")
    path = mx.viz.draw_network(network(), str(tmp_path / "net.png"), SHAPE)
    content = open(path, "rb").read()
    assert content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) > 5000


def test_errors():
    with pytest.raises(TypeError):
        mx.viz.plot_network("text")
    with pytest.raises((TypeError, ValueError)):
        mx.viz.print_summary(3)
