package mixnet

import "mixnet.dev/mixnet/op"

// Scalar is a number as the second operand of arithmetic on arrays and symbols.
type Scalar float64

// Operand is what arithmetic on arrays takes beside the array itself: an *NDArray, whose axes of extent 1 are repeated as needed, or a Scalar.
type Operand interface{ arrayOperand() }

func (*NDArray) arrayOperand() {}
func (Scalar) arrayOperand()   {}

// scalarParams are the parameters of every operator that takes a number: the first is called scalar in all of them.
type scalarParams = op.InternalPlusScalar

func (a *NDArray) binary(both, number string, other Operand, options ...CallOption) (*NDArray, error) {
	if value, isNumber := other.(Scalar); isNumber {
		return Invoke(number, []*NDArray{a}, []string{"data"}, scalarParams{Scalar: op.Opt(float64(value))}, options...)
	}
	array, _ := other.(*NDArray)
	if array == nil {
		return nil, failf(CodeInvalid, "[%s] operand: expected an array or a Scalar, got nil", both)
	}
	return Invoke(both, []*NDArray{a, array}, []string{"lhs", "rhs"}, nil, options...)
}

// Add is a + other, element by element.
func (a *NDArray) Add(other Operand) (*NDArray, error) {
	return a.binary("broadcast_add", "_plus_scalar", other)
}

// Sub is a - other.
func (a *NDArray) Sub(other Operand) (*NDArray, error) {
	return a.binary("broadcast_sub", "_minus_scalar", other)
}

// RSub is other - a.
func (a *NDArray) RSub(other Scalar) (*NDArray, error) { return a.binary("", "_rminus_scalar", other) }

// Mul is a * other, element by element.
func (a *NDArray) Mul(other Operand) (*NDArray, error) {
	return a.binary("broadcast_mul", "_mul_scalar", other)
}

// Div is a / other.
func (a *NDArray) Div(other Operand) (*NDArray, error) {
	return a.binary("broadcast_div", "_div_scalar", other)
}

// RDiv is other / a.
func (a *NDArray) RDiv(other Scalar) (*NDArray, error) { return a.binary("", "_rdiv_scalar", other) }

// Mod is the remainder of a / other, with the sign of other.
func (a *NDArray) Mod(other Operand) (*NDArray, error) {
	return a.binary("broadcast_mod", "_mod_scalar", other)
}

// Pow is a to the power other.
func (a *NDArray) Pow(other Operand) (*NDArray, error) {
	return a.binary("broadcast_power", "_power_scalar", other)
}

// RPow is other to the power a.
func (a *NDArray) RPow(other Scalar) (*NDArray, error) { return a.binary("", "_rpower_scalar", other) }

// Maximum is the larger of a and other.
func (a *NDArray) Maximum(other Operand) (*NDArray, error) {
	return a.binary("broadcast_maximum", "_maximum_scalar", other)
}

// Minimum is the smaller of a and other.
func (a *NDArray) Minimum(other Operand) (*NDArray, error) {
	return a.binary("broadcast_minimum", "_minimum_scalar", other)
}

// Neg is -a.
func (a *NDArray) Neg() (*NDArray, error) { return a.Mul(Scalar(-1)) }

// AddAssign is a += other, where other has no larger shape.
func (a *NDArray) AddAssign(other Operand) error {
	_, err := a.binary("broadcast_add", "_plus_scalar", other, Out(a))
	return err
}

// SubAssign is a -= other.
func (a *NDArray) SubAssign(other Operand) error {
	_, err := a.binary("broadcast_sub", "_minus_scalar", other, Out(a))
	return err
}

// MulAssign is a *= other.
func (a *NDArray) MulAssign(other Operand) error {
	_, err := a.binary("broadcast_mul", "_mul_scalar", other, Out(a))
	return err
}

// DivAssign is a /= other.
func (a *NDArray) DivAssign(other Operand) error {
	_, err := a.binary("broadcast_div", "_div_scalar", other, Out(a))
	return err
}
