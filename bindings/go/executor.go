package mixnet

import (
	"runtime"

	"mixnet.dev/mixnet/capi"
)

// GradReq says what backward does with an argument's gradient.
type GradReq int32

// What backward does with a gradient: nothing, write it, or add it to what is there.
const (
	GradNull  GradReq = capi.GradNull
	GradWrite GradReq = capi.GradWrite
	GradAdd   GradReq = capi.GradAdd
)

// Executor is a symbol with arrays, ready to run. One goroutine at a time runs it.
type Executor struct {
	resource[capi.Executor]
	symbol *Symbol
	// Arrays by name: arguments, their gradients (only those that are computed) and auxiliary states.
	Args, Grads, States map[string]*NDArray
	// Outputs in the symbol's order; forward writes them.
	Outputs []*NDArray
}

const (
	arraysArguments = iota
	arraysGradients
	arraysStates
	arraysOutputs
)

func newExecutor(symbol *Symbol, handle capi.Executor, err error) (*Executor, error) {
	if err != nil {
		return nil, err
	}
	e := &Executor{resource: resource[capi.Executor]{handle: handle, free: capi.ExecutorFree}, symbol: symbol}
	runtime.SetFinalizer(e, func(e *Executor) { e.close() })
	return e, e.collect()
}

func (e *Executor) collect() error {
	names, err := e.symbol.Arguments()
	if err != nil {
		return err
	}
	states, err := e.symbol.States()
	if err != nil {
		return err
	}
	if e.Args, err = e.byName(arraysArguments, names); err != nil {
		return err
	}
	if e.Grads, err = e.byName(arraysGradients, names); err != nil {
		return err
	}
	if e.States, err = e.byName(arraysStates, states); err != nil {
		return err
	}
	e.Outputs, err = e.arrays(arraysOutputs)
	return err
}

func (e *Executor) arrays(what int32) ([]*NDArray, error) {
	vector, count, err := capi.ExecutorArrays(e.handle, what)
	if err != nil {
		return nil, err
	}
	list := capi.NdarrayList(vector, count)
	found := make([]*NDArray, len(list))
	for i, handle := range list {
		if handle != nil {
			found[i] = wrap(handle)
		}
	}
	return found, nil
}

func (e *Executor) byName(what int32, names []string) (map[string]*NDArray, error) {
	list, err := e.arrays(what)
	found := make(map[string]*NDArray, len(list))
	for i, array := range list {
		if array != nil {
			found[names[i]] = array
		}
	}
	return found, err
}

// Close gives the executor and its arrays back; work under way goes on.
func (e *Executor) Close() error {
	for _, arrays := range []map[string]*NDArray{e.Args, e.Grads, e.States} {
		for _, array := range arrays {
			array.Close()
		}
	}
	for _, array := range e.Outputs {
		array.Close()
	}
	return e.close()
}

// Forward computes the outputs.
func (e *Executor) Forward(training bool) error {
	handle, err := e.open("Forward")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(e)
	return capi.ExecutorForward(handle, truth(training))
}

// Backward computes the gradients after Forward in training. grads are the outputs' gradients, nil for ones; losses need none.
func (e *Executor) Backward(grads ...*NDArray) error {
	handle, err := e.open("Backward")
	if err != nil {
		return err
	}
	list, err := handles("Backward", grads)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(e)
	defer runtime.KeepAlive(grads)
	return capi.ExecutorBackward(handle, list, int64(len(list)))
}

// Reshape is the same symbol for other shapes of some inputs, sharing parameters and memory. A changed shape of another argument is an
// error unless partial; a larger array than before is one unless upSizing.
func (e *Executor) Reshape(shapes Shapes, partial, upSizing bool) (*Executor, error) {
	handle, err := e.open("Executor.Reshape")
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(e)
	names, ndims, dims := shapes.packed()
	made, err := capi.ExecutorReshape(handle, truth(partial), truth(upSizing), names, ndims, dims, int32(len(names)))
	return newExecutor(e.symbol, made, err)
}

// Monitor calls fn for every inner output, and with inputs every input, on the thread that calls Forward. The array is valid during the
// call only. A nil fn turns it off.
func (e *Executor) Monitor(fn func(name string, value *NDArray) error, inputs bool) error {
	handle, err := e.open("Monitor")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(e)
	if fn == nil {
		return capi.ExecutorSetMonitor(handle, nil, truth(inputs))
	}
	return capi.ExecutorSetMonitor(handle, func(name string, value capi.Ndarray) error { return fn(name, borrowed(value)) }, truth(inputs))
}

// Memory of the bound plan.
func (e *Executor) Memory(training bool) (Memory, error) {
	handle, err := e.open("Executor.Memory")
	if err != nil {
		return Memory{}, err
	}
	defer runtime.KeepAlive(e)
	return memoryOf(capi.ExecutorMemory(handle, truth(training)))
}

// String is the steps of the plan, a line each.
func (e *Executor) String() string {
	handle, err := e.open("Executor")
	if err != nil {
		return "<Executor closed>"
	}
	defer runtime.KeepAlive(e)
	text, _ := capi.ExecutorDescribe(handle)
	return value(text)
}
