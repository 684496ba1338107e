package optim

import "strconv"

// The forms of the C ABI's texts.

func setFloat(given map[string]string, key string, value *float64) {
	if value != nil {
		given[key] = strconv.FormatFloat(*value, 'g', -1, 64)
	}
}

func setBool(given map[string]string, key string, value *bool) {
	if value != nil && *value {
		given[key] = "True"
	} else if value != nil {
		given[key] = "False"
	}
}
