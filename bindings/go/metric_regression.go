package mixnet

import (
	"context"
	"strconv"

	"mixnet.dev/mixnet/op"
)

func decimal(number int) string { return strconv.Itoa(number) }

// regression is the mean over batches of a mean over a batch.
func regression(name, measure string, root bool) Metric {
	return &mean{name: name, measure: func(label, output *NDArray) (*NDArray, int, error) {
		if err := sameCount(name, label.Size(), output.Size()); err != nil {
			return nil, 0, err
		}
		var s steps
		difference := s.run("broadcast_sub", nil, s.reshape(s.float(label), -1), s.reshape(s.float(output), -1))
		value := s.run("mean", op.Mean{}, s.run(measure, nil, difference))
		if root {
			s.run("sqrt", nil, value)
		}
		sum, err := s.finish()
		return sum, 1, err
	}}
}

// MSE is the mean squared error.
func MSE() Metric { return regression("mse", "square", false) }

// MAE is the mean absolute error.
func MAE() Metric { return regression("mae", "abs", false) }

// RMSE is the root of the mean squared error.
func RMSE() Metric { return regression("rmse", "square", true) }

// hostMetric measures with Go code; every batch is waited for.
type hostMetric struct {
	name    string
	measure func(labels, outputs []float32, shape []int) (sum float64, count int, err error)
	sum     float64
	count   int
}

func (h *hostMetric) Update(ctx context.Context, labels, outputs []*NDArray) error {
	if len(labels) != len(outputs) {
		return failf(CodeInvalid, "[%s] labels: expected %d, one for each output, got %d", h.name, len(outputs), len(labels))
	}
	for i := range labels {
		label, err := Values[float32](ctx, labels[i])
		if err != nil {
			return err
		}
		output, err := Values[float32](ctx, outputs[i])
		if err != nil {
			return err
		}
		sum, count, err := h.measure(label, output, outputs[i].Shape())
		if err != nil {
			return err
		}
		h.sum, h.count = h.sum+sum, h.count+count
	}
	return nil
}

func (h *hostMetric) Values(context.Context) ([]NamedValue, error) {
	return []NamedValue{{h.name, ratio(h.sum, h.count)}}, nil
}

func (h *hostMetric) Reset() { h.sum, h.count = 0, 0 }

// CustomMetric measures with a function of a batch's labels and outputs, which have the given shape: a sum, and of how many.
func CustomMetric(name string, measure func(labels, outputs []float32, shape []int) (sum float64, count int, err error)) Metric {
	return &hostMetric{name: name, measure: measure}
}

// F1 is the harmonic mean of precision and recall for labels 0 and 1, a mean over batches.
func F1() Metric {
	return CustomMetric("f1", func(labels, outputs []float32, shape []int) (float64, int, error) {
		classes := 1
		if len(shape) > 1 {
			classes = product(shape[1:])
		}
		if len(labels)*classes != len(outputs) || classes > 2 {
			return 0, 0, failf(CodeShape, "[F1] outputs: expected one or two for each of %d labels, got shape %v", len(labels), shape)
		}
		var hit, missed, wrong float64
		for i, label := range labels {
			guess := outputs[i*classes] > 0.5
			if classes == 2 {
				guess = outputs[2*i+1] > outputs[2*i]
			}
			switch {
			case label != 0 && label != 1:
				return 0, 0, failf(CodeInvalid, "[F1] labels: expected 0 or 1, got %v", label)
			case guess && label == 1:
				hit++
			case guess:
				wrong++
			case label == 1:
				missed++
			}
		}
		if hit == 0 {
			return 0, 1, nil
		}
		return 2 * hit / (2*hit + wrong + missed), 1, nil
	})
}
