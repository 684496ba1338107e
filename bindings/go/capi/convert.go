package capi

/*
#include "gen_glue.h"
*/
import "C"

import "unsafe"

// Null as a text parameter, or in a list of them, means NULL.
const Null = "\x00"

func first[T any](list []T) *T {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}

// text is a copy that ends in NUL, in Go's memory: valid while the call lasts to which it is passed. What follows a NUL is cut.
func text(value string) *C.char {
	if value == Null {
		return nil
	}
	bytes := make([]byte, len(value)+1)
	copy(bytes, value)
	return (*C.char)(unsafe.Pointer(&bytes[0]))
}

// option is text for a member of options: empty means NULL.
func option(value string) *C.char {
	if value == "" {
		return nil
	}
	return text(value)
}

// texts is a vector of C texts in one block of C memory, and the function that frees it.
func texts(list []string) (**C.char, func()) {
	if len(list) == 0 {
		return nil, func() {}
	}
	width := int(unsafe.Sizeof(uintptr(0)))
	size := len(list) * width
	for _, value := range list {
		size += len(value) + 1
	}
	block := C.malloc(C.size_t(size))
	pointers := unsafe.Slice((**C.char)(block), len(list))
	bytes := unsafe.Slice((*byte)(block), size)
	at := len(list) * width
	for i, value := range list {
		pointers[i] = nil
		if value != Null {
			pointers[i] = (*C.char)(unsafe.Pointer(&bytes[at]))
			copy(bytes[at:], value)
			bytes[at+len(value)] = 0
			at += len(value) + 1
		}
	}
	return (**C.char)(block), func() { C.free(block) }
}

// taken copies a text that the library gave away and frees it.
func taken(given *C.char) *string {
	if given == nil {
		return nil
	}
	copied := C.GoString(given)
	C.mxn_go_text_free(given)
	return &copied
}

// TextList copies a list of texts and frees it.
func TextList(list Strings) []string {
	defer StringsFree(list)
	found := make([]string, StringsCount(list))
	for i := range found {
		found[i] = StringsGet(list, int64(i))
	}
	return found
}

// ShapeList copies a list of shapes and frees it; nil where nothing is known, extents of -1 where they are not.
func ShapeList(list Shapes) ([][]int, error) {
	defer ShapesFree(list)
	found := make([][]int, ShapesCount(list))
	for i := range found {
		ndim, extents, err := ShapesGet(list, int64(i))
		if err != nil {
			return nil, err
		}
		if ndim >= 0 {
			found[i] = make([]int, ndim)
			for k, extent := range unsafe.Slice(extents, ndim) {
				found[i][k] = int(extent)
			}
		}
	}
	return found, nil
}

// NdarrayList copies a vector of arrays' handles and frees the vector.
func NdarrayList(vector *Ndarray, count int64) []Ndarray {
	if vector == nil {
		return nil
	}
	list := unsafe.Slice(vector, count)
	found := append([]Ndarray(nil), list...)
	C.mxn_go_ndarray_list_free(vector)
	return found
}

// Text is the NUL-ended text that a struct of the library points to.
func Text(pointer unsafe.Pointer) string {
	return C.GoString((*C.char)(pointer))
}
