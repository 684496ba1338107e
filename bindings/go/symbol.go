package mixnet

import (
	"os"
	"runtime"

	"mixnet.dev/mixnet/capi"
)

// Symbol is an expression of operators over variables: one output, or several. Symbols do not change but for their attributes.
type Symbol struct {
	resource[capi.Symbol]
}

func wrapSymbol(handle capi.Symbol, err error) (*Symbol, error) {
	if err != nil || handle == nil {
		return nil, err
	}
	symbol := &Symbol{resource[capi.Symbol]{handle: handle, free: capi.SymbolFree}}
	runtime.SetFinalizer(symbol, func(s *Symbol) { s.close() })
	return symbol, nil
}

// Close gives the symbol back; symbols made from it stay.
func (s *Symbol) Close() error { return s.close() }

func (s *Symbol) get(place string) (capi.Symbol, error) {
	if s == nil {
		return nil, failf(CodeInvalid, "[%s] expected a symbol, got nil", place)
	}
	return s.open(place)
}

// symbolHandles are those of a list without nil.
func symbolHandles(place string, list []*Symbol) ([]capi.Symbol, error) {
	found := make([]capi.Symbol, len(list))
	for i, symbol := range list {
		handle, err := symbol.get(place)
		if err != nil {
			return nil, err
		}
		found[i] = handle
	}
	return found, nil
}

// with makes a symbol from this one's handle.
func (s *Symbol) with(place string, make func(capi.Symbol) (capi.Symbol, error)) (*Symbol, error) {
	handle, err := s.get(place)
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(s)
	return wrapSymbol(make(handle))
}

// Variable is a symbol that stands for an array.
func Variable(name string) (*Symbol, error) { return wrapSymbol(capi.SymbolVariable(name)) }

// Group is several symbols as one, with all their outputs.
func Group(symbols ...*Symbol) (*Symbol, error) {
	list, err := symbolHandles("Group", symbols)
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(symbols)
	return wrapSymbol(capi.SymbolGroup(list, int32(len(list))))
}

// Copy is a deep copy.
func (s *Symbol) Copy() (*Symbol, error) { return s.with("Symbol.Copy", capi.SymbolCopy) }

// Internals are all inner outputs as one symbol.
func (s *Symbol) Internals() (*Symbol, error) { return s.with("Internals", capi.SymbolInternals) }

// Children are the inputs of the output nodes; nil when there are none.
func (s *Symbol) Children() (*Symbol, error) { return s.with("Children", capi.SymbolChildren) }

// Output is output i as a symbol.
func (s *Symbol) Output(i int) (*Symbol, error) {
	return s.with("Output", func(handle capi.Symbol) (capi.Symbol, error) { return capi.SymbolOutput(handle, int64(i)) })
}

// OutputNamed is the output with a name, such as "fc1_output"; with Internals any inner output.
func (s *Symbol) OutputNamed(name string) (*Symbol, error) {
	names, err := s.Outputs()
	if err != nil {
		return nil, err
	}
	for i, known := range names {
		if known == name {
			return s.Output(i)
		}
	}
	return nil, failf(CodeInvalid, "[OutputNamed] name: expected one of %v, got %q", names, name)
}

// Compose replaces variables by symbols, by the variables' names. name, where not empty, becomes the result's.
func (s *Symbol) Compose(name string, replacements map[string]*Symbol) (*Symbol, error) {
	keys := sortedKeys(replacements)
	list := make([]*Symbol, len(keys))
	for i, key := range keys {
		list[i] = replacements[key]
	}
	given, err := symbolHandles("Compose", list)
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = capi.Null
	}
	defer runtime.KeepAlive(list)
	return s.with("Compose", func(handle capi.Symbol) (capi.Symbol, error) {
		return capi.SymbolCompose(handle, name, keys, given, int32(len(given)))
	})
}

// Placed is the same symbol for binding with its groups of nodes (attribute ctx_group) on devices, by group. Symbols made of it are not placed.
func (s *Symbol) Placed(groups map[string]Device) (*Symbol, error) {
	names := sortedKeys(groups)
	kinds, indices := make([]int32, len(names)), make([]int32, len(names))
	for i, name := range names {
		kinds[i], indices[i] = groups[name].code(), int32(groups[name].Index)
	}
	return s.with("Placed", func(handle capi.Symbol) (capi.Symbol, error) {
		return capi.SymbolPlace(handle, names, kinds, indices, int32(len(names)))
	})
}

// JSON is the symbol in the form of MXNet's -symbol.json files.
func (s *Symbol) JSON() (string, error) {
	handle, err := s.get("JSON")
	if err != nil {
		return "", err
	}
	defer runtime.KeepAlive(s)
	text, err := capi.SymbolToJson(handle)
	return value(text), err
}

// Save writes the symbol to a file.
func (s *Symbol) Save(path string) error {
	json, err := s.JSON()
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(json), 0o666)
}

// ParseSymbol reads a symbol from JSON of any generation of MXNet.
func ParseSymbol(json string) (*Symbol, error) { return wrapSymbol(capi.SymbolFromJson(json)) }

// LoadSymbol reads a symbol from a file.
func LoadSymbol(path string) (*Symbol, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseSymbol(string(content))
}

// String is the nodes, a line each.
func (s *Symbol) String() string {
	handle, err := s.get("Symbol")
	if err != nil {
		return "<Symbol closed>"
	}
	defer runtime.KeepAlive(s)
	text, _ := capi.SymbolDebug(handle)
	return value(text)
}

func value(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
