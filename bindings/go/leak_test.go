package mixnet_test

import (
	"runtime"
	"testing"
	"time"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/capi"
	"mixnet.dev/mixnet/optim"
)

// settled is the number of handles once finalizers have run.
func settled(t *testing.T, want int64) int64 {
	t.Helper()
	var count int64
	for i := 0; i < 100; i++ {
		runtime.GC()
		time.Sleep(5 * time.Millisecond)
		mixnet.WaitAll(ctx) // may tell of errors that other tests made
		var err error
		count, err = capi.HandleCount()
		ok(t, err)
		if i > 5 && count <= want {
			break
		}
	}
	return count
}

func session(t *testing.T) {
	model := fitted(t, mixnet.FitOptions{Epochs: 2})
	_, err := model.Predict(ctx, corners(t, 30, 20, mixnet.ArraysOptions{}))
	ok(t, err)
	_, err = mixnet.NewOptimizer(optim.Adam{})
	ok(t, err)
	store, err := mixnet.NewKVStore("local")
	ok(t, err)
	ok(t, store.Init(mixnet.Pair{Key: "a", Array: array(t, []float32{1})}))
	ok(t, store.SetUpdater(func(string, *mixnet.NDArray, *mixnet.NDArray) error { return nil }))
	x := array(t, []float32{1})
	ok(t, mixnet.AttachGrad(x))
	layer := mixnet.NewJit(func(in []*mixnet.NDArray) ([]*mixnet.NDArray, error) { return one(in[0].Mul(x)) })
	ok(t, mixnet.Record(func() error {
		y, err := clipped(x, func(grads []*mixnet.NDArray) ([]*mixnet.NDArray, error) { return one(grads[0].Mul(x)) })
		ok(t, err)
		z, err := layer.Call(y)
		ok(t, err)
		return mixnet.Backward(z, mixnet.BackwardOptions{})
	}))
	_, err = array(t, []float32{1}).Slice(3, 4)
	if err == nil {
		t.Fatal("expected an error")
	}
}

// Nothing here is closed: finalizers give everything back.
func TestFinalizersGiveHandlesBack(t *testing.T) {
	session(t)
	before := settled(t, 0)
	for i := 0; i < 3; i++ {
		session(t)
	}
	if after := settled(t, before); after > before {
		t.Fatalf("expected %d handles, got %d", before, after)
	}
}

// Close gives handles back at once, without a collection.
func TestCloseGivesHandlesBackAtOnce(t *testing.T) {
	settled(t, 0)
	before, err := capi.HandleCount()
	ok(t, err)
	a := array(t, []float32{1, 2})
	b, err := a.Add(mixnet.Scalar(1))
	ok(t, err)
	net := mlp(t)
	model := mixnet.NewModel(net, mixnet.CPU(0))
	ok(t, model.InitParams(mixnet.Shapes{"data": {5, 2}, "softmax_label": {5}}, mixnet.Uniform(0.1)))
	during, err := capi.HandleCount()
	ok(t, err)
	ok(t, a.Close())
	ok(t, b.Close())
	ok(t, model.Close())
	ok(t, net.Close())
	after, err := capi.HandleCount()
	ok(t, err)
	if during < before+8 || after > before+4 { // the four layers below the net's last are left to finalizers
		t.Fatalf("expected %d handles and a few, got %d, and %d meanwhile", before, after, during)
	}
}
