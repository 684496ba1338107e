package mixnet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/op"
	"mixnet.dev/mixnet/optim"
)

// corners are examples of two classes that a small net learns: which of two numbers is larger.
func corners(t testing.TB, count, batch int, options mixnet.ArraysOptions) *mixnet.Arrays {
	t.Helper()
	values, labels := make([]float32, 2*count), make([]float32, count)
	for i := range labels {
		values[2*i], values[2*i+1] = float32(i*7%11)-5, float32(i*5%13)-6
		if values[2*i] > values[2*i+1] {
			labels[i] = 1
		}
	}
	provider, err := mixnet.NewArrays(map[string]*mixnet.NDArray{"data": array(t, values, count, 2)},
		map[string]*mixnet.NDArray{"softmax_label": array(t, labels)}, batch, options)
	ok(t, err)
	return provider
}

func fitted(t testing.TB, options mixnet.FitOptions) *mixnet.Model {
	t.Helper()
	ok(t, mixnet.Seed(7))
	model := mixnet.NewModel(mlp(t), mixnet.CPU(0))
	options.Initializer = mixnet.Xavier(mixnet.XavierOptions{})
	if options.Optimizer == nil {
		options.Optimizer = optim.SGD{LearningRate: op.Opt(0.1), Momentum: op.Opt(0.9)}
	}
	ok(t, model.Fit(ctx, corners(t, 143, 20, mixnet.ArraysOptions{Shuffle: true}), options))
	return model
}

func TestFitScorePredict(t *testing.T) {
	var lines []string
	print := func(format string, values ...any) { lines = append(lines, fmt.Sprintf(format, values...)) }
	prefix := filepath.Join(t.TempDir(), "net")
	model := fitted(t, mixnet.FitOptions{Epochs: 20, Validation: corners(t, 50, 20, mixnet.ArraysOptions{}),
		BatchEnd: []func(mixnet.BatchEnd) error{mixnet.Speedometer(print, 20, 4), mixnet.LogMetric(print, 5)},
		EpochEnd: []func(mixnet.EpochEnd) error{mixnet.LogEpoch(print), mixnet.Checkpoint(prefix, 10)}})
	defer model.Close()
	held := corners(t, 50, 20, mixnet.ArraysOptions{})
	score, err := model.Score(ctx, held, mixnet.Metrics{mixnet.Accuracy(), mixnet.CrossEntropy()})
	ok(t, err)
	if score[0].Value < 0.9 || score[1].Value > 0.4 {
		t.Fatalf("expected a net that has learnt, got %v", score)
	}
	log := strings.Join(lines, "\n")
	for _, part := range []string{"Speed: ", "samples/sec\taccuracy=", "Epoch[19] Batch[5] Train-accuracy=", "Validation-accuracy=", "Time cost="} {
		if !strings.Contains(log, part) {
			t.Fatalf("expected %q in %s", part, log)
		}
	}
	first, err := model.Predict(ctx, held)
	ok(t, err)
	same(t, first[0].Shape(), nil, []int{50, 3})
	loaded, err := mixnet.LoadModel(prefix, 20, mixnet.CPU(0))
	ok(t, err)
	defer loaded.Close()
	second, err := loaded.Predict(ctx, held)
	ok(t, err)
	holds(t, second[0], nil, mixnet.Must(mixnet.Values[float64](ctx, first[0]))...)
	predictor, err := mixnet.LoadPredictor(prefix, 20, mixnet.Shapes{"data": {1, 2}}, mixnet.PredictorOptions{})
	ok(t, err)
	defer predictor.Close()
	ok(t, mixnet.SetInput(predictor, "data", []float32{-5, -6}))
	ok(t, predictor.Forward())
	outputs := mixnet.Must(mixnet.GetOutput[float32](predictor, 0))
	row := mixnet.Must(first[0].Slice(0, 1))
	holds(t, row, nil, float64(outputs[0]), float64(outputs[1]), float64(outputs[2]))
	ok(t, loaded.Fit(ctx, held, mixnet.FitOptions{Epochs: 21, BeginEpoch: 20})) // training goes on
}

