package mixnet_test

import (
	"errors"
	"testing"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/nd"
	"mixnet.dev/mixnet/op"
)

func TestGradientsOfArrays(t *testing.T) {
	x := array(t, []float32{1, 2, 3})
	ok(t, mixnet.AttachGrad(x))
	var y *mixnet.NDArray
	ok(t, mixnet.Record(func() (err error) {
		y, err = x.Mul(x)
		return err
	}))
	ok(t, mixnet.Backward([]*mixnet.NDArray{y}, mixnet.BackwardOptions{HeadGrads: []*mixnet.NDArray{array(t, []float32{1, 10, 100})}}))
	grad, err := x.Grad()
	holds(t, grad, err, 2, 40, 600)
	outside, err := x.Mul(x)
	ok(t, err)
	if mixnet.Backward([]*mixnet.NDArray{outside}, mixnet.BackwardOptions{}) == nil {
		t.Fatal("expected an error for what was not recorded")
	}
	_, err = outside.Grad()
	fails(t, err, mixnet.CodeInvalid, "AttachGrad")
	fails(t, mixnet.Backward([]*mixnet.NDArray{y}, mixnet.BackwardOptions{HeadGrads: []*mixnet.NDArray{x, x}}), mixnet.CodeInvalid, "expected 1, got 2")
}

func TestGradientsOfHigherOrder(t *testing.T) {
	x := array(t, []float32{2})
	ok(t, mixnet.AttachGrad(x))
	var second []*mixnet.NDArray
	ok(t, mixnet.Record(func() error {
		y, err := x.Pow(mixnet.Scalar(3))
		if err != nil {
			return err
		}
		first, err := mixnet.Gradients([]*mixnet.NDArray{y}, []*mixnet.NDArray{x}, mixnet.BackwardOptions{}, true)
		if err != nil {
			return err
		}
		holds(t, first[0], nil, 12)
		second, err = mixnet.Gradients(first, []*mixnet.NDArray{x}, mixnet.BackwardOptions{}, false)
		return err
	}))
	holds(t, second[0], nil, 12)
}

func TestRecordingSetsTheMode(t *testing.T) {
	ones := mixnet.Must(mixnet.Ones([]int{1000}, mixnet.Float32, mixnet.CPU(0)))
	total := func() float64 {
		dropped := mixnet.Must(nd.Dropout(ones, op.Dropout{P: op.Opt(1.0 / 2)}))
		zeros := mixnet.Must(dropped.Equal(mixnet.Scalar(0)))
		return mixnet.Must(mixnet.Must(nd.Sum(zeros, op.Sum{})).Item(ctx))
	}
	gone := errors.New("gone")
	err := mixnet.Record(func() error {
		if total() == 0 {
			t.Error("expected dropout in training")
		}
		ok(t, mixnet.Pause(func() error {
			if total() != 0 {
				t.Error("expected no dropout where recording pauses")
			}
			return nil
		}))
		if total() == 0 {
			t.Error("expected dropout after the pause")
		}
		return gone
	})
	if err != gone || total() != 0 {
		t.Fatalf("expected prediction and the function's error afterwards, got %v", err)
	}
}

func TestCachedOperators(t *testing.T) {
	x, w := array(t, []float32{1, 2}), array(t, []float32{3, 4})
	call, err := mixnet.NewCachedOp(times(t), "y")
	ok(t, err)
	defer call.Close()
	outputs, err := call.Call(x, w)
	ok(t, err)
	holds(t, outputs[0], nil, 3, 8)
	ok(t, mixnet.AttachGrad(x))
	ok(t, mixnet.Record(func() (err error) {
		outputs, err = call.Call(x, w)
		return err
	}))
	ok(t, mixnet.Backward(outputs, mixnet.BackwardOptions{}))
	grad, err := x.Grad()
	holds(t, grad, err, 3, 4)
	if call.String() == "" {
		t.Fatal("expected the steps of the plan")
	}
	_, err = call.Call(x)
	fails(t, err, mixnet.CodeInvalid, "expected")
	_, err = mixnet.NewCachedOp(nil)
	fails(t, err, mixnet.CodeInvalid, "expected a symbol, got nil")
}
