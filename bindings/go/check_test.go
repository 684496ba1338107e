package mixnet_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"mixnet.dev/mixnet"
)

var ctx = context.Background()

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func array(t testing.TB, values []float32, shape ...int) *mixnet.NDArray {
	t.Helper()
	made, err := mixnet.FromSlice(values, shape...)
	ok(t, err)
	return made
}

// holds checks an array's values.
func holds(t testing.TB, got *mixnet.NDArray, err error, want ...float64) {
	t.Helper()
	ok(t, err)
	values, err := mixnet.Values[float64](ctx, got)
	ok(t, err)
	if len(values) != len(want) {
		t.Fatalf("expected %d values, got %v", len(want), values)
	}
	for i := range want {
		if math.Abs(values[i]-want[i]) > 1e-5*(1+math.Abs(want[i])) {
			t.Fatalf("expected %v, got %v", want, values)
		}
	}
}

// fails checks that an error is the library's, with a code and a part of its message.
func fails(t testing.TB, err error, code int, part string) {
	t.Helper()
	var own *mixnet.Error
	if !errors.As(err, &own) {
		t.Fatalf("expected a *mixnet.Error, got %v", err)
	}
	if own.Code != code || !strings.Contains(own.Message, part) {
		t.Fatalf("expected code %d and %q, got %d and %q", code, part, own.Code, own.Message)
	}
}
