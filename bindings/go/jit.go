package mixnet

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"mixnet.dev/mixnet/capi"
)

// Function is a function of arrays that NewJit can trace.
type Function func(inputs []*NDArray) ([]*NDArray, error)

// Jit is a function of arrays as a planned and fused graph. The function itself runs once for each combination of shapes, dtypes, devices and
// mode, with arrays that have no values. Arrays from outside, such as weights, are read anew in every call and have gradients inside Record.
// Reading values and writing arrays are errors while the function is traced. Several goroutines may call one.
type Jit struct {
	fn     Function
	mutex  sync.Mutex
	traces map[string]*traced
}

// traced is one trace: the operator that replays it, and where its inputs come from.
type traced struct {
	op      *CachedOp
	sources []source
}

// source is an array found outside, or the number of an input.
type source struct {
	outside *NDArray
	input   int
}

// NewJit makes one; nothing runs yet.
func NewJit(fn Function) *Jit { return &Jit{fn: fn, traces: map[string]*traced{}} }

// Call runs the graph, after tracing it where it is called like this for the first time.
func (j *Jit) Call(inputs ...*NDArray) ([]*NDArray, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	flags, err := capi.AutogradSet(-1, -1)
	if err != nil {
		return nil, err
	}
	if flags&capi.AutogradTracing != 0 {
		return j.fn(inputs)
	}
	trace, err := j.traced(flags&capi.AutogradTraining != 0, inputs)
	if err != nil {
		return nil, err
	}
	all := make([]*NDArray, len(trace.sources))
	for i, from := range trace.sources {
		if all[i] = from.outside; all[i] == nil {
			all[i] = inputs[from.input]
		}
	}
	return trace.op.Call(all...)
}

// Traces is how often the function itself has run.
func (j *Jit) Traces() int {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return len(j.traces)
}

// Close gives the plans and the arrays back that were found outside.
func (j *Jit) Close() error {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	for key, trace := range j.traces {
		trace.op.Close()
		for _, from := range trace.sources {
			if from.outside != nil {
				from.outside.Close()
			}
		}
		delete(j.traces, key)
	}
	return nil
}

func (j *Jit) traced(training bool, inputs []*NDArray) (*traced, error) {
	key := strings.Builder{}
	fmt.Fprint(&key, training)
	for _, input := range inputs {
		if _, err := input.get("Jit"); err != nil {
			return nil, err
		}
		fmt.Fprint(&key, " ", input.Shape(), input.DType(), input.Device())
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if found := j.traces[key.String()]; found != nil {
		return found, nil
	}
	found, err := trace(j.fn, inputs)
	if err == nil {
		j.traces[key.String()] = found
	}
	return found, err
}

func trace(fn Function, inputs []*NDArray) (found *traced, err error) {
	given, err := handles("Jit", inputs)
	if err != nil {
		return nil, err
	}
	vector, count, err := capi.TraceBegin(given, int64(len(given)))
	if err != nil {
		return nil, err
	}
	open := true
	defer func() {
		if open {
			capi.TraceEnd(nil, 0)
		}
		runtime.KeepAlive(inputs)
	}()
	var standIns []*NDArray
	for _, handle := range capi.NdarrayList(vector, count) {
		standIns = append(standIns, wrap(handle))
	}
	outputs, err := fn(standIns)
	if err != nil {
		return nil, err
	}
	if len(outputs) == 0 {
		return nil, failf(CodeInvalid, "[Jit] expected a function that returns arrays, got none")
	}
	made, err := handles("Jit", outputs)
	if err != nil {
		return nil, err
	}
	open = false
	handle, vector, count, err := capi.TraceEnd(made, int64(len(made)))
	runtime.KeepAlive(outputs)
	symbol, err := wrapSymbol(handle, err)
	if err != nil {
		return nil, err
	}
	defer symbol.Close()
	return replayed(symbol, capi.NdarrayList(vector, count))
}

// The library calls the inputs data0, data1, ... and what was found outside param0, param1, ...
func replayed(symbol *Symbol, found []capi.Ndarray) (*traced, error) {
	outside := make([]*NDArray, len(found))
	for i, handle := range found {
		outside[i] = wrap(handle)
	}
	names, err := symbol.Arguments()
	if err != nil {
		return nil, err
	}
	states, err := symbol.States()
	if err != nil {
		return nil, err
	}
	var parameters []string
	for _, name := range names {
		if strings.HasPrefix(name, "param") {
			parameters = append(parameters, name)
		}
	}
	made := &traced{}
	for _, name := range append(names, states...) {
		number, _ := strconv.Atoi(strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz"))
		if strings.HasPrefix(name, "param") {
			made.sources = append(made.sources, source{outside: outside[number]})
		} else {
			made.sources = append(made.sources, source{input: number})
		}
	}
	made.op, err = NewCachedOp(symbol, parameters...)
	return made, err
}
