# A multilayer perceptron in one call.

mx.mlp <- function(data, label, hidden_node = 1, out_node, dropout = NULL, activation = "tanh", out_activation = "softmax", ctx = NULL,
                   ...) {
  activation <- rep_len(activation, length(hidden_node))
  net <- mx.symbol.Variable("data")
  for (k in seq_along(hidden_node)) {
    net <- mx.symbol.FullyConnected(net, num_hidden = hidden_node[k], name = paste0("fc", k))
    net <- mx.symbol.Activation(net, act_type = activation[k], name = paste0("act", k))
    if (!is.null(dropout)) net <- mx.symbol.Dropout(net, p = dropout, name = paste0("dropout", k))
  }
  net <- mx.symbol.FullyConnected(net, num_hidden = out_node, name = paste0("fc", length(hidden_node) + 1))
  heads <- list(softmax = mx.symbol.SoftmaxOutput, rmse = mx.symbol.LinearRegressionOutput, logistic = mx.symbol.LogisticRegressionOutput)
  head <- heads[[out_activation]]
  if (is.null(head)) refuse("mx.mlp", "out_activation", paste("one of", paste(names(heads), collapse = ", ")), out_activation)
  mx.model.FeedForward.create(head(net, name = "out"), X = data, y = label, ctx = ctx, ...)
}
