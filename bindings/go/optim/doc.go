// Package optim has the options of the library's optimizers. What is not given is not sent, and the library takes its default, which stands
// in the comment:
//
//	optimizer, err := mixnet.NewOptimizer(optim.SGD{LearningRate: op.Opt(0.05), Momentum: op.Opt(0.9)})
package optim
