package mixnet

import "mixnet.dev/mixnet/op"

// SymbolOperand is what arithmetic on symbols takes beside the symbol itself: a *Symbol or a Scalar.
type SymbolOperand interface{ symbolOperand() }

func (*Symbol) symbolOperand() {}
func (Scalar) symbolOperand()  {}

func (s *Symbol) binary(both, number string, other SymbolOperand) (*Symbol, error) {
	if value, isNumber := other.(Scalar); isNumber {
		return Apply(number, []*Symbol{s}, []string{"data"}, scalarParams{Scalar: op.Opt(float64(value))})
	}
	symbol, _ := other.(*Symbol)
	if symbol == nil || s == nil {
		return nil, failf(CodeInvalid, "[%s] operand: expected a symbol or a Scalar, got nil", both)
	}
	return Apply(both, []*Symbol{s, symbol}, []string{"lhs", "rhs"}, nil)
}

// Add is s + other; axes of extent 1 are repeated as needed.
func (s *Symbol) Add(other SymbolOperand) (*Symbol, error) {
	return s.binary("broadcast_add", "_plus_scalar", other)
}

// Sub is s - other.
func (s *Symbol) Sub(other SymbolOperand) (*Symbol, error) {
	return s.binary("broadcast_sub", "_minus_scalar", other)
}

// RSub is other - s.
func (s *Symbol) RSub(other Scalar) (*Symbol, error) { return s.binary("", "_rminus_scalar", other) }

// Mul is s * other, element by element.
func (s *Symbol) Mul(other SymbolOperand) (*Symbol, error) {
	return s.binary("broadcast_mul", "_mul_scalar", other)
}

// Div is s / other.
func (s *Symbol) Div(other SymbolOperand) (*Symbol, error) {
	return s.binary("broadcast_div", "_div_scalar", other)
}

// RDiv is other / s.
func (s *Symbol) RDiv(other Scalar) (*Symbol, error) { return s.binary("", "_rdiv_scalar", other) }

// Pow is s to the power other.
func (s *Symbol) Pow(other SymbolOperand) (*Symbol, error) {
	return s.binary("broadcast_power", "_power_scalar", other)
}

// Equal is 1 where s == other, else 0.
func (s *Symbol) Equal(other SymbolOperand) (*Symbol, error) {
	return s.binary("broadcast_equal", "_equal_scalar", other)
}

// Greater is 1 where s > other, else 0.
func (s *Symbol) Greater(other SymbolOperand) (*Symbol, error) {
	return s.binary("broadcast_greater", "_greater_scalar", other)
}

// Less is 1 where s < other, else 0.
func (s *Symbol) Less(other SymbolOperand) (*Symbol, error) {
	return s.binary("broadcast_lesser", "_lesser_scalar", other)
}
