package mixnet_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/op"
	"mixnet.dev/mixnet/sym"
)

// times is x * y.
func times(t testing.TB) *mixnet.Symbol {
	t.Helper()
	return mixnet.Must(mixnet.Must(mixnet.Variable("x")).Mul(mixnet.Must(mixnet.Variable("y"))))
}

func TestBoundSymbolsRun(t *testing.T) {
	args := map[string]*mixnet.NDArray{"x": array(t, []float32{2, 3}), "y": array(t, []float32{5, 7})}
	grads := map[string]*mixnet.NDArray{"x": array(t, []float32{1, 1}), "y": array(t, []float32{0, 0})}
	e, err := times(t).Bind(mixnet.BindOptions{Args: args, Grads: grads, GradReqs: map[string]mixnet.GradReq{"x": mixnet.GradAdd}})
	ok(t, err)
	defer e.Close()
	ok(t, e.Forward(true))
	holds(t, e.Outputs[0], nil, 10, 21)
	ok(t, e.Backward(array(t, []float32{1, 2})))
	holds(t, grads["x"], nil, 6, 15)
	holds(t, grads["y"], nil, 2, 6)
	holds(t, e.Grads["y"], nil, 2, 6)
	_, err = times(t).Bind(mixnet.BindOptions{Args: map[string]*mixnet.NDArray{"x": args["x"]}})
	fails(t, err, mixnet.CodeInvalid, "")
}

func TestSimpleBind(t *testing.T) {
	e, err := mlp(t).SimpleBind(mixnet.Shapes{"data": {5, 2}}, mixnet.SimpleBindOptions{
		GradReq: mixnet.GradWrite, GradReqs: map[string]mixnet.GradReq{"data": mixnet.GradNull, "softmax_label": mixnet.GradNull}})
	ok(t, err)
	defer e.Close()
	if e.Grads["data"] != nil || e.Grads["fc1_weight"] == nil || len(e.Args) != 6 || len(e.States) != 0 {
		t.Fatalf("expected gradients of parameters only, got %v", e.Grads)
	}
	ok(t, e.Args["fc1_weight"].Fill(0))
	for _, name := range []string{"data", "fc1_bias", "fc2_weight", "fc2_bias", "softmax_label"} {
		ok(t, e.Args[name].Fill(0))
	}
	ok(t, e.Forward(true))
	ok(t, e.Backward())
	third := 1. / 3
	holds(t, e.Grads["fc2_bias"], nil, 5*(third-1), 5*third, 5*third)
	memory, err := e.Memory(true)
	if err != nil || memory.Planned <= 0 || e.String() == "" {
		t.Fatalf("expected a plan, got %+v %v", memory, err)
	}
	larger, err := e.Reshape(mixnet.Shapes{"data": {7, 2}}, true, true)
	ok(t, err)
	defer larger.Close()
	same(t, larger.Outputs[0].Shape(), nil, []int{7, 3})
	ok(t, e.Args["fc2_bias"].Fill(3))
	holds(t, larger.Args["fc2_bias"], nil, 3, 3, 3)
	_, err = mlp(t).SimpleBind(mixnet.Shapes{"data": {5, 2}, "fc1_bias": {9}}, mixnet.SimpleBindOptions{})
	fails(t, err, mixnet.CodeShape, "fc1")
}

func TestAuxiliaryStates(t *testing.T) {
	net := mixnet.Must(sym.BatchNorm(nil, nil, nil, nil, nil, op.BatchNorm{Momentum: op.Opt(0.5)}, mixnet.Name("bn")))
	e, err := net.SimpleBind(mixnet.Shapes{"bn_data": {2, 1}}, mixnet.SimpleBindOptions{GradReq: mixnet.GradWrite})
	ok(t, err)
	defer e.Close()
	ok(t, mixnet.SetValues(e.Args["bn_data"], []float32{1, 3}))
	for _, name := range []string{"bn_gamma", "bn_beta"} {
		ok(t, e.Args[name].Fill(1))
	}
	ok(t, e.States["bn_moving_mean"].Fill(0))
	ok(t, e.States["bn_moving_var"].Fill(0))
	ok(t, e.Forward(true))
	ok(t, e.Backward(array(t, []float32{1, 1}, 2, 1)))
	holds(t, e.States["bn_moving_mean"], nil, 1)
}

func TestMonitorSeesInnerOutputs(t *testing.T) {
	e, err := mlp(t).SimpleBind(mixnet.Shapes{"data": {5, 2}}, mixnet.SimpleBindOptions{})
	ok(t, err)
	defer e.Close()
	var seen []string
	ok(t, e.Monitor(func(name string, value *mixnet.NDArray) error {
		seen = append(seen, name)
		return value.Wait(ctx)
	}, false))
	ok(t, e.Forward(false))
	if !reflect.DeepEqual(seen, []string{"fc1_output", "relu1_output", "fc2_output", "softmax_output"}) {
		t.Fatalf("got %v", seen)
	}
	ok(t, e.Monitor(func(string, *mixnet.NDArray) error { return errors.New("seen enough") }, false))
	err = e.Forward(false)
	if err == nil {
		err = e.Outputs[0].Wait(ctx)
	}
	fails(t, err, mixnet.CodeUser, "seen enough")
	ok(t, e.Monitor(nil, false))
	ok(t, e.Forward(false))
	ok(t, e.Outputs[0].Wait(ctx))
}

// grouped is relu(x) in group "below" times y in group "above".
func grouped(t testing.TB) *mixnet.Symbol {
	t.Helper()
	below := mixnet.Must(sym.Activation(mixnet.Must(mixnet.Variable("x")), op.Activation{ActType: "relu"}, mixnet.Attribute("ctx_group", "below")))
	above := mixnet.Must(below.Mul(mixnet.Must(mixnet.Variable("y"))))
	ok(t, above.SetAttr("ctx_group", "above"))
	return above
}

func TestGroupsOfNodesOnDevices(t *testing.T) {
	places := map[string]mixnet.Device{"below": mixnet.CPU(1), "above": mixnet.CPU(2)}
	placed, err := grouped(t).Placed(places)
	ok(t, err)
	e, err := placed.SimpleBind(mixnet.Shapes{"x": {2}, "y": {2}}, mixnet.SimpleBindOptions{GradReq: mixnet.GradWrite})
	ok(t, err)
	defer e.Close()
	if !strings.Contains(e.String(), "CrossDeviceCopy") || e.Outputs[0].Device() != mixnet.CPU(2) {
		t.Fatalf("expected a copy to cpu(2), got %v with outputs on %v", e, e.Outputs[0].Device())
	}
	ok(t, array(t, []float32{-1, 3}).CopyTo(e.Args["x"]))
	ok(t, array(t, []float32{5, 7}).CopyTo(e.Args["y"]))
	ok(t, e.Forward(true))
	holds(t, e.Outputs[0], nil, 0, 21)
	ok(t, e.Backward(array(t, []float32{1, 1})))
	holds(t, e.Grads["x"], nil, 0, 7)
	delete(places, "above")
	placed, err = grouped(t).Placed(places)
	ok(t, err)
	_, err = placed.SimpleBind(mixnet.Shapes{"x": {2}, "y": {2}}, mixnet.SimpleBindOptions{})
	fails(t, err, mixnet.CodeInvalid, "[bind] group2ctx: no context for group 'above'")
	var none *mixnet.Symbol
	_, err = none.Placed(places)
	fails(t, err, mixnet.CodeInvalid, "[Placed] expected a symbol, got nil")
}
