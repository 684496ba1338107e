// Package op holds the parameters of the library's operators, one struct for each, shared by packages nd (arrays) and sym (symbols).
//
// A parameter that is not given is not sent, and the library takes its default, which stands in the comment. Optional numbers and truth
// values are pointers, made by Opt; an empty text and a nil slice are not given:
//
//	op.Convolution{Kernel: []int{5, 5}, NumFilter: 20, NoBias: op.Opt(true)}
//
// Types of elements are given by name: "float32", "float16", "int32" and so on.
package op
