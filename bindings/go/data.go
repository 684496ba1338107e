package mixnet

import (
	"io"

	"mixnet.dev/mixnet/op"
)

// DataProvider gives batches of examples. It writes them into arrays that are there, those of an executor, so that nothing is copied twice.
type DataProvider interface {
	// Shapes of a batch by the names of the symbol's arguments, the batch's size first.
	Shapes() Shapes
	// Labels are those of the names that are labels, in the order of the symbol's outputs.
	Labels() []string
	// Reset begins an epoch.
	Reset() error
	// Next writes the next batch into the arrays by name, and tells how many examples at its end only fill it up; io.EOF after the last.
	// A name that has no array is not wanted.
	Next(into map[string]*NDArray) (pad int, err error)
}

// ArraysOptions say more about batches of arrays.
type ArraysOptions struct {
	// Shuffle draws a new order for every epoch, from the library's random numbers.
	Shuffle bool
	// Discard leaves an incomplete last batch out; else it is filled with the first examples of the epoch.
	Discard bool
}

// Arrays gives batches out of arrays that live in the library, with examples along the first axis.
type Arrays struct {
	data, labels map[string]*NDArray
	names        []string
	count, batch int
	options      ArraysOptions
	order        *NDArray // rows in the epoch's order, filled up; nil before they are needed
	cursor       int
}

// NewArrays makes batches of so many examples. labels may be nil. The arrays must stay open.
func NewArrays(data, labels map[string]*NDArray, batch int, options ArraysOptions) (*Arrays, error) {
	a := &Arrays{data: data, labels: labels, names: sortedKeys(labels), batch: batch, options: options, count: -1}
	if batch < 1 || len(data) == 0 {
		return nil, failf(CodeInvalid, "[NewArrays] expected data and a batch of at least 1, got %d arrays and %d", len(data), batch)
	}
	for _, group := range []map[string]*NDArray{data, labels} {
		for name, array := range group {
			shape := array.Shape()
			if len(shape) == 0 || (a.count >= 0 && shape[0] != a.count) || shape[0] == 0 {
				return nil, failf(CodeShape, "[NewArrays] %s: expected as many examples as the others, and at least one, got shape %v", name, shape)
			}
			a.count = shape[0]
		}
	}
	return a, nil
}

// Count of examples.
func (a *Arrays) Count() int { return a.count }

// Shapes of a batch.
func (a *Arrays) Shapes() Shapes {
	found := Shapes{}
	for _, group := range []map[string]*NDArray{a.data, a.labels} {
		for name, array := range group {
			found[name] = append([]int{a.batch}, array.Shape()[1:]...)
		}
	}
	return found
}

// Labels by name.
func (a *Arrays) Labels() []string { return a.names }

// Reset begins an epoch. The order is drawn with its first batch.
func (a *Arrays) Reset() error {
	a.cursor = 0
	if a.options.Shuffle && a.order != nil {
		a.order.Close()
		a.order = nil
	}
	return nil
}

// Next writes a batch.
func (a *Arrays) Next(into map[string]*NDArray) (pad int, err error) {
	end := a.cursor + a.batch
	if a.cursor >= a.count || (a.options.Discard && end > a.count) {
		return 0, io.EOF
	}
	if end > a.count {
		pad = end - a.count
	}
	for _, group := range []map[string]*NDArray{a.data, a.labels} {
		for name, array := range group {
			if target := into[name]; target == nil {
				continue
			} else if err := a.write(array, target, a.cursor, end); err != nil {
				return 0, err
			}
		}
	}
	a.cursor = end
	return pad, nil
}

func (a *Arrays) write(from, to *NDArray, begin, end int) error {
	if !a.options.Shuffle && end <= a.count {
		rows, err := from.Slice(begin, end)
		if err != nil {
			return err
		}
		defer rows.Close()
		return rows.CopyTo(to)
	}
	if a.order == nil {
		if err := a.draw(); err != nil {
			return err
		}
	}
	rows, err := a.order.Slice(begin, end)
	if err != nil {
		return err
	}
	defer rows.Close()
	_, err = Invoke("take", []*NDArray{from, rows}, []string{"a", "indices"}, op.Take{}, Out(to))
	return err
}

// draw makes the epoch's order, and lets it go on from its beginning up to a whole number of batches.
func (a *Arrays) draw() error {
	order, err := Arange(a.count, Int32, CPU(0))
	if err != nil {
		return err
	}
	defer order.Close()
	if a.options.Shuffle {
		shuffled, err := Invoke("_shuffle", []*NDArray{order}, []string{"data"}, nil)
		if err != nil {
			return err
		}
		defer shuffled.Close()
		order = shuffled
	}
	filled := (a.count + a.batch - 1) / a.batch * a.batch
	places, err := Arange(filled, Int32, CPU(0))
	if err != nil {
		return err
	}
	defer places.Close()
	a.order, err = Invoke("take", []*NDArray{order, places}, []string{"a", "indices"}, op.Take{Mode: "wrap"})
	return err
}
