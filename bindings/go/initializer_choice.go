package mixnet

import (
	"encoding/json"
	"regexp"
	"strings"
)

// Rule is an initializer for the parameters whose name matches a pattern.
type Rule struct {
	Pattern     *regexp.Regexp
	Initializer Initializer
}

// Mixed takes the first rule whose pattern matches at the beginning of the name.
func Mixed(rules ...Rule) Initializer {
	return everything(func(name string, array *NDArray) error {
		for _, rule := range rules {
			if at := rule.Pattern.FindStringIndex(name); at != nil && at[0] == 0 {
				return rule.Initializer.Initialize(name, array)
			}
		}
		return failf(CodeInvalid, "[Mixed] %s: expected a pattern that matches, add .* as the last", name)
	})
}

// initializerOf is what a variable's attribute __init__ tells: a name, or JSON such as ["uniform", {"scale": 0.1}].
func initializerOf(text string) (Initializer, error) {
	name, options := text, struct {
		Value, Scale, Sigma, Magnitude *float64
		RndType                        string `json:"rnd_type"`
		FactorType                     string `json:"factor_type"`
	}{}
	if strings.HasPrefix(text, "[") {
		var parts []json.RawMessage
		err := json.Unmarshal([]byte(text), &parts)
		if err == nil && len(parts) > 0 {
			err = json.Unmarshal(parts[0], &name)
		}
		if err == nil && len(parts) > 1 {
			err = json.Unmarshal(parts[1], &options)
		}
		if err != nil {
			return nil, failf(CodeInvalid, "[initializer] __init__: expected a name or [name, options], got %s", text)
		}
	}
	number := func(given *float64, otherwise float64) float64 {
		if given != nil {
			return *given
		}
		return otherwise
	}
	switch strings.ToLower(name) {
	case "zero", "zeros":
		return Zero(), nil
	case "one", "ones":
		return One(), nil
	case "constant":
		return Constant(number(options.Value, 0)), nil
	case "uniform":
		return Uniform(number(options.Scale, 0.07)), nil
	case "normal", "gaussian":
		return Normal(number(options.Sigma, 0.01)), nil
	case "xavier":
		return Xavier(XavierOptions{options.RndType, options.FactorType, number(options.Magnitude, 3)}), nil
	}
	return nil, failf(CodeInvalid, "[initializer] __init__: expected zero, one, constant, uniform, normal or xavier, got %q", name)
}

// initialize gives a parameter its values: by its attribute __init__, whatever its name, or by the initializer.
func initialize(initializer Initializer, name, attribute string, array *NDArray) error {
	if attribute == "" {
		return initializer.Initialize(name, array)
	}
	own, err := initializerOf(attribute)
	if err != nil {
		return err
	}
	if rule, ok := own.(weights); ok {
		return rule(name, array)
	}
	return own.Initialize(name, array)
}