func TestFitThroughAStore(t *testing.T) {
	plain := fitted(t, mixnet.FitOptions{Epochs: 2})
	store, err := mixnet.NewKVStore("local")
	ok(t, err)
	defer store.Close()
	stored := fitted(t, mixnet.FitOptions{Epochs: 2, Store: store})
	for name, value := range plain.Args {
		holds(t, stored.Args[name], nil, mixnet.Must(mixnet.Values[float64](ctx, value))...)
	}
}

func TestOptimizerStatesAreSaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "some.states")
	options := optim.Adam{LearningRate: op.Opt(0.1)}
	weight, again := array(t, []float32{1, 2}), array(t, []float32{1, 2})
	grad := array(t, []float32{1, -1})
	one, err := mixnet.NewOptimizer(options)
	ok(t, err)
	step := func(o *mixnet.Optimizer, w *mixnet.NDArray) {
		ok(t, o.Update([]string{"w_weight"}, []*mixnet.NDArray{w}, []*mixnet.NDArray{grad}))
	}
	step(one, weight)
	ok(t, one.Save(path))
	ok(t, weight.CopyTo(again))
	step(one, weight)
	two, err := mixnet.NewOptimizer(options)
	ok(t, err)
	ok(t, two.Load(path))
	step(two, again)
	holds(t, again, nil, mixnet.Must(mixnet.Values[float64](ctx, weight))...)
	ok(t, two.Set("learning_rate", 0))
	step(two, again)
	holds(t, again, nil, mixnet.Must(mixnet.Values[float64](ctx, weight))...)
	_, err = mixnet.NewOptimizer(given{"sideways", nil})
	fails(t, err, mixnet.CodeInvalid, "sideways")
	fails(t, one.Update([]string{"a", "b"}, nil, nil), mixnet.CodeInvalid, "expected 2 weights")
	sgd, err := mixnet.NewOptimizer(optim.SGD{LearningRate: op.Opt(1.0)})
	ok(t, err)
	ok(t, sgd.SetMultipliers("w_weight", 0.5, 0))
	step(sgd, weight)
	holds(t, weight, nil, float64(mixnet.Must(mixnet.Values[float32](ctx, again))[0])-0.5, float64(mixnet.Must(mixnet.Values[float32](ctx, again))[1])+0.5)
}

func TestTrainingEndsWithTheContext(t *testing.T) {
	ended, cancel := context.WithCancel(ctx)
	batches := 0
	model := mixnet.NewModel(mlp(t), mixnet.CPU(0))
	defer model.Close()
	var last time.Time
	err := model.Fit(ended, corners(t, 1000, 10, mixnet.ArraysOptions{Shuffle: true}), mixnet.FitOptions{Epochs: 1000,
		BatchEnd: []func(mixnet.BatchEnd) error{func(mixnet.BatchEnd) error {
			if batches++; batches == 30 {
				cancel()
				last = time.Now()
			}
			return nil
		}}})
	if !errors.Is(err, context.Canceled) || batches != 30 || time.Since(last) > time.Second {
		t.Fatalf("expected training to end after batch 30, got %v after %d", err, batches)
	}
	values, err := mixnet.Values[float64](ctx, model.Args["fc2_weight"])
	ok(t, err)
	for _, value := range values {
		if math.IsNaN(value) {
			t.Fatal("expected parameters as they were after a step")
		}
	}
}

