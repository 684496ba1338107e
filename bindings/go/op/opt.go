package op

// Opt is the address of a value, for optional parameters.
func Opt[T any](value T) *T { return &value }
