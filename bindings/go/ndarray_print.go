package mixnet

import (
	"context"
	"fmt"
	"strings"
)

const mostPrinted = 1000 // elements

// String waits for the values and shows them in brackets, then shape, element type and device; values only where there are not many.
func (a *NDArray) String() string {
	if a == nil {
		return "<NDArray nil>"
	}
	info, err := a.info()
	if err != nil {
		return "<NDArray closed>"
	}
	shape := a.Shape()
	extents := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(shape)), "x"), "[]")
	tail := fmt.Sprintf("<NDArray %s %v %v>", extents, DType(info.Dtype), a.Device())
	if product(shape) > mostPrinted {
		return tail
	}
	values, err := Values[float64](context.Background(), a)
	if err != nil {
		return fmt.Sprintf("<NDArray %s: %v>", extents, err)
	}
	var text strings.Builder
	printed(&text, values, shape, 0)
	return text.String() + "\n" + tail
}

func printed(text *strings.Builder, values []float64, shape []int, depth int) {
	if len(shape) == 0 {
		fmt.Fprintf(text, "%g", float32(values[0]))
		return
	}
	text.WriteString("[")
	for i := 0; i < shape[0]; i++ {
		if i > 0 && len(shape) > 1 {
			text.WriteString("\n" + strings.Repeat(" ", depth+1))
		} else if i > 0 {
			text.WriteString(" ")
		}
		step := product(shape[1:])
		printed(text, values[i*step:(i+1)*step], shape[1:], depth+1)
	}
	text.WriteString("]")
}
