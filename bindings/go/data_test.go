package mixnet_test

import (
	"io"
	"reflect"
	"sort"
	"testing"

	"mixnet.dev/mixnet"
)

// epoch reads all batches of a provider with one number per example.
func epoch(t *testing.T, provider mixnet.DataProvider, batch int) (batches [][]int32, pads []int) {
	t.Helper()
	ok(t, provider.Reset())
	into := map[string]*mixnet.NDArray{"x": mixnet.Must(mixnet.Zeros([]int{batch}, mixnet.Int32, mixnet.CPU(0)))}
	for {
		pad, err := provider.Next(into)
		if err == io.EOF {
			return batches, pads
		}
		ok(t, err)
		batches, pads = append(batches, mixnet.Must(mixnet.Values[int32](ctx, into["x"]))), append(pads, pad)
	}
}

func TestArraysAreBatched(t *testing.T) {
	x := map[string]*mixnet.NDArray{"x": mixnet.Must(mixnet.Arange(7, mixnet.Int32, mixnet.CPU(0)))}
	padded, err := mixnet.NewArrays(x, nil, 3, mixnet.ArraysOptions{})
	ok(t, err)
	for i := 0; i < 2; i++ {
		batches, pads := epoch(t, padded, 3)
		same(t, batches, nil, [][]int32{{0, 1, 2}, {3, 4, 5}, {6, 0, 1}})
		same(t, pads, nil, []int{0, 0, 2})
	}
	cut, err := mixnet.NewArrays(x, nil, 3, mixnet.ArraysOptions{Discard: true})
	ok(t, err)
	batches, _ := epoch(t, cut, 3)
	same(t, batches, nil, [][]int32{{0, 1, 2}, {3, 4, 5}})
	_, err = mixnet.NewArrays(x, map[string]*mixnet.NDArray{"y": array(t, []float32{1})}, 3, mixnet.ArraysOptions{})
	fails(t, err, mixnet.CodeShape, "as many examples")
	_, err = mixnet.NewArrays(x, nil, 0, mixnet.ArraysOptions{})
	fails(t, err, mixnet.CodeInvalid, "batch of at least 1")
}

func TestShufflingFollowsTheSeed(t *testing.T) {
	x := map[string]*mixnet.NDArray{"x": mixnet.Must(mixnet.Arange(20, mixnet.Int32, mixnet.CPU(0)))}
	orders := [2][2][]int32{}
	for run := range orders {
		ok(t, mixnet.Seed(3))
		provider, err := mixnet.NewArrays(x, nil, 20, mixnet.ArraysOptions{Shuffle: true})
		ok(t, err)
		for i := range orders[run] {
			batches, _ := epoch(t, provider, 20)
			orders[run][i] = batches[0]
		}
	}
	if !reflect.DeepEqual(orders[0], orders[1]) || reflect.DeepEqual(orders[0][0], orders[0][1]) {
		t.Fatalf("expected one order per epoch and seed, got %v", orders)
	}
	sort.Slice(orders[0][0], func(i, j int) bool { return orders[0][0][i] < orders[0][0][j] })
	for i, row := range orders[0][0] {
		if int(row) != i {
			t.Fatalf("expected every row once, got %v", orders[0][0])
		}
	}
}
