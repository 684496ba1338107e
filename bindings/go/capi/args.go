package capi

/*
#include "load.h"
*/
import "C"

import (
	"strconv"
	"strings"
	"unsafe"
)

// Args are the parameters of an operator's call, as mxn_arg_t holds them: each a field, its position in the schema, and a value. The
// values stay in Go's memory; the C glue makes the vector of mxn_arg_t on its stack. A nil *Args is empty.
type Args struct {
	list  []C.mxn_go_arg
	texts []byte
	ints  []int64
	reals []float64
}

func (a *Args) add(field, tag int, arg C.mxn_go_arg) {
	arg.field, arg.tag = C.int32_t(field), C.int32_t(tag)
	a.list = append(a.list, arg)
}

// None gives a field the value None.
func (a *Args) None(field int) { a.add(field, TagNone, C.mxn_go_arg{}) }

// Int gives a field an integer.
func (a *Args) Int(field int, value int) {
	a.add(field, TagInt, C.mxn_go_arg{integer: C.int64_t(value)})
}

// Float gives a field a number.
func (a *Args) Float(field int, value float64) {
	a.add(field, TagFloat, C.mxn_go_arg{real: C.double(value)})
}

// Bool gives a field a truth value.
func (a *Args) Bool(field int, value bool) {
	arg := C.mxn_go_arg{}
	if value {
		arg.integer = 1
	}
	a.add(field, TagBool, arg)
}

// Text gives a field a text, which may stand for any kind of value in the form of MXNet's files.
func (a *Args) Text(field int, value string) {
	a.add(field, TagText, C.mxn_go_arg{offset: C.int64_t(len(a.texts))})
	a.texts = append(append(a.texts, value...), 0)
}

// Ints gives a field a tuple of integers.
func (a *Args) Ints(field int, values []int) {
	a.add(field, TagInts, C.mxn_go_arg{offset: C.int64_t(len(a.ints)), count: C.int64_t(len(values))})
	for _, value := range values {
		a.ints = append(a.ints, int64(value))
	}
}

// Floats gives a field a tuple of numbers.
func (a *Args) Floats(field int, values []float64) {
	a.add(field, TagFloats, C.mxn_go_arg{offset: C.int64_t(len(a.reals)), count: C.int64_t(len(values))})
	a.reals = append(a.reals, values...)
}

func (a *Args) first() *C.mxn_go_arg {
	if a == nil {
		return nil
	}
	return first(a.list)
}

func (a *Args) count() C.int32_t {
	if a == nil {
		return 0
	}
	return C.int32_t(len(a.list))
}

func (a *Args) textBytes() *C.char {
	if a == nil {
		return nil
	}
	return (*C.char)(unsafe.Pointer(first(a.texts)))
}

func (a *Args) intValues() *C.int64_t {
	if a == nil {
		return nil
	}
	return (*C.int64_t)(unsafe.Pointer(first(a.ints)))
}

func (a *Args) realValues() *C.double {
	if a == nil {
		return nil
	}
	return (*C.double)(unsafe.Pointer(first(a.reals)))
}

// Bounds gives a field a tuple of integers, some of which may be None: nil.
func (a *Args) Bounds(field int, values []*int) {
	parts := make([]string, len(values))
	for i, value := range values {
		parts[i] = "None"
		if value != nil {
			parts[i] = strconv.Itoa(*value)
		}
	}
	joined := strings.Join(parts, ", ")
	if len(parts) == 1 {
		joined += ","
	}
	a.Text(field, "("+joined+")")
}

// Len is the number of parameters given.
func (a *Args) Len() int { return len(a.list) }
