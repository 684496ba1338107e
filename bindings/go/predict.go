package mixnet

import (
	"context"
	"fmt"
	"io"

	"mixnet.dev/mixnet/op"
)

// each runs the model in prediction on every batch.
func (m *Model) each(ctx context.Context, data DataProvider, use func(e *Executor, pad int) error) error {
	e, err := m.executor(data.Shapes(), false)
	if err != nil {
		return err
	}
	if missing := m.missing(e, data.Shapes()); missing != "" {
		return failf(CodeInvalid, "[Model] %s: expected a value, got none: Fit or LoadModel first", missing)
	}
	if err := data.Reset(); err != nil {
		return err
	}
	for batch := 0; ; batch++ {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("[Model] batch %d: %w", batch, err)
		}
		pad, err := nextBatch(ctx, data, e.Args)
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := e.Forward(false); err != nil {
			return err
		}
		if err := use(e, pad); err != nil {
			return err
		}
	}
}

func (m *Model) missing(e *Executor, inputs Shapes) string {
	for _, name := range parameters(e, inputs) {
		if m.Args[name] == nil {
			return name
		}
	}
	for name := range e.States {
		if m.States[name] == nil {
			return name
		}
	}
	return ""
}

// Score is a metric's values on the provider's examples.
func (m *Model) Score(ctx context.Context, data DataProvider, metric Metric) ([]NamedValue, error) {
	metric.Reset()
	err := m.each(ctx, data, func(e *Executor, _ int) error {
		labels, err := labelsOf(e, data)
		if err != nil {
			return err
		}
		return metric.Update(ctx, labels, e.Outputs)
	})
	if err != nil {
		return nil, err
	}
	return metric.Values(ctx)
}

// Predict is the outputs for all examples, those of the batches joined along axis 0 without what only filled up the last.
func (m *Model) Predict(ctx context.Context, data DataProvider) ([]*NDArray, error) {
	var parts [][]*NDArray // by output, then by batch
	defer func() {
		for _, list := range parts {
			for _, part := range list {
				part.Close()
			}
		}
	}()
	err := m.each(ctx, data, func(e *Executor, pad int) error {
		parts = append(parts, make([][]*NDArray, len(e.Outputs)-len(parts))...)
		for i, output := range e.Outputs {
			kept, err := Invoke("slice_axis", []*NDArray{output}, nil, op.SliceAxis{Axis: 0, Begin: 0, End: output.Shape()[0] - pad})
			if err != nil {
				return err
			}
			parts[i] = append(parts[i], kept)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	outputs := make([]*NDArray, len(parts))
	for i, list := range parts {
		if outputs[i], err = Invoke("Concat", list, nil, op.Concat{Dim: op.Opt(0)}); err != nil {
			return nil, err
		}
	}
	return outputs, nil
}
