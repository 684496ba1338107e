# Symbols: expressions over variables that are bound to arrays later. Shapes are given and told as R's dim, the library's reversed.

names_used <- new.env(parent = emptyenv())

# The name given, or the operator's with a counter, as in Python.
name_for <- function(name, hint) {
  if (!is.null(name)) return(name)
  number <- if (is.null(names_used[[hint]])) 0L else names_used[[hint]]
  assign(hint, number + 1L, envir = names_used)
  paste0(hint, number)
}

make_symbol <- function(op, inputs, input_names, params, name, attr) {
  if (!is.null(attr)) attr <- vapply(attr, as.character, "")
  .Call(C_mixnet_symbol, op, inputs, input_names, params, name_for(name, tolower(op)), attr)
}

mx.symbol.Variable <- function(name, shape = NULL, lr_mult = NULL, wd_mult = NULL, dtype = NULL, init = NULL, attr = NULL) {
  symbol <- mxn_symbol_variable(name)
  known <- c(attr, list(
    "__shape__" = if (!is.null(shape)) paste0("(", paste0(rev(shape), collapse = ", "), if (length(shape) == 1) ",", ")"),
    "__lr_mult__" = lr_mult, "__wd_mult__" = wd_mult, "__dtype__" = if (!is.null(dtype)) dtype_code(dtype), "__init__" = init))
  known <- known[!vapply(known, is.null, TRUE)]
  for (key in names(known)) mxn_symbol_set_attr(symbol, key, as.character(known[[key]]))
  symbol
}

mx.symbol.Group <- function(...) mxn_symbol_group(flat_inputs(...))

mx.symbol.load <- function(file.name) mx.symbol.load.json(text_of_file(file.name, "mx.symbol.load"))

text_of_file <- function(path, place) {
  if (!file.exists(path.expand(path))) refuse(place, path, "a file", "none")
  paste(readLines(path.expand(path), warn = FALSE), collapse = "\n")
}

mx.symbol.load.json <- function(json.str) mxn_symbol_from_json(json.str)

mx.symbol.save <- function(symbol, filename) {
  writeLines(mxn_symbol_to_json(symbol), filename)
  invisible(filename)
}

mx.symbol.compose <- function(symbol, ..., name = NULL) {
  replacements <- list(...)
  keys <- names(replacements)
  if (!is.null(keys)) keys[keys == ""] <- NA_character_
  mxn_symbol_compose(symbol, name, if (is.null(keys)) rep(NA_character_, length(replacements)) else keys, unname(replacements))
}

mx.symbol.place <- function(symbol, groups) {
  if (!length(groups) || is.null(names(groups)) || !all(vapply(groups, is.mx.context, TRUE))) {
    refuse("mx.symbol.place", "groups", "contexts named by group", described(groups))
  }
  field <- function(name) vapply(groups, function(ctx) as.integer(ctx[[name]]), 0L, USE.NAMES = FALSE)
  mxn_symbol_place(symbol, names(groups), field("device_typeid"), field("device_id"))
}

is.mx.symbol <- function(x) inherits(x, "MXSymbol")

mx.symbol.arguments <- function(symbol) mxn_symbol_list(symbol, 0)

mx.symbol.outputs <- function(symbol) mxn_symbol_list(symbol, 1)

mx.symbol.auxiliary.states <- function(symbol) mxn_symbol_list(symbol, 2)

mx.symbol.internals <- function(symbol) mxn_symbol_internals(symbol)

mx.symbol.children <- function(symbol) mxn_symbol_children(symbol)

mx.symbol.attr <- function(symbol, key, value = NULL) {
  if (is.null(value)) return(mxn_symbol_get_attr(symbol, key))
  mxn_symbol_set_attr(symbol, key, as.character(value))
  invisible(symbol)
}

# A data frame of node, key, value.
mx.symbol.attributes <- function(symbol) {
  triples <- matrix(mxn_symbol_attributes(symbol), nrow = 3)
  data.frame(node = triples[1, ], key = triples[2, ], value = triples[3, ], stringsAsFactors = FALSE)
}

# ndims and dims of named shapes, as the C ABI takes them.
shape_lists <- function(shapes, place) {
  if (length(shapes) && (is.null(names(shapes)) || any(names(shapes) == ""))) refuse(place, "shapes", "names of arguments", "none")
  list(names = if (length(shapes)) names(shapes), ndims = if (length(shapes)) lengths(shapes),
       dims = if (length(shapes)) unlist(lapply(shapes, rev), use.names = FALSE))
}

named_shapes <- function(shapes, names) {
  stats::setNames(lapply(shapes, function(shape) if (is.null(shape)) NULL else rev(shape)), names)
}

