package iters

import (
	"fmt"
	"strconv"
	"strings"
)

// The forms of the C ABI's texts.

func setText(given map[string]string, key, value string) {
	if value != "" {
		given[key] = value
	}
}

func setInt(given map[string]string, key string, value *int) {
	if value != nil {
		given[key] = strconv.Itoa(*value)
	}
}

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

func setList[T int | float64](given map[string]string, key string, values []T) {
	if values == nil {
		return
	}
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = fmt.Sprint(value)
	}
	end := ")"
	if len(values) == 1 {
		end = ",)"
	}
	given[key] = "(" + strings.Join(texts, ",") + end
}
