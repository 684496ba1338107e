package mixnet

import (
	"fmt"
	"strings"
)

// Save writes the checkpoint PREFIX-symbol.json and PREFIX-0001.params, which every language, the predictor and MXNet read.
func (m *Model) Save(prefix string, epoch int) error {
	if err := m.Symbol.Save(prefix + "-symbol.json"); err != nil {
		return err
	}
	named := map[string]*NDArray{}
	for name, array := range m.Args {
		named["arg:"+name] = array
	}
	for name, array := range m.States {
		named["aux:"+name] = array
	}
	return Save(paramsPath(prefix, epoch), named)
}

func paramsPath(prefix string, epoch int) string { return fmt.Sprintf("%s-%04d.params", prefix, epoch) }

// LoadModel reads a checkpoint.
func LoadModel(prefix string, epoch int, device Device) (*Model, error) {
	symbol, err := LoadSymbol(prefix + "-symbol.json")
	if err != nil {
		return nil, err
	}
	path := paramsPath(prefix, epoch)
	arrays, err := Load(path)
	if err != nil {
		return nil, err
	}
	model := NewModel(symbol, device)
	for key, array := range arrays {
		kind, name, _ := strings.Cut(key, ":")
		into := map[string]map[string]*NDArray{"arg": model.Args, "aux": model.States}[kind]
		if into == nil || name == "" {
			return nil, failf(CodeIO, "[LoadModel %s] name: expected arg:NAME or aux:NAME, got %q", path, key)
		}
		into[name] = array
	}
	return model, nil
}
