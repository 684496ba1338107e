package mixnet_test

import (
	"errors"
	"fmt"
	"io"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/op"
	"mixnet.dev/mixnet/optim"
	"mixnet.dev/mixnet/sym"
)

func ExampleFromSlice() {
	a := mixnet.Must(mixnet.FromSlice([]float32{1, 2, 3, 4}, 2, 2))
	defer a.Close()
	fmt.Println(a)
	// Output:
	// [[1 2]
	//  [3 4]]
	// <NDArray 2x2 float32 cpu(0)>
}

func ExampleError() {
	a := mixnet.Must(mixnet.FromSlice([]float32{1, 2, 3}))
	_, err := a.Slice(2, 9)
	var failure *mixnet.Error
	if errors.As(err, &failure) {
		fmt.Println(failure.Code == mixnet.CodeInvalid, failure.Message)
	}
	// Output: true [slice] expected 0 <= begin <= end <= 3, got 2 and 9
}

func ExampleSymbol_SimpleBind() {
	net := mixnet.Must(mixnet.Must(mixnet.Variable("x")).Pow(mixnet.Scalar(2)))
	executor := mixnet.Must(net.SimpleBind(mixnet.Shapes{"x": {2}}, mixnet.SimpleBindOptions{GradReq: mixnet.GradWrite}))
	defer executor.Close()
	err := mixnet.SetValues(executor.Args["x"], []float32{3, 4})
	if err == nil {
		err = executor.Forward(true)
	}
	if err == nil {
		err = executor.Backward(mixnet.Must(mixnet.FromSlice([]float32{1, 1})))
	}
	fmt.Println(err)
	fmt.Println(mixnet.Must(mixnet.Values[float32](ctx, executor.Outputs[0])), mixnet.Must(mixnet.Values[float32](ctx, executor.Grads["x"])))
	// Output:
	// <nil>
	// [9 16] [6 8]
}

func ExampleKVStore() {
	store := mixnet.Must(mixnet.NewKVStore("local"))
	defer store.Close()
	weight := mixnet.Must(mixnet.FromSlice([]float32{1, 1}))
	err := store.Init(mixnet.Pair{Key: "w", Array: weight})
	if err == nil {
		err = store.SetUpdater(func(key string, received, stored *mixnet.NDArray) error { return stored.SubAssign(received) })
	}
	if err == nil {
		err = store.Push(0, mixnet.Pair{Key: "w", Array: weight}, mixnet.Pair{Key: "w", Array: weight})
	}
	if err == nil {
		err = store.Pull(0, mixnet.Pair{Key: "w", Array: weight})
	}
	fmt.Println(err, mixnet.Must(mixnet.Values[float32](ctx, weight)))
	// Output: <nil> [-1 -1]
}

func ExampleModel_Fit() {
	net := mixnet.Must(sym.LinearRegressionOutput(mixnet.Must(sym.FullyConnected(mixnet.Must(mixnet.Variable("data")), nil, nil,
		op.FullyConnected{NumHidden: 1}, mixnet.Name("line"))), nil, op.LinearRegressionOutput{}, mixnet.Name("fit")))
	x := mixnet.Must(mixnet.FromSlice([]float32{0, 1, 2, 3}, 4, 1))
	y := mixnet.Must(mixnet.FromSlice([]float32{1, 3, 5, 7}, 4, 1))
	data := mixnet.Must(mixnet.NewArrays(map[string]*mixnet.NDArray{"data": x}, map[string]*mixnet.NDArray{"fit_label": y}, 4, mixnet.ArraysOptions{}))
	model := mixnet.NewModel(net, mixnet.CPU(0))
	defer model.Close()
	err := model.Fit(ctx, data, mixnet.FitOptions{Epochs: 300, Metric: mixnet.MSE(), Optimizer: optim.SGD{LearningRate: op.Opt(0.2)}})
	fmt.Println(err)
	fmt.Printf("y = %.2f x + %.2f\n", mixnet.Must(model.Args["line_weight"].Item(ctx)), mixnet.Must(model.Args["line_bias"].Item(ctx)))
	// Output:
	// <nil>
	// y = 2.00 x + 1.00
}

// stairs is a provider that counts: one number per batch.
type stairs struct{ at int }

func (s *stairs) Shapes() mixnet.Shapes { return mixnet.Shapes{"x": {1}} }
func (s *stairs) Labels() []string      { return nil }
func (s *stairs) Reset() error          { s.at = 0; return nil }
func (s *stairs) Next(into map[string]*mixnet.NDArray) (pad int, err error) {
	if s.at == 3 {
		return 0, io.EOF
	}
	s.at++
	return 0, into["x"].Fill(float64(s.at))
}

func ExampleDataProvider() {
	double := mixnet.NewModel(mixnet.Must(mixnet.Must(mixnet.Variable("x")).Mul(mixnet.Scalar(2))), mixnet.CPU(0))
	defer double.Close()
	outputs := mixnet.Must(double.Predict(ctx, &stairs{}))
	fmt.Println(mixnet.Must(mixnet.Values[float32](ctx, outputs[0])))
	// Output: [2 4 6]
}

func ExampleNewPredictor() {
	double := mixnet.Must(mixnet.Must(mixnet.Variable("x")).Mul(mixnet.Scalar(2)))
	predictor := mixnet.Must(mixnet.NewPredictor(mixnet.Must(double.JSON()), nil, mixnet.Shapes{"x": {2}}, mixnet.PredictorOptions{}))
	defer predictor.Close()
	fmt.Println(mixnet.SetInput(predictor, "x", []float32{1, 2}), predictor.Forward())
	fmt.Println(mixnet.Must(mixnet.GetOutput[float32](predictor, 0)))
	// Output:
	// <nil> <nil>
	// [2 4]
}

func ExamplePush() {
	turn := mixnet.Must(mixnet.NewEngineVariable())
	defer turn.Close()
	for i := 1; i <= 3; i++ {
		i := i
		err := mixnet.Push(mixnet.Task{Run: func() error { fmt.Println("task", i); return nil }, Writes: []*mixnet.EngineVariable{turn}})
		if err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(turn.Wait(ctx))
	// Output:
	// task 1
	// task 2
	// task 3
	// <nil>
}
