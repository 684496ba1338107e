package mixnet

import (
	"runtime"

	"mixnet.dev/mixnet/capi"
)

// Shapes are shapes by name; extents of -1 are not known.
type Shapes map[string][]int

// packed is the form in which the C ABI takes shapes.
func (s Shapes) packed() (names []string, ndims []int32, dims []int64) {
	names = sortedKeys(s)
	for _, name := range names {
		ndims = append(ndims, int32(len(s[name])))
		dims = append(dims, int64s(s[name])...)
	}
	return names, ndims, dims
}

// Inferred is what inference found, in the order of Arguments, Outputs and States. An unknown shape is nil, and Complete false.
type Inferred struct {
	Arguments, Outputs, States [][]int
	Complete                   bool
}

// InferShape finds the shapes of everything from some arguments'.
func (s *Symbol) InferShape(known Shapes) (Inferred, error) {
	handle, err := s.get("InferShape")
	if err != nil {
		return Inferred{}, err
	}
	defer runtime.KeepAlive(s)
	names, ndims, dims := known.packed()
	arguments, outputs, states, complete, err := capi.SymbolInferShape(handle, names, ndims, dims, int32(len(names)))
	return inferred(arguments, outputs, states, complete, err)
}

func inferred(arguments, outputs, states capi.Shapes, complete int32, err error) (found Inferred, _ error) {
	if err != nil {
		return found, err
	}
	found.Complete = complete == 1
	for _, list := range []struct {
		from capi.Shapes
		to   *[][]int
	}{{arguments, &found.Arguments}, {outputs, &found.Outputs}, {states, &found.States}} {
		shapes, failed := capi.ShapeList(list.from)
		if failed != nil {
			err = failed
		}
		*list.to = shapes
	}
	return found, err
}

// InferredTypes is what InferType found; -1 where nothing is known.
type InferredTypes struct {
	Arguments, Outputs, States []DType
	Complete                   bool
}

// InferType finds the element types of everything from some arguments'.
func (s *Symbol) InferType(known map[string]DType) (InferredTypes, error) {
	handle, err := s.get("InferType")
	if err != nil {
		return InferredTypes{}, err
	}
	defer runtime.KeepAlive(s)
	names := sortedKeys(known)
	dtypes := make([]int32, len(names))
	for i, name := range names {
		dtypes[i] = int32(known[name])
	}
	arguments, outputs, states, complete, err := capi.SymbolInferType(handle, names, dtypes, int32(len(names)))
	found, err := inferred(arguments, outputs, states, complete, err)
	return InferredTypes{codes(found.Arguments), codes(found.Outputs), codes(found.States), found.Complete}, err
}

// codes are element types, which the library lists as one shape.
func codes(list [][]int) []DType {
	var found []DType
	for _, shape := range list {
		for _, code := range shape {
			found = append(found, DType(code))
		}
	}
	return found
}

// Memory is what a bound plan takes, in bytes: as planned, as it were without sharing, and the most that is alive at once.
type Memory struct {
	Planned, Naive, LowerBound, External, Kept int64
}

func memoryOf(info capi.MemoryInfoT, err error) (Memory, error) {
	return Memory{info.Planned, info.Naive, info.LowerBound, info.External, info.Kept}, err
}

// Memory is what binding with these shapes would take.
func (s *Symbol) Memory(known Shapes, training bool) (Memory, error) {
	handle, err := s.get("Symbol.Memory")
	if err != nil {
		return Memory{}, err
	}
	defer runtime.KeepAlive(s)
	names, ndims, dims := known.packed()
	return memoryOf(capi.SymbolMemory(handle, names, ndims, dims, int32(len(names)), truth(training)))
}

func truth(value bool) int32 {
	if value {
		return 1
	}
	return 0
}
