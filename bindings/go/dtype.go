package mixnet

import "mixnet.dev/mixnet/capi"

// DType is the type of an array's elements.
type DType int32

// The types of elements.
const (
	Float32  DType = capi.Float32
	Float64  DType = capi.Float64
	Float16  DType = capi.Float16
	Uint8    DType = capi.Uint8
	Int32    DType = capi.Int32
	Int8     DType = capi.Int8
	Int64    DType = capi.Int64
	Bool     DType = capi.Bool
	BFloat16 DType = capi.Bfloat16
)

var dtypeNames = map[DType]string{
	Float32: "float32", Float64: "float64", Float16: "float16", Uint8: "uint8", Int32: "int32", Int8: "int8", Int64: "int64", Bool: "bool",
	BFloat16: "bfloat16",
}

// String is the name that operators take, such as "float32".
func (d DType) String() string {
	if name, known := dtypeNames[d]; known {
		return name
	}
	return "unknown"
}

// ParseDType is the type with a name.
func ParseDType(name string) (DType, error) {
	for dtype, known := range dtypeNames {
		if known == name {
			return dtype, nil
		}
	}
	return 0, failf(CodeType, "[dtype] expected one such as float32, got %q", name)
}

// Element is a type of Go that arrays can hold as it is. Float16 and BFloat16 are converted.
type Element interface {
	float32 | float64 | uint8 | int32 | int8 | int64 | bool
}

// dtypeOf is the element type that T is in Go.
func dtypeOf[T Element]() (DType, int) {
	var zero T
	switch any(zero).(type) {
	case float32:
		return Float32, 4
	case float64:
		return Float64, 8
	case uint8:
		return Uint8, 1
	case int32:
		return Int32, 4
	case int8:
		return Int8, 1
	case int64:
		return Int64, 8
	default:
		return Bool, 1
	}
}
