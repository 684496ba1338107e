package nd_test

import (
	"context"
	"fmt"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/nd"
	"mixnet.dev/mixnet/op"
)

func ExampleSum() {
	a := mixnet.Must(mixnet.FromSlice([]float32{1, 2, 3, 4}, 2, 2))
	fmt.Println(mixnet.Must(mixnet.Values[float32](context.Background(), mixnet.Must(nd.Sum(a, op.Sum{Axis: []int{0}})))))
	// Output: [4 6]
}

func ExampleSliceChannel() {
	a := mixnet.Must(mixnet.FromSlice([]float32{1, 2, 3, 4}, 2, 2))
	var columns []*mixnet.NDArray
	_, err := nd.SliceChannel(a, op.SliceChannel{NumOutputs: 2}, mixnet.All(&columns))
	fmt.Println(err, mixnet.Must(mixnet.Values[float32](context.Background(), columns[1])))
	// Output: <nil> [2 4]
}

func ExampleSgdUpdate() {
	weight, grad := mixnet.Must(mixnet.FromSlice([]float32{1, 2})), mixnet.Must(mixnet.FromSlice([]float32{10, 10}))
	_, err := nd.SgdUpdate(weight, grad, op.SgdUpdate{Lr: 0.1}, mixnet.Out(weight))
	fmt.Println(err, mixnet.Must(mixnet.Values[float32](context.Background(), weight)))
	// Output: <nil> [0 1]
}
