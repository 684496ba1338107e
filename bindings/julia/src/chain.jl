# @mx.chain: layers one after another.

"A layer of a chain on what comes before it."
link(data, layer::SymbolicNode) = compose(layer, data)
link(data, layer::Operator) = layer(data)
link(data, layer) = layer(data)

chain_links(expression) = Meta.isexpr(expression, :call) && expression.args[1] === :(=>) ?
    Any[expression.args[2]; chain_links(expression.args[3])] : Any[expression]

"""
    @mx.chain data => layer => layer ...

Composes layers in order: each layer is an operator called without its data (or a function of a symbol).

    mlp = @mx.chain mx.Variable(:data) => mx.FullyConnected(num_hidden = 64) => mx.Activation(act_type = :relu) =>
                    mx.FullyConnected(num_hidden = 10) => mx.Softmax()
"""
macro chain(expression)
    return esc(foldl((data, layer) -> :($link($data, $layer)), chain_links(expression)))
end
