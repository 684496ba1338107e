// Package sym has every operator of the library as a function on symbols.
//
// An input that is nil becomes a variable called NODE_INPUT, such as conv1_weight. mixnet.Name names the node; without it the name is the
// operator's with a number. Operators whose name begins with an underscore have the prefix Internal.
package sym
