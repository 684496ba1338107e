package mixnet

import (
	"context"
	"math"
)

// Metric measures outputs against labels. Update only starts work where it can; Values waits for it.
type Metric interface {
	// Update takes a batch in: labels and outputs, as many of each.
	Update(ctx context.Context, labels, outputs []*NDArray) error
	// Values since the last Reset; NaN before anything was measured.
	Values(ctx context.Context) ([]NamedValue, error)
	Reset()
}

// NamedValue is one of a metric's values.
type NamedValue struct {
	Name  string
	Value float64
}

const mostPending = 32 // sums that may wait to be read

// mean is a sum over a count. measure makes an array of one element from a batch; it is read later, so that training goes on meanwhile.
type mean struct {
	name    string
	measure func(label, output *NDArray) (sum *NDArray, count int, err error)
	pending []*NDArray
	sum     float64
	count   int
}

func (m *mean) Update(ctx context.Context, labels, outputs []*NDArray) error {
	if len(labels) != len(outputs) {
		return failf(CodeInvalid, "[%s] labels: expected %d, one for each output, got %d", m.name, len(outputs), len(labels))
	}
	for i := range labels {
		sum, count, err := m.measure(labels[i], outputs[i])
		if err != nil {
			return err
		}
		m.pending, m.count = append(m.pending, sum), m.count+count
	}
	return m.read(ctx, mostPending)
}

// read adds the oldest sums until no more than so many are left.
func (m *mean) read(ctx context.Context, left int) error {
	for len(m.pending) > left {
		value, err := m.pending[0].Item(ctx)
		if err != nil {
			return err
		}
		m.pending[0].Close()
		m.pending, m.sum = m.pending[1:], m.sum+value
	}
	return nil
}

func (m *mean) Values(ctx context.Context) ([]NamedValue, error) {
	if err := m.read(ctx, 0); err != nil {
		return nil, err
	}
	return []NamedValue{{m.name, ratio(m.sum, m.count)}}, nil
}

func (m *mean) Reset() {
	for _, sum := range m.pending {
		sum.Close()
	}
	m.pending, m.sum, m.count = nil, 0, 0
}

func ratio(sum float64, count int) float64 {
	if count == 0 {
		return math.NaN()
	}
	return sum / float64(count)
}

// Metrics are several as one.
type Metrics []Metric

// Update updates all.
func (m Metrics) Update(ctx context.Context, labels, outputs []*NDArray) error {
	for _, metric := range m {
		if err := metric.Update(ctx, labels, outputs); err != nil {
			return err
		}
	}
	return nil
}

// Values of all, in order.
func (m Metrics) Values(ctx context.Context) ([]NamedValue, error) {
	var found []NamedValue
	for _, metric := range m {
		values, err := metric.Values(ctx)
		if err != nil {
			return nil, err
		}
		found = append(found, values...)
	}
	return found, nil
}

// Reset resets all.
func (m Metrics) Reset() {
	for _, metric := range m {
		metric.Reset()
	}
}
