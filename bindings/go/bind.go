package mixnet

import (
	"runtime"

	"mixnet.dev/mixnet/capi"
)

// SimpleBindOptions say how SimpleBind makes arrays.
type SimpleBindOptions struct {
	Device Device
	// DTypes by argument; the others are inferred.
	DTypes map[string]DType
	// GradReq of every argument that GradReqs does not name; GradNull when it is not set.
	GradReq GradReq
	// GradReqs by argument.
	GradReqs map[string]GradReq
	// Shared is an executor whose memory, and whose arrays of the same name, shape and type, are used.
	Shared *Executor
}

// SimpleBind makes an executor with fresh arrays, from the shapes of the inputs.
func (s *Symbol) SimpleBind(shapes Shapes, options SimpleBindOptions) (*Executor, error) {
	symbol, err := s.get("SimpleBind")
	if err != nil {
		return nil, err
	}
	shared, err := options.Shared.shared()
	if err != nil {
		return nil, err
	}
	names, ndims, dims := shapes.packed()
	typed, dtypes := numbers(options.DTypes)
	asked, reqs := numbers(options.GradReqs)
	made, err := capi.ExecutorSimpleBind(symbol, options.Device.code(), int32(options.Device.Index), names, ndims, dims, int32(len(names)),
		typed, dtypes, int32(len(typed)), asked, reqs, int32(len(asked)), int32(options.GradReq), shared)
	runtime.KeepAlive(options.Shared)
	return newExecutor(s, made, err)
}

// BindOptions are the arrays of Bind.
type BindOptions struct {
	Device Device
	// Args by name: all of them.
	Args map[string]*NDArray
	// Grads by name, for those to be computed; GradReqs says how, GradWrite where it does not.
	Grads    map[string]*NDArray
	GradReqs map[string]GradReq
	// States by name: all of them.
	States map[string]*NDArray
	// Shared is an executor whose memory is used.
	Shared *Executor
}

// Bind makes an executor of arrays that are there.
func (s *Symbol) Bind(options BindOptions) (*Executor, error) {
	symbol, err := s.get("Bind")
	if err != nil {
		return nil, err
	}
	names, err := s.Arguments()
	if err != nil {
		return nil, err
	}
	states, err := s.States()
	if err != nil {
		return nil, err
	}
	args, err := handles("Bind", ordered(names, options.Args))
	if err != nil {
		return nil, err
	}
	grads, err := handles("Bind", ordered(names, options.Grads))
	if err != nil {
		return nil, err
	}
	given, err := handles("Bind", ordered(states, options.States))
	if err != nil {
		return nil, err
	}
	shared, err := options.Shared.shared()
	if err != nil {
		return nil, err
	}
	made, err := capi.ExecutorBind(symbol, options.Device.code(), int32(options.Device.Index), args, grads, options.requests(names), int64(len(args)),
		given, int64(len(given)), shared)
	runtime.KeepAlive(options)
	return newExecutor(s, made, err)
}

func (o BindOptions) requests(names []string) []int32 {
	reqs := make([]int32, len(names))
	for i, name := range names {
		if _, wanted := o.Grads[name]; !wanted {
			continue
		}
		reqs[i] = int32(GradWrite)
		if req, given := o.GradReqs[name]; given {
			reqs[i] = int32(req)
		}
	}
	return reqs
}

// shared is the handle to share with; NULL for a nil executor.
func (e *Executor) shared() (capi.Executor, error) {
	if e == nil {
		return nil, nil
	}
	return e.open("Shared")
}

func ordered(names []string, arrays map[string]*NDArray) []*NDArray {
	list := make([]*NDArray, len(names))
	for i, name := range names {
		list[i] = arrays[name]
	}
	return list
}

func numbers[N ~int32](values map[string]N) ([]string, []int32) {
	names := sortedKeys(values)
	found := make([]int32, len(names))
	for i, name := range names {
		found[i] = int32(values[name])
	}
	return names, found
}