mx.symbol.infer.shape <- function(symbol, ...) {
  given <- shape_lists(list(...), "mx.symbol.infer.shape")
  found <- mxn_symbol_infer_shape(symbol, given$names, given$ndims, given$dims)
  list(arg.shapes = named_shapes(found$arguments, mx.symbol.arguments(symbol)),
       out.shapes = named_shapes(found$outputs, mx.symbol.outputs(symbol)),
       aux.shapes = named_shapes(found$states, mx.symbol.auxiliary.states(symbol)), complete = found$complete == 1)
}

mx.symbol.infer.type <- function(symbol, ...) {
  given <- list(...)
  found <- mxn_symbol_infer_type(symbol, names(given), vapply(given, dtype_code, 0L))
  types <- function(codes, names) stats::setNames(names(DTYPES)[match(unlist(codes), DTYPES)], names)
  list(arg.types = types(found$arguments, mx.symbol.arguments(symbol)), out.types = types(found$outputs, mx.symbol.outputs(symbol)),
       aux.types = types(found$states, mx.symbol.auxiliary.states(symbol)), complete = found$complete == 1)
}

mx.symbol.memory <- function(symbol, ..., is.train = TRUE) {
  given <- shape_lists(list(...), "mx.symbol.memory")
  unlist(mxn_symbol_memory(symbol, given$names, given$ndims, given$dims, as.integer(is.train)))
}

MEMBERS <- list(
  arguments = function(x) mx.symbol.arguments(x), outputs = function(x) mx.symbol.outputs(x),
  auxiliary.states = function(x) mx.symbol.auxiliary.states(x), name = function(x) mxn_symbol_name(x),
  as.json = function(x) function() mxn_symbol_to_json(x), debug.str = function(x) function() mxn_symbol_debug(x),
  get.internals = function(x) function() mx.symbol.internals(x), get.children = function(x) function() mx.symbol.children(x),
  get.output = function(x) function(index) x[[index]], infer.shape = function(x) function(...) mx.symbol.infer.shape(x, ...),
  save = function(x) function(filename) mx.symbol.save(x, filename))

`$.MXSymbol` <- function(x, name) {
  member <- MEMBERS[[name]]
  if (is.null(member)) refuse("MXSymbol", "$", paste("one of", paste(names(MEMBERS), collapse = ", ")), name)
  member(x)
}

`[[.MXSymbol` <- function(x, i) {
  if (is.character(i)) {
    at <- match(i, mx.symbol.outputs(x))
    if (is.na(at)) refuse("MXSymbol", "output", paste("one of", paste(utils::head(mx.symbol.outputs(x), 20), collapse = ", ")), i)
    i <- at
  }
  mxn_symbol_output(x, i - 1)
}

length.MXSymbol <- function(x) length(mx.symbol.outputs(x))

names.MXSymbol <- function(x) mx.symbol.outputs(x)

SYMBOLIC <- c("+" = "elemwise_add", "-" = "elemwise_sub", "*" = "elemwise_mul", "/" = "elemwise_div", "^" = "_power", "%%" = "_mod",
              "==" = "_equal", "!=" = "_not_equal", ">" = "_greater", ">=" = "_greater_equal", "<" = "_lesser", "<=" = "_lesser_equal",
              "&" = "_logical_and", "|" = "_logical_or")

Ops.MXSymbol <- function(e1, e2) {
  if (missing(e2)) {
    unary <- c("-" = "negative", "!" = "logical_not")[.Generic]
    return(if (is.na(unary)) e1 else make_symbol(unary, list(e1), NULL, list(), NULL, NULL))
  }
  if (is.na(SYMBOLIC[.Generic])) refuse("MXSymbol", "operator", paste(names(SYMBOLIC), collapse = " "), .Generic)
  if (is.mx.symbol(e1) && is.mx.symbol(e2)) return(make_symbol(SYMBOLIC[[.Generic]], list(e1, e2), NULL, list(), NULL, NULL))
  scalar <- if (is.mx.symbol(e1)) e2 else e1
  if (!is_number(scalar)) refuse("MXSymbol", .Generic, "a symbol or one number", described(scalar))
  op <- BINARY[[.Generic]][if (is.mx.symbol(e1)) 2 else 3]
  make_symbol(op, list(if (is.mx.symbol(e1)) e1 else e2), NULL, list(as.numeric(scalar)), NULL, NULL)
}

format.MXSymbol <- function(x, ...) {
  sprintf("<MXSymbol %s of %s>", paste(mx.symbol.outputs(x), collapse = ", "), paste(mx.symbol.arguments(x), collapse = ", "))
}

print.MXSymbol <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}
