package mixnet_test

import (
	"errors"
	"testing"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/nd"
	"mixnet.dev/mixnet/op"
)

func one(array *mixnet.NDArray, err error) ([]*mixnet.NDArray, error) {
	return []*mixnet.NDArray{array}, err
}

func TestFunctionsAreTracedOnce(t *testing.T) {
	weight, runs := array(t, []float32{2, 3}), 0
	ok(t, mixnet.AttachGrad(weight))
	layer := mixnet.NewJit(func(in []*mixnet.NDArray) ([]*mixnet.NDArray, error) {
		runs++
		product, err := in[0].Mul(weight)
		if err != nil {
			return nil, err
		}
		return one(nd.Tanh(product))
	})
	for i := 0; i < 3; i++ {
		var y []*mixnet.NDArray
		ok(t, mixnet.Record(func() (err error) {
			y, err = layer.Call(array(t, []float32{0, 0}))
			return err
		}))
		ok(t, mixnet.Backward(y, mixnet.BackwardOptions{}))
	}
	if runs != 1 || layer.Traces() != 1 {
		t.Fatalf("expected one trace, got %d and %d", runs, layer.Traces())
	}
	grad, err := weight.Grad()
	holds(t, grad, err, 0, 0)
	y, err := layer.Call(array(t, []float32{0, 0}))
	ok(t, err)
	holds(t, y[0], nil, 0, 0)
	_, err = layer.Call(array(t, []float32{1, 1, 1, 1}, 2, 2))
	ok(t, err)
	outer := mixnet.NewJit(func(in []*mixnet.NDArray) ([]*mixnet.NDArray, error) {
		inner, err := layer.Call(in[0])
		if err != nil {
			return nil, err
		}
		return one(inner[0].Add(mixnet.Scalar(1)))
	})
	y, err = outer.Call(array(t, []float32{0, 0}))
	ok(t, err)
	holds(t, y[0], nil, 1, 1)
	if layer.Traces() != 3 {
		t.Fatalf("expected three traces, got %d", layer.Traces())
	}
	ok(t, layer.Close())
	ok(t, outer.Close())
	if layer.Traces() != 0 {
		t.Fatal("expected no traces after Close")
	}
}

func TestWhatCannotBeTracedSaysSo(t *testing.T) {
	x, gone := array(t, []float32{1, 2}), errors.New("gone")
	_, err := mixnet.NewJit(func([]*mixnet.NDArray) ([]*mixnet.NDArray, error) { return nil, nil }).Call(x)
	fails(t, err, mixnet.CodeInvalid, "expected a function that returns arrays")
	_, err = mixnet.NewJit(func([]*mixnet.NDArray) ([]*mixnet.NDArray, error) { return nil, gone }).Call(x)
	if err != gone {
		t.Fatalf("expected the function's error, got %v", err)
	}
	_, err = mixnet.NewJit(func(in []*mixnet.NDArray) ([]*mixnet.NDArray, error) {
		_, err := mixnet.Values[float32](ctx, in[0])
		return nil, err
	}).Call(x)
	if err == nil {
		t.Fatal("expected an error for values that are not known")
	}
	_, err = mixnet.NewJit(func(in []*mixnet.NDArray) ([]*mixnet.NDArray, error) { return mixnet.Custom(in, nil) }).Call(x)
	fails(t, err, mixnet.CodeUnsupported, "cannot be traced")
	_, err = mixnet.NewJit(func(in []*mixnet.NDArray) ([]*mixnet.NDArray, error) { return in, nil }).Call(nil)
	fails(t, err, mixnet.CodeInvalid, "expected an array, got nil")
	y, err := x.Add(mixnet.Scalar(1))
	holds(t, y, err, 2, 3)
}

// clipped lets gradients through above 1 too.
func clipped(x *mixnet.NDArray, pullback mixnet.Pullback) (*mixnet.NDArray, error) {
	outputs, err := mixnet.Custom([]*mixnet.NDArray{x}, func() ([]*mixnet.NDArray, mixnet.Pullback, error) {
		value, err := nd.Clip(x, op.Clip{AMin: 0, AMax: 1})
		return []*mixnet.NDArray{value}, pullback, err
	})
	if err != nil {
		return nil, err
	}
	return outputs[0], nil
}

func TestGradientsByHand(t *testing.T) {
	x := array(t, []float32{-1, 0.5, 3})
	ok(t, mixnet.AttachGrad(x))
	through := func(grads []*mixnet.NDArray) ([]*mixnet.NDArray, error) {
		mask, err := x.Greater(mixnet.Scalar(0))
		if err != nil {
			return nil, err
		}
		return one(grads[0].Mul(mask))
	}
	y, err := clipped(x, through)
	holds(t, y, err, 0, 0.5, 1)
	run := func(pullback mixnet.Pullback) error {
		var y *mixnet.NDArray
		if err := mixnet.Record(func() (err error) {
			y, err = clipped(x, pullback)
			return err
		}); err != nil {
			return err
		}
		return mixnet.Backward([]*mixnet.NDArray{y}, mixnet.BackwardOptions{})
	}
	ok(t, run(through))
	grad, err := x.Grad()
	holds(t, grad, err, 0, 1, 1)
	fails(t, run(nil), mixnet.CodeInvalid, "expected a Pullback, got nil")
	fails(t, run(func([]*mixnet.NDArray) ([]*mixnet.NDArray, error) { return nil, nil }), mixnet.CodeUser, "expected 1 gradients, got 0")
	fails(t, run(func([]*mixnet.NDArray) ([]*mixnet.NDArray, error) { return nil, errors.New("no way") }), mixnet.CodeUser, "no way")
	fails(t, run(func([]*mixnet.NDArray) ([]*mixnet.NDArray, error) { panic("oh") }), mixnet.CodeUser, "oh")
}
