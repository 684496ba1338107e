package mixnet_test

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/op"
	"mixnet.dev/mixnet/sym"
)

func mlp(t testing.TB) *mixnet.Symbol {
	t.Helper()
	net, err := mixnet.Variable("data")
	ok(t, err)
	net, err = sym.FullyConnected(net, nil, nil, op.FullyConnected{NumHidden: 4}, mixnet.Name("fc1"))
	ok(t, err)
	net, err = sym.Activation(net, op.Activation{ActType: "relu"}, mixnet.Name("relu1"))
	ok(t, err)
	net, err = sym.FullyConnected(net, nil, nil, op.FullyConnected{NumHidden: 3}, mixnet.Name("fc2"), mixnet.Attribute("__lr_mult__", "2"))
	ok(t, err)
	net, err = sym.SoftmaxOutput(net, nil, op.SoftmaxOutput{}, mixnet.Name("softmax"))
	ok(t, err)
	return net
}

func same[T any](t testing.TB, got T, err error, want T) {
	t.Helper()
	ok(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("expected %v, got %v", want, got)
	}
}

func TestSymbolsAreListed(t *testing.T) {
	net := mlp(t)
	names, err := net.Arguments()
	same(t, names, err, []string{"data", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias", "softmax_label"})
	names, err = net.Outputs()
	same(t, names, err, []string{"softmax_output"})
	names, err = net.States()
	same(t, names, err, []string{})
	if net.Name() != "softmax" || !strings.Contains(net.String(), "fc1") {
		t.Fatalf("expected softmax over fc1, got %v of %v", net.Name(), net)
	}
	inner, err := net.Internals()
	ok(t, err)
	features, err := inner.OutputNamed("relu1_output")
	ok(t, err)
	names, err = features.Arguments()
	same(t, names, err, []string{"data", "fc1_weight", "fc1_bias"})
	_, err = inner.OutputNamed("none")
	fails(t, err, mixnet.CodeInvalid, "expected one of")
	children, err := net.Children()
	ok(t, err)
	names, err = children.Outputs()
	same(t, names, err, []string{"fc2_output", "softmax_label"})
	attributes, err := net.Attributes()
	same(t, attributes["fc2"]["__lr_mult__"], err, "2")
	text, given, err := features.Attr("act_type")
	same(t, text, err, "relu")
	_, none, err := features.Attr("nothing")
	if err != nil || !given || none {
		t.Fatalf("expected one attribute and not the other, got %v %v %v", given, none, err)
	}
	ok(t, features.SetAttr("colour", "red"))
	text, _, err = features.Attr("colour")
	same(t, text, err, "red")
}

func TestSymbolsInfer(t *testing.T) {
	net := mlp(t)
	found, err := net.InferShape(mixnet.Shapes{"data": {5, 2}})
	ok(t, err)
	same(t, found.Arguments, nil, [][]int{{5, 2}, {4, 2}, {4}, {3, 4}, {3}, {5}})
	same(t, found.Outputs, nil, [][]int{{5, 3}})
	if !found.Complete {
		t.Fatal("expected all shapes to be known")
	}
	types, err := net.InferType(map[string]mixnet.DType{"data": mixnet.Float32})
	ok(t, err)
	if len(types.Arguments) != 6 || types.Arguments[1] != mixnet.Float32 {
		t.Fatalf("expected six of float32, got %v", types.Arguments)
	}
	_, err = net.InferShape(mixnet.Shapes{"data": {5, 2}, "fc1_weight": {4, 3}})
	fails(t, err, mixnet.CodeShape, "fc1")
	memory, err := net.Memory(mixnet.Shapes{"data": {5, 2}}, true)
	ok(t, err)
	if memory.Planned <= 0 || memory.Planned > memory.Naive {
		t.Fatalf("expected planned bytes below naive ones, got %+v", memory)
	}
}

func TestSymbolsAreComposed(t *testing.T) {
	a, b := mixnet.Must(mixnet.Variable("a")), mixnet.Must(mixnet.Variable("b"))
	sum, err := a.Add(b)
	ok(t, err)
	double, err := mixnet.Must(mixnet.Variable("c")).Mul(mixnet.Scalar(2))
	ok(t, err)
	composed, err := sum.Compose("joined", map[string]*mixnet.Symbol{"a": double})
	ok(t, err)
	names, err := composed.Arguments()
	same(t, names, err, []string{"c", "b"})
	both, err := mixnet.Group(sum, double)
	ok(t, err)
	names, err = both.Outputs()
	if err != nil || len(names) != 2 {
		t.Fatalf("expected two outputs, got %v %v", names, err)
	}
	one, err := both.Output(1)
	ok(t, err)
	names, err = one.Arguments()
	same(t, names, err, []string{"c"})
	copied, err := both.Copy()
	ok(t, err)
	names, err = copied.Arguments()
	same(t, names, err, []string{"a", "b", "c"})
	_, err = both.Output(7)
	fails(t, err, mixnet.CodeInvalid, "expected")
	_, err = sym.Activation(a, op.Activation{ActType: "sideways"})
	fails(t, err, mixnet.CodeInvalid, "act_type")
	_, err = sum.Add(nil)
	fails(t, err, mixnet.CodeInvalid, "expected a symbol or a Scalar")
}

func TestSymbolsAreSaved(t *testing.T) {
	net, path := mlp(t), filepath.Join(t.TempDir(), "net-symbol.json")
	ok(t, net.Save(path))
	loaded, err := mixnet.LoadSymbol(path)
	ok(t, err)
	first, err := net.JSON()
	ok(t, err)
	second, err := loaded.JSON()
	same(t, second, err, first)
	_, err = mixnet.ParseSymbol("{")
	if err == nil {
		t.Fatal("expected an error for half a file")
	}
	_, err = mixnet.LoadSymbol(path + "-none")
	if err == nil {
		t.Fatal("expected an error for a file that is not there")
	}
}

func TestSymbolArithmetic(t *testing.T) {
	x := mixnet.Must(mixnet.Variable("x"))
	for _, c := range []struct {
		symbol *mixnet.Symbol
		want   float64
	}{
		{mixnet.Must(x.Add(mixnet.Scalar(1))), 5}, {mixnet.Must(x.Sub(x)), 0}, {mixnet.Must(x.RSub(1)), -3}, {mixnet.Must(x.Div(mixnet.Scalar(8))), 0.5},
		{mixnet.Must(x.RDiv(8)), 2}, {mixnet.Must(x.Pow(mixnet.Scalar(2))), 16}, {mixnet.Must(x.Equal(mixnet.Scalar(4))), 1},
		{mixnet.Must(x.Greater(mixnet.Scalar(4))), 0}, {mixnet.Must(x.Less(mixnet.Scalar(5))), 1},
	} {
		e, err := c.symbol.Bind(mixnet.BindOptions{Args: map[string]*mixnet.NDArray{"x": array(t, []float32{4})}})
		ok(t, err)
		ok(t, e.Forward(false))
		holds(t, e.Outputs[0], nil, c.want)
		ok(t, e.Close())
	}
}
