package mixnet

import (
	"runtime"
	"sort"

	"mixnet.dev/mixnet/capi"
)

const (
	listArguments = iota
	listOutputs
	listStates
)

func (s *Symbol) list(place string, what int32) ([]string, error) {
	handle, err := s.get(place)
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(s)
	names, err := capi.SymbolList(handle, what)
	if err != nil {
		return nil, err
	}
	return capi.TextList(names), nil
}

// Arguments are the names of the variables, inputs and parameters, in the order in which they are needed.
func (s *Symbol) Arguments() ([]string, error) { return s.list("Arguments", listArguments) }

// Outputs are the names of the outputs.
func (s *Symbol) Outputs() ([]string, error) { return s.list("Outputs", listOutputs) }

// States are the names of the auxiliary states, such as moving averages.
func (s *Symbol) States() ([]string, error) { return s.list("States", listStates) }

// Name of the node; empty for a group of several.
func (s *Symbol) Name() string {
	handle, err := s.get("Name")
	if err != nil {
		return ""
	}
	defer runtime.KeepAlive(s)
	name, _ := capi.SymbolName(handle)
	return value(name)
}

// Attr is an attribute or parameter of the node, and whether it has it.
func (s *Symbol) Attr(key string) (text string, given bool, err error) {
	handle, err := s.get("Attr")
	if err != nil {
		return "", false, err
	}
	defer runtime.KeepAlive(s)
	found, err := capi.SymbolGetAttr(handle, key)
	return value(found), found != nil, err
}

// SetAttr sets an attribute of the node; one goroutine at a time.
func (s *Symbol) SetAttr(key, text string) error {
	handle, err := s.get("SetAttr")
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(s)
	return capi.SymbolSetAttr(handle, key, text)
}

// Attributes are all nodes' attributes: by node, then by key.
func (s *Symbol) Attributes() (map[string]map[string]string, error) {
	handle, err := s.get("Attributes")
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(s)
	list, err := capi.SymbolAttributes(handle)
	if err != nil {
		return nil, err
	}
	triples, found := capi.TextList(list), map[string]map[string]string{}
	for i := 0; i+2 < len(triples); i += 3 {
		if found[triples[i]] == nil {
			found[triples[i]] = map[string]string{}
		}
		found[triples[i]][triples[i+1]] = triples[i+2]
	}
	return found, nil
}

func sortedKeys[V any](values map[string]V) []string {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
