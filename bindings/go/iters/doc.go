// Package iters holds the parameters of the library's iterators, one struct for each, which mixnet.NewDataIter takes.
//
// What is not given is not sent, and the library takes its default, which stands in the comment. Optional numbers and truth values are pointers, made by op.Opt:
//
//	iters.CSVIter{DataCsv: "numbers.csv", DataShape: []int{3}, BatchSize: op.Opt(100)}
package iters
