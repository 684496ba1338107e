package mixnet_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"mixnet.dev/mixnet"
)

func TestTasksAreOrdered(t *testing.T) {
	variable, err := mixnet.NewEngineVariable()
	ok(t, err)
	defer variable.Close()
	var order []int
	for i := 0; i < 50; i++ {
		i := i
		ok(t, mixnet.Push(mixnet.Task{Run: func() error { order = append(order, i); return nil }, Writes: []*mixnet.EngineVariable{variable}}))
	}
	ok(t, variable.Wait(ctx))
	for i, found := range order {
		if found != i {
			t.Fatalf("expected tasks in the order pushed, got %v", order)
		}
	}
	ok(t, mixnet.Push(mixnet.Task{Run: func() error { return errors.New("task gave up") }, Writes: []*mixnet.EngineVariable{variable}}))
	fails(t, variable.Wait(ctx), mixnet.CodeUser, "task gave up")
	fails(t, mixnet.Push(mixnet.Task{}), mixnet.CodeInvalid, "expected a function")
	mixnet.WaitAll(ctx) // takes the error that was pushed
}

func TestWaitsEndWithTheContext(t *testing.T) {
	a, release := array(t, []float32{1}), make(chan struct{})
	ok(t, mixnet.Push(mixnet.Task{Run: func() error { <-release; return nil }, ArrayWrites: []*mixnet.NDArray{a}}))
	ended, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	err := a.Wait(ended)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > time.Second {
		t.Fatalf("expected the deadline within a second, got %v after %v", err, time.Since(begin))
	}
	if _, err = mixnet.Values[float32](ended, a); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("expected the deadline, got %v", err)
	}
	if err = mixnet.WaitAll(ended); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("expected the deadline, got %v", err)
	}
	close(release)
	holds(t, a, nil, 1)
	ok(t, mixnet.WaitAll(ctx))
}
