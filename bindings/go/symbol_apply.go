package mixnet

import (
	"runtime"
	"strconv"
	"strings"
	"sync"

	"mixnet.dev/mixnet/capi"
)

// SymbolOption says more about one node.
type SymbolOption func(*node)

type node struct {
	name         string
	keys, values []string
}

// Name names the node. Its missing inputs are called NAME_weight and so on.
func Name(name string) SymbolOption { return func(n *node) { n.name = name } }

// Attribute sets an attribute of the node, such as __lr_mult__.
func Attribute(key, value string) SymbolOption {
	return func(n *node) { n.keys, n.values = append(n.keys, key), append(n.values, value) }
}

var numbered = struct {
	sync.Mutex
	next map[string]int
}{next: map[string]int{}}

// automatic is the name of a node that was given none: convolution0, convolution1...
func automatic(operator string) string {
	hint := strings.TrimLeft(strings.ToLower(operator), "_")
	numbered.Lock()
	defer numbered.Unlock()
	number := numbered.next[hint]
	numbered.next[hint]++
	return hint + strconv.Itoa(number)
}

// Apply makes a node of an operator by its name, as the functions of package sym do. Inputs that are nil become variables; inputNames may
// be nil, and then no input may be.
func Apply(operatorName string, inputs []*Symbol, inputNames []string, params Parameters, options ...SymbolOption) (*Symbol, error) {
	found, err := operator(operatorName)
	if err != nil {
		return nil, err
	}
	var n node
	for _, option := range options {
		option(&n)
	}
	if n.name == "" {
		n.name = automatic(operatorName)
	}
	given, names, err := inputSymbols(operatorName, inputs, inputNames)
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(inputs)
	return wrapSymbol(capi.SymbolCreate(found, encoded(params), n.keys, n.values, int32(len(n.keys)), given, names, int32(len(given)), n.name))
}

func inputSymbols(place string, inputs []*Symbol, names []string) ([]capi.Symbol, []string, error) {
	if names == nil {
		given, err := symbolHandles(place, inputs)
		return given, nil, err
	}
	var given []capi.Symbol
	var kept []string
	for i, input := range inputs {
		if input == nil {
			continue
		}
		handle, err := input.get(place)
		if err != nil {
			return nil, nil, err
		}
		given, kept = append(given, handle), append(kept, names[i])
	}
	return given, kept, nil
}