func TestEarlyStopping(t *testing.T) {
	epochs := 0
	fitted(t, mixnet.FitOptions{Epochs: 50, Optimizer: optim.SGD{LearningRate: op.Opt(0.0)}, EpochEnd: []func(mixnet.EpochEnd) error{
		func(mixnet.EpochEnd) error { epochs++; return nil }, mixnet.EarlyStopping("accuracy", true, 3, 0.1)}})
	if epochs != 4 {
		t.Fatalf("expected the best epoch and three more, got %d", epochs)
	}
	model := mixnet.NewModel(mlp(t), mixnet.CPU(0))
	err := model.Fit(ctx, corners(t, 20, 10, mixnet.ArraysOptions{}), mixnet.FitOptions{Epochs: 1,
		EpochEnd: []func(mixnet.EpochEnd) error{mixnet.EarlyStopping("speed", true, 3, 0)}})
	fails(t, err, mixnet.CodeInvalid, "expected one of accuracy")
}

func TestModelErrors(t *testing.T) {
	model := mixnet.NewModel(mlp(t), mixnet.CPU(0))
	_, err := model.Score(ctx, corners(t, 20, 10, mixnet.ArraysOptions{}), mixnet.Accuracy())
	fails(t, err, mixnet.CodeInvalid, "Fit or LoadModel first")
	fails(t, model.Fit(ctx, corners(t, 20, 10, mixnet.ArraysOptions{}), mixnet.FitOptions{}), mixnet.CodeInvalid, "Epochs")
	fails(t, model.Fit(ctx, corners(t, 5, 10, mixnet.ArraysOptions{Discard: true}), mixnet.FitOptions{Epochs: 1}), mixnet.CodeInvalid, "at least one batch")
	stranger, err := mixnet.NewArrays(map[string]*mixnet.NDArray{"stranger": array(t, []float32{1})}, nil, 1, mixnet.ArraysOptions{})
	ok(t, err)
	fails(t, mixnet.NewModel(mlp(t), mixnet.CPU(0)).Fit(ctx, stranger, mixnet.FitOptions{Epochs: 1}), mixnet.CodeInvalid, "stranger")
	_, err = mixnet.LoadModel(filepath.Join(t.TempDir(), "none"), 1, mixnet.CPU(0))
	if err == nil {
		t.Fatal("expected an error for a checkpoint that is not there")
	}
	trained := fitted(t, mixnet.FitOptions{Epochs: 1})
	defer trained.Close()
	wide, err := mixnet.NewArrays(map[string]*mixnet.NDArray{"data": array(t, make([]float32, 12), 4, 3)}, nil, 2, mixnet.ArraysOptions{})
	ok(t, err)
	for i := 0; i < 2; i++ {
		_, err = trained.Predict(ctx, wide)
		fails(t, err, mixnet.CodeShape, "weight: expected shape [")
	}
}

// counting is a provider of its own: five batches of zeros.
type counting struct{ at int }

func (c *counting) Shapes() mixnet.Shapes { return mixnet.Shapes{"data": {4, 2}, "softmax_label": {4}} }
func (c *counting) Labels() []string      { return []string{"softmax_label"} }
func (c *counting) Reset() error          { c.at = 0; return nil }
func (c *counting) Next(into map[string]*mixnet.NDArray) (int, error) {
	if c.at++; c.at > 5 {
		return 0, io.EOF
	}
	if err := into["data"].Fill(0); err != nil {
		return 0, err
	}
	return 0, into["softmax_label"].Fill(2)
}

func TestProviderInGo(t *testing.T) {
	model := mixnet.NewModel(mlp(t), mixnet.CPU(0))
	batches := 0
	ok(t, model.Fit(ctx, &counting{}, mixnet.FitOptions{Epochs: 30, Optimizer: optim.SGD{LearningRate: op.Opt(0.5)},
		BatchEnd: []func(mixnet.BatchEnd) error{func(mixnet.BatchEnd) error { batches++; return nil }}}))
	score, err := model.Score(ctx, &counting{}, mixnet.Accuracy())
	if err != nil || score[0].Value != 1 || batches != 150 {
		t.Fatalf("expected 150 batches and no mistake, got %d, %v, %v", batches, score, err)
	}
}
