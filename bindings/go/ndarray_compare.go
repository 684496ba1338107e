package mixnet

// Comparisons give 1 where they hold and 0 elsewhere, in the array's own element type.

// Equal is a == other, element by element.
func (a *NDArray) Equal(other Operand) (*NDArray, error) {
	return a.binary("broadcast_equal", "_equal_scalar", other)
}

// NotEqual is a != other.
func (a *NDArray) NotEqual(other Operand) (*NDArray, error) {
	return a.binary("broadcast_not_equal", "_not_equal_scalar", other)
}

// Greater is a > other.
func (a *NDArray) Greater(other Operand) (*NDArray, error) {
	return a.binary("broadcast_greater", "_greater_scalar", other)
}

// GreaterEqual is a >= other.
func (a *NDArray) GreaterEqual(other Operand) (*NDArray, error) {
	return a.binary("broadcast_greater_equal", "_greater_equal_scalar", other)
}

// Less is a < other.
func (a *NDArray) Less(other Operand) (*NDArray, error) {
	return a.binary("broadcast_lesser", "_lesser_scalar", other)
}

// LessEqual is a <= other.
func (a *NDArray) LessEqual(other Operand) (*NDArray, error) {
	return a.binary("broadcast_lesser_equal", "_lesser_equal_scalar", other)
}
