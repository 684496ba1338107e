package mixnet

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// ErrStop, returned by a callback, ends training without an error.
var ErrStop = errors.New("stop training")

// BatchEnd is what a callback after a batch is told.
type BatchEnd struct {
	Context      context.Context
	Epoch, Batch int // both from 0
	Metric       Metric
	Model        *Model
}

// EpochEnd is what a callback after an epoch is told.
type EpochEnd struct {
	Context    context.Context
	Epoch      int // from 0
	Train      []NamedValue
	Validation []NamedValue
	Elapsed    time.Duration // of training alone, until the parameters are there
	Model      *Model
}

// Printer is such as log.Printf.
type Printer func(format string, values ...any)

func written(values []NamedValue, before string) string {
	var text strings.Builder
	for _, value := range values {
		fmt.Fprintf(&text, "%s%s=%f", before, value.Name, value.Value)
	}
	return text.String()
}

// Speedometer prints examples per second and the metric every so many batches. Reading the metric waits for the batches.
func Speedometer(print Printer, batchSize, every int) func(BatchEnd) error {
	var started time.Time
	return func(at BatchEnd) error {
		if at.Batch == 0 {
			started = time.Now()
			return nil
		}
		if at.Batch%every != 0 {
			return nil
		}
		values, err := at.Metric.Values(at.Context)
		if err != nil {
			return err
		}
		speed := float64(every*batchSize) / math.Max(1e-9, time.Since(started).Seconds())
		print("Epoch[%d] Batch [%d]\tSpeed: %.2f samples/sec%s", at.Epoch, at.Batch, speed, written(values, "\t"))
		started = time.Now()
		return nil
	}
}

// LogMetric prints the metric every so many batches.
func LogMetric(print Printer, every int) func(BatchEnd) error {
	return func(at BatchEnd) error {
		if at.Batch%every != 0 {
			return nil
		}
		values, err := at.Metric.Values(at.Context)
		if err == nil {
			print("Epoch[%d] Batch[%d]%s", at.Epoch, at.Batch, written(values, " Train-"))
		}
		return err
	}
}

// LogEpoch prints an epoch's values and time.
func LogEpoch(print Printer) func(EpochEnd) error {
	return func(at EpochEnd) error {
		print("Epoch[%d]%s%s Time cost=%.3f", at.Epoch, written(at.Train, " Train-"), written(at.Validation, " Validation-"), at.Elapsed.Seconds())
		return nil
	}
}

// Checkpoint saves the model every so many epochs, under the epoch's number from 1.
func Checkpoint(prefix string, every int) func(EpochEnd) error {
	return func(at EpochEnd) error {
		if (at.Epoch+1)%every != 0 {
			return nil
		}
		return at.Model.Save(prefix, at.Epoch+1)
	}
}

// EarlyStopping ends training when a validation value (of training, where there is no validation) was not better for so many epochs than
// its best by at least least. larger says what better is.
func EarlyStopping(name string, larger bool, patience int, least float64) func(EpochEnd) error {
	best, since := math.NaN(), 0
	return func(at EpochEnd) error {
		values := at.Validation
		if len(values) == 0 {
			values = at.Train
		}
		for _, value := range values {
			if value.Name != name {
				continue
			}
			gain := best - value.Value
			if larger {
				gain = -gain
			}
			if math.IsNaN(best) || gain > least {
				best, since = value.Value, 0
				return nil
			}
			if since++; since >= patience {
				return ErrStop
			}
			return nil
		}
		return failf(CodeInvalid, "[EarlyStopping] name: expected one of%s, got %q", written(values, " "), name)
	}
}
