package mixnet_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"mixnet.dev/mixnet"
	"mixnet.dev/mixnet/capi"
)

// goName is the generator's rule for parameters.
func goName(name string) string {
	var words strings.Builder
	for _, word := range strings.Split(name, "_") {
		if word != "" {
			words.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return words.String()
}

// Every operator of the loaded library has its functions and its parameters, under the names and in the order of its schema.
func TestOperatorsFitTheLibrary(t *testing.T) {
	for _, g := range generated {
		schema, err := mixnet.Schema(g.name)
		ok(t, err)
		var names []string
		for _, param := range schema.Params {
			if param.Name != schema.Variadic {
				names = append(names, goName(param.Name))
			}
		}
		if len(names) == 0 {
			continue
		}
		fields := reflect.TypeOf(g.params)
		for i, name := range names {
			if fields.NumField() != len(names) || fields.Field(i).Name != name {
				t.Fatalf("%s: expected parameters %v, got %v: run make gen", g.name, names, fields)
			}
		}
	}
}

// Every function can be called: without inputs and parameters it gives a result or the library's error.
func TestOperatorsCanBeCalled(t *testing.T) {
	for _, g := range generated {
		for _, function := range []any{g.nd, g.sym} {
			call := reflect.ValueOf(function)
			var given []reflect.Value
			for i := 0; i < call.Type().NumIn()-1; i++ {
				given = append(given, reflect.Zero(call.Type().In(i)))
			}
			results := call.Call(given)
			err, _ := results[1].Interface().(error)
			var own *mixnet.Error
			if err != nil && (!errors.As(err, &own) || own.Code == mixnet.CodeInternal || !strings.HasPrefix(own.Message, "[")) {
				t.Fatalf("%s: expected the library's error, got %v", g.name, err)
			}
			if err == nil && results[0].IsNil() && call.Type().Out(0) == reflect.TypeOf((*mixnet.Symbol)(nil)) {
				t.Fatalf("%s: expected a symbol, got nil", g.name)
			}
		}
	}
}

// Parameters that are given are sent, and only those.
func TestParametersAreSentWhenGiven(t *testing.T) {
	for _, g := range generated {
		if g.params == nil {
			continue
		}
		filled, required := reflect.New(reflect.TypeOf(g.params)).Elem(), 0
		for i := 0; i < filled.NumField(); i++ {
			field := filled.Field(i)
			switch field.Kind() {
			case reflect.Pointer:
				field.Set(reflect.New(field.Type().Elem()))
			case reflect.Slice:
				field.Set(reflect.MakeSlice(field.Type(), 1, 1))
			case reflect.String:
				field.SetString("text")
			default:
				required++
			}
		}
		if sent := encodedCount(filled.Interface()); sent != filled.NumField() {
			t.Fatalf("%s: expected %d parameters, got %d", g.name, filled.NumField(), sent)
		}
		if sent := encodedCount(g.params); sent != required {
			t.Fatalf("%s: expected only the %d required numbers, got %d", g.name, required, sent)
		}
	}
}

func encodedCount(params any) int {
	var args capi.Args
	params.(mixnet.Parameters).Encode(&args)
	return args.Len()
}
