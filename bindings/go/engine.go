package mixnet

import (
	"context"
	"runtime"

	"mixnet.dev/mixnet/capi"
)

// EngineVariable is something that work is ordered by: a seed, a file, a counter.
type EngineVariable struct {
	resource[capi.Variable]
}

// NewEngineVariable makes one.
func NewEngineVariable() (*EngineVariable, error) {
	handle, err := capi.VariableCreate()
	if err != nil {
		return nil, err
	}
	variable := &EngineVariable{resource[capi.Variable]{handle: handle, free: capi.VariableFree}}
	runtime.SetFinalizer(variable, func(v *EngineVariable) { v.close() })
	return variable, nil
}

// Close gives it back; work under way keeps it.
func (v *EngineVariable) Close() error { return v.close() }

// Wait waits until what was pushed before has written the variable, and returns the error that stands on it.
func (v *EngineVariable) Wait(ctx context.Context) error {
	handle, err := v.open("EngineVariable.Wait")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(v)
	return waiting(ctx, func(wait *capi.WaitT) error { return capi.VariableWait(handle, wait) })
}

// Task is work for the engine: what it reads and writes orders it.
type Task struct {
	Run                     func() error
	Reads, Writes           []*EngineVariable
	ArrayReads, ArrayWrites []*NDArray
	Priority                int
}

// Push runs a task on a thread of the engine's own, when all that it reads and writes is free. An error of Run stays on what it writes.
func Push(task Task) error {
	if task.Run == nil {
		return failf(CodeInvalid, "[Push] Run: expected a function, got nil")
	}
	reads, err := variableHandles(task.Reads)
	if err != nil {
		return err
	}
	writes, err := variableHandles(task.Writes)
	if err != nil {
		return err
	}
	arrayReads, err := handles("Push", task.ArrayReads)
	if err != nil {
		return err
	}
	arrayWrites, err := handles("Push", task.ArrayWrites)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(task)
	return capi.EnginePush(task.Run, reads, int64(len(reads)), writes, int64(len(writes)), arrayReads, int64(len(arrayReads)),
		arrayWrites, int64(len(arrayWrites)), int32(task.Priority))
}

func variableHandles(list []*EngineVariable) ([]capi.Variable, error) {
	found := make([]capi.Variable, len(list))
	for i, variable := range list {
		handle, err := variable.open("Push")
		if err != nil {
			return nil, err
		}
		found[i] = handle
	}
	return found, nil
}
