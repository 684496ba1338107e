package sym_test

import (
	"fmt"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/op"
	"mixnet.dev/mixnet/sym"
)

func ExampleFullyConnected() {
	data := mixnet.Must(mixnet.Variable("data"))
	net := mixnet.Must(sym.FullyConnected(data, nil, nil, op.FullyConnected{NumHidden: 10}, mixnet.Name("fc1")))
	fmt.Println(mixnet.Must(net.Arguments()))
	// Output: [data fc1_weight fc1_bias]
}

func ExampleConcat() {
	a, b := mixnet.Must(mixnet.Variable("a")), mixnet.Must(mixnet.Variable("b"))
	both := mixnet.Must(sym.Concat([]*mixnet.Symbol{a, b}, op.Concat{Dim: op.Opt(0)}))
	fmt.Println(mixnet.Must(both.InferShape(mixnet.Shapes{"a": {2, 3}, "b": {1, 3}})).Outputs)
	// Output: [[3 3]]
}
