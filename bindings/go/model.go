package mixnet

import (
	"fmt"
	"sort"
	"strings"
)

// Model is a symbol with parameters: to be trained by Fit, and used by Score and Predict. One goroutine at a time uses it.
type Model struct {
	Symbol *Symbol
	Device Device
	// Args and States are the parameters and auxiliary states that have values, by name. Once the model is bound they are the executor's own.
	Args, States map[string]*NDArray

	executors map[string]*Executor // by their inputs' shapes and whether they compute gradients
	base      *Executor            // the first, with which the others share parameters
}

// NewModel is a model without parameters yet.
func NewModel(symbol *Symbol, device Device) *Model {
	return &Model{Symbol: symbol, Device: device, Args: map[string]*NDArray{}, States: map[string]*NDArray{}, executors: map[string]*Executor{}}
}

// Close gives executors and parameters back, not the symbol.
func (m *Model) Close() error {
	for _, executor := range m.executors {
		executor.Close()
	}
	for _, arrays := range []map[string]*NDArray{m.Args, m.States} {
		for name, array := range arrays {
			array.Close()
			delete(arrays, name)
		}
	}
	m.executors, m.base = map[string]*Executor{}, nil
	return nil
}

// executor is one for batches of these shapes, made when there is none. One with gradients also serves prediction.
func (m *Model) executor(shapes Shapes, training bool) (*Executor, error) {
	for _, gradients := range []bool{true, training} {
		if found := m.executors[fmt.Sprint(gradients, shapes)]; found != nil {
			return found, nil
		}
	}
	inputs, err := m.inputs(shapes)
	if err != nil {
		return nil, err
	}
	options := SimpleBindOptions{Device: m.Device, GradReqs: map[string]GradReq{}, Shared: m.base}
	if training {
		options.GradReq = GradWrite
		for name := range inputs {
			options.GradReqs[name] = GradNull
		}
	}
	made, err := m.Symbol.SimpleBind(inputs, options)
	if err != nil {
		return nil, err
	}
	if m.base == nil {
		if err := m.move(made); err != nil {
			made.Close()
			return nil, err
		}
		m.base = made
	}
	if err := m.fits(made); err != nil {
		made.Close()
		return nil, err
	}
	m.executors[fmt.Sprint(training, shapes)] = made
	return made, nil
}

// fits says whether an executor works on the model's arrays: those of other shapes it has made anew.
func (m *Model) fits(e *Executor) error {
	for _, pair := range []struct{ own, bound map[string]*NDArray }{{m.Args, e.Args}, {m.States, e.States}} {
		for _, name := range sortedKeys(pair.own) {
			bound := pair.bound[name]
			if bound != nil && !sameShape(pair.own[name].Shape(), bound.Shape()) {
				return failf(CodeShape, "[Model] %s: expected shape %v for this data, got %v", name, bound.Shape(), pair.own[name].Shape())
			}
		}
	}
	return nil
}

// inputs are the shapes of those names that are arguments of the symbol.
func (m *Model) inputs(shapes Shapes) (Shapes, error) {
	arguments, err := m.Symbol.Arguments()
	if err != nil {
		return nil, err
	}
	found := Shapes{}
	for _, name := range arguments {
		if shape, given := shapes[name]; given {
			found[name] = shape
		}
	}
	if len(found) == 0 {
		return nil, failf(CodeInvalid, "[Model] data: expected some of %v, got %v", arguments, sortedKeys(shapes))
	}
	return found, nil
}

// move copies the values that the model has into the first executor, whose arrays are the model's from then on.
func (m *Model) move(e *Executor) error {
	for _, pair := range []struct{ from, to map[string]*NDArray }{{m.Args, e.Args}, {m.States, e.States}} {
		for name, value := range pair.from {
			target := pair.to[name]
			if target == nil {
				continue
			}
			if !sameShape(value.Shape(), target.Shape()) {
				return failf(CodeShape, "[Model] %s: expected shape %v, got %v", name, target.Shape(), value.Shape())
			}
			if err := value.CopyTo(target); err != nil {
				return err
			}
		}
	}
	for _, pair := range []struct{ from, to map[string]*NDArray }{{m.Args, e.Args}, {m.States, e.States}} {
		for name, value := range pair.from {
			if target := pair.to[name]; target != nil {
				value.Close()
				pair.from[name] = target
			}
		}
	}
	return nil
}

// parameters are the arguments that are no inputs, sorted. A label that no provider gives is none.
func parameters(e *Executor, inputs Shapes) []string {
	var names []string
	for name := range e.Args {
		if _, input := inputs[name]; !input && !strings.HasSuffix(name, "label") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// InitParams binds the model for training with batches of these shapes. Parameters and states without values get the initializer's, in
// the order of their sorted names.
func (m *Model) InitParams(shapes Shapes, initializer Initializer) error {
	e, err := m.executor(shapes, true)
	if err != nil {
		return err
	}
	attributes, err := m.Symbol.Attributes()
	if err != nil {
		return err
	}
	for _, name := range parameters(e, shapes) {
		if m.Args[name] == nil {
			if err := initialize(initializer, name, attributes[name]["__init__"], e.Args[name]); err != nil {
				return err
			}
			m.Args[name] = e.Args[name]
		}
	}
	for _, name := range sortedKeys(e.States) {
		if m.States[name] == nil {
			if err := initialize(initializer, name, attributes[name]["__init__"], e.States[name]); err != nil {
				return err
			}
			m.States[name] = e.States[name]
		}
	}
	return nil
}
