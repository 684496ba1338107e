package mixnet

import (
	"encoding/json"
	"strings"
	"sync"

	"mixnet.dev/mixnet/capi"
)

// OperatorSchema describes an operator, as the library does.
type OperatorSchema struct {
	Name    string   `json:"name"`
	Aliases []string `json:"aliases"`
	Doc     string   `json:"doc"`
	// Variadic names the parameter that counts the inputs of an operator with any number of them.
	Variadic string            `json:"variadic"`
	Inputs   []InputSchema     `json:"inputs"`
	Params   []ParameterSchema `json:"params"`
	Outputs  []string          `json:"outputs"`
	Hidden   bool              `json:"hidden"`
}

// InputSchema describes an input.
type InputSchema struct {
	Name string `json:"name"`
	Doc  string `json:"doc"`
}

// ParameterSchema describes a parameter; its place in the list is its field.
type ParameterSchema struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Required bool     `json:"required"`
	Default  string   `json:"default"`
	Choices  []string `json:"choices"`
	Doc      string   `json:"doc"`
}

var schemas struct {
	once   sync.Once
	byName map[string]*OperatorSchema
	err    error
}

// Schema describes an operator, found by its name or an alias. The first call reads those of all operators.
func Schema(name string) (*OperatorSchema, error) {
	schemas.once.Do(func() { schemas.byName, schemas.err = readSchemas() })
	if schemas.err != nil {
		return nil, schemas.err
	}
	found, known := schemas.byName[name]
	if !known {
		return nil, failf(CodeInvalid, "[Schema] name: expected an operator, got %q", name)
	}
	return found, nil
}

func readSchemas() (map[string]*OperatorSchema, error) {
	text, err := capi.OpSchemas()
	if err != nil {
		return nil, err
	}
	var list []*OperatorSchema
	if err := json.Unmarshal([]byte(*text), &list); err != nil {
		return nil, err
	}
	found := map[string]*OperatorSchema{}
	for _, schema := range list {
		found[schema.Name] = schema
		for _, alias := range schema.Aliases {
			found[alias] = schema
		}
	}
	return found, nil
}

type textParameters struct {
	fields []int
	texts  []string
}

func (t textParameters) Encode(args *capi.Args) {
	for i, field := range t.fields {
		args.Text(field, t.texts[i])
	}
}

// TextParameters are parameters by name, as texts in the form of MXNet's files: "(2, 2)", "True", "max". They are for Invoke and Apply,
// where an operator is only known when the program runs.
func TextParameters(operatorName string, values map[string]string) (Parameters, error) {
	schema, err := Schema(operatorName)
	if err != nil {
		return nil, err
	}
	var given textParameters
	for field, param := range schema.Params {
		if text, found := values[param.Name]; found {
			given.fields, given.texts = append(given.fields, field), append(given.texts, text)
		}
	}
	if len(given.fields) == len(values) {
		return given, nil
	}
	var names []string
	for _, param := range schema.Params {
		names = append(names, param.Name)
	}
	return nil, failf(CodeInvalid, "[%s] parameter: expected some of %s, got %s", operatorName, strings.Join(names, ", "), strings.Join(sortedKeys(values), ", "))
}
