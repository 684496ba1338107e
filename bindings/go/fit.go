package mixnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"mixnet.dev/mixnet/optim"
)

// FitOptions say how Fit trains. Only Epochs is needed.
type FitOptions struct {
	// Epochs is the number of the last epoch, BeginEpoch of the one before the first: 0 unless training goes on.
	Epochs, BeginEpoch int
	// Optimizer makes one; rescale_grad is 1/batch unless it is given. optim.SGD{} by default.
	Optimizer OptimizerOptions
	// Use is an optimizer that is there, such as one with states from a file; Optimizer is not looked at then.
	Use *Optimizer
	// Schedule of the learning rate; nil: it stays.
	Schedule Schedule
	// Initializer of parameters without values; Uniform(0.01) by default.
	Initializer Initializer
	// Metric on training and Validation data; Accuracy by default.
	Metric     Metric
	Validation DataProvider
	// Store sums gradients and runs the optimizer, where given.
	Store *KVStore
	// Callbacks after every batch and epoch; ErrStop ends training.
	BatchEnd []func(BatchEnd) error
	EpochEnd []func(EpochEnd) error
}

// Fit trains the model on the provider's batches. When the context ends, so does training, within a batch, with the context's error; the
// parameters are those after the last whole step.
func (m *Model) Fit(ctx context.Context, train DataProvider, options FitOptions) error {
	t, err := m.trainer(train, options)
	if err != nil {
		return err
	}
	if options.Use == nil {
		defer t.optimizer.Close()
	}
	for epoch := options.BeginEpoch; epoch < options.Epochs; epoch++ {
		if err := t.epoch(ctx, epoch); err != nil {
			if errors.Is(err, ErrStop) {
				return nil
			}
			return err
		}
	}
	return nil
}

// trainer is what stays the same from step to step.
type trainer struct {
	FitOptions
	model     *Model
	data      DataProvider
	executor  *Executor
	optimizer *Optimizer
	names     []string
	weights   []*NDArray
	grads     []*NDArray
	labels    []*NDArray
	steps     int
}

func (m *Model) trainer(train DataProvider, options FitOptions) (*trainer, error) {
	if options.Epochs < 1 {
		return nil, failf(CodeInvalid, "[Fit] Epochs: expected at least 1, got %d", options.Epochs)
	}
	if options.Initializer == nil {
		options.Initializer = Uniform(0.01)
	}
	if options.Metric == nil {
		options.Metric = Accuracy()
	}
	if options.Optimizer == nil {
		options.Optimizer = optim.SGD{}
	}
	shapes := train.Shapes()
	if err := m.InitParams(shapes, options.Initializer); err != nil {
		return nil, err
	}
	executor, err := m.executor(shapes, true)
	if err != nil {
		return nil, err
	}
	t := &trainer{FitOptions: options, model: m, data: train, executor: executor}
	for _, name := range parameters(executor, shapes) {
		t.names, t.weights, t.grads = append(t.names, name), append(t.weights, executor.Args[name]), append(t.grads, executor.Grads[name])
	}
	if t.labels, err = labelsOf(executor, train); err != nil {
		return nil, err
	}
	return t, t.prepare(shapes)
}

func labelsOf(e *Executor, data DataProvider) ([]*NDArray, error) {
	var found []*NDArray
	for _, name := range data.Labels() {
		if e.Args[name] == nil {
			return nil, failf(CodeInvalid, "[Model] label: expected an argument of the symbol, got %q", name)
		}
		found = append(found, e.Args[name])
	}
	return found, nil
}

// prepare makes the optimizer, and fills the store where there is one.
func (t *trainer) prepare(shapes Shapes) (err error) {
	t.optimizer = t.Use
	if t.optimizer == nil {
		if t.optimizer, err = NewOptimizer(t.Optimizer); err != nil {
			return err
		}
	}
	batch := 0
	for name, shape := range shapes {
		if t.executor.Args[name] != nil && len(shape) > 0 {
			batch = shape[0]
		}
	}
	if !t.optimizer.scaled && batch > 0 {
		if err = t.optimizer.Set("rescale_grad", 1/float64(batch)); err != nil {
			return err
		}
		t.optimizer.scaled = true
	}
	if err = t.optimizer.takeAttributes(t.model.Symbol, t.names); err != nil || t.Store == nil {
		return err
	}
	if err = t.Store.SetOptimizer(t.optimizer); err != nil {
		return err
	}
	return t.Store.Init(t.pairs(t.weights)...)
}

func (t *trainer) pairs(arrays []*NDArray) []Pair {
	pairs := make([]Pair, len(arrays))
	for i, array := range arrays {
		pairs[i] = Pair{t.names[i], array}
	}
	return pairs
}

func (t *trainer) epoch(ctx context.Context, epoch int) error {
	begin := time.Now()
	t.Metric.Reset()
	if err := t.data.Reset(); err != nil {
		return err
	}
	for batch := 0; ; batch++ {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("[Fit] epoch %d, batch %d: %w", epoch, batch, err)
		}
		if _, err := nextBatch(ctx, t.data, t.executor.Args); err == io.EOF {
			if batch == 0 {
				return failf(CodeInvalid, "[Fit] data: expected at least one batch, got none")
			}
			break
		} else if err != nil {
			return err
		}
		if err := t.step(ctx); err != nil {
			return err
		}
		for _, callback := range t.BatchEnd {
			if err := callback(BatchEnd{ctx, epoch, batch, t.Metric, t.model}); err != nil {
				return err
			}
		}
	}
	return t.finish(ctx, epoch, begin)
}

// step starts the work of one batch; only the metric may wait, for earlier ones.
func (t *trainer) step(ctx context.Context) error {
	if err := t.executor.Forward(true); err != nil {
		return err
	}
	if err := t.executor.Backward(); err != nil {
		return err
	}
	t.steps++
	if t.Schedule != nil {
		if err := t.optimizer.schedule(t.Schedule, t.steps); err != nil {
			return err
		}
	}
	if err := t.update(); err != nil {
		return err
	}
	return t.Metric.Update(ctx, t.labels, t.executor.Outputs)
}

func (t *trainer) update() error {
	if t.Store == nil {
		return t.optimizer.Update(t.names, t.weights, t.grads)
	}
	if err := t.Store.Push(0, t.pairs(t.grads)...); err != nil {
		return err
	}
	return t.Store.Pull(0, t.pairs(t.weights)...)
}

func (t *trainer) finish(ctx context.Context, epoch int, begin time.Time) error {
	for _, weight := range t.weights {
		if err := weight.Wait(ctx); err != nil {
			return err
		}
	}
	at := EpochEnd{Context: ctx, Epoch: epoch, Elapsed: time.Since(begin), Model: t.model}
	var err error
	if at.Train, err = t.Metric.Values(ctx); err != nil {
		return err
	}
	if t.Validation != nil {
		if at.Validation, err = t.model.Score(ctx, t.Validation, t.Metric); err != nil {
			return err
		}
	}
	for _, callback := range t.EpochEnd {
		if err := callback(at); err != nil {
			return err
		}
	}
	return nil
}
